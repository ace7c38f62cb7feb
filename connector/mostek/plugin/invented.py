"""Names, towns and numbers to choose from. Faker is slow, so it only fills the pools."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from random import Random

from faker import Faker
from stdnum.cz import dic
from stdnum.ean import calc_check_digit as ean_digit
from stdnum.iso7064 import mod_11_10
from stdnum.pl import nip as pl_nip
from stdnum.pl import pesel as pl_pesel
from stdnum.pl import regon as pl_regon

__all__ = [
    "Place",
    "Pools",
    "czech_vat",
    "ean13",
    "german_vat",
    "iban",
    "krs",
    "ksef_number",
    "nip",
    "nip_as_typed",
    "pesel",
    "regon",
]

_TAX_OFFICES = ("113", "525", "527", "547", "583", "631", "677", "732", "779", "813", "895", "971")


@dataclass(frozen=True, slots=True)
class Place:
    """An address without a name."""

    street: str
    house: str
    flat: str
    post_code: str
    town: str


class Pools:
    """What Faker knows about Poland, a few hundred of each."""

    def __init__(self, seed: int) -> None:
        fake = Faker("pl_PL")
        fake.seed_instance(seed)
        self._streets = [f"ul. {fake.street_name()}"[:60] for _ in range(400)]
        self._towns = [(fake.postcode(), fake.city()[:40]) for _ in range(300)]
        self.men = [(fake.first_name_male(), fake.last_name_male()) for _ in range(400)]
        self.women = [(fake.first_name_female(), fake.last_name_female()) for _ in range(400)]

    def place(self, rng: Random) -> Place:
        post_code, town = rng.choice(self._towns)
        house = f"{rng.randrange(1, 180)}{rng.choice(('', '', '', 'A', 'b'))}"
        flat = str(rng.randrange(1, 60)) if rng.random() < 0.3 else ""
        return Place(rng.choice(self._streets), house, flat, post_code, town)

    def person(self, rng: Random) -> tuple[str, str]:
        """First name and surname, as long as the columns take them."""
        first, last = rng.choice(self.men if rng.random() < 0.5 else self.women)
        return first[:20], last[:30]


def nip(rng: Random) -> str:
    """A tax number of ten digits with a right checksum."""
    while True:
        digits = f"{rng.choice(_TAX_OFFICES)}{rng.randrange(10**6):06d}"
        check = pl_nip.checksum(digits + "0") % 11
        if check < 10:
            return f"{digits}{check}"


def nip_as_typed(number: str, style: int) -> str:
    """The number as people type it: plain, with dashes in either grouping, spaces, a prefix."""
    a, b, c, d = number[:3], number[3:6], number[6:8], number[8:]
    styles = (
        number,
        f"{a}-{b}-{c}-{d}",
        f"{a}-{number[3:5]}-{number[5:7]}-{number[7:]}",
        f"PL{number}",
        f"PL {a}-{b}-{c}-{d}",
        f"{a} {b} {c} {d}",
        number,
        number,
    )
    return styles[style % len(styles)]


def regon(rng: Random) -> str:
    digits = f"{rng.randrange(10**7, 10**8)}"
    return digits + str(pl_regon.calc_check_digit(digits))


def krs(rng: Random) -> str:
    return f"{rng.randrange(10**5, 10**6):010d}"


def pesel(rng: Random) -> str:
    day = date(rng.randrange(1950, 2000), rng.randrange(1, 13), rng.randrange(1, 29))
    digits = f"{day:%y%m%d}{rng.randrange(10**4):04d}"
    return digits + str(pl_pesel.calc_check_digit(digits))


def german_vat(rng: Random) -> str:
    digits = str(rng.randrange(10**7, 10**8))
    return f"DE{digits}{mod_11_10.calc_check_digit(digits)}"


def czech_vat(rng: Random) -> str:
    digits = str(rng.randrange(10**6, 8 * 10**6))
    return f"CZ{digits}{dic.calc_check_digit_legal(digits)}"


def ean13(number: int) -> str:
    """The bar code of the article `number` of an invented Polish maker."""
    digits = f"590{number:09d}"
    return digits + str(ean_digit(digits))


def iban(rng: Random) -> str:
    account = f"{rng.randrange(10**7, 10**8)}{rng.randrange(10**16):016d}"
    return f"PL{98 - int(account + '252100') % 97:02d}{account}"


def ksef_number(seller_nip: str, day: date, number: int) -> str:
    """A number as KSeF gives it: NIP, day, twelve hexadecimal digits, CRC-8 (polynomial 07)."""
    text = f"{seller_nip}-{day:%Y%m%d}-{number:012X}"
    crc = 0
    for byte in text.encode("ascii"):
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return f"{text}-{crc:02X}"
