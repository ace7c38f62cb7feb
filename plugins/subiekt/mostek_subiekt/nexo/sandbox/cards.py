"""Dictionaries, entities and products."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from random import Random
from uuid import UUID

from mostek.plugin import invented
from mostek.plugin.invented import Place, Pools
from mostek.plugin.sandbox_writer import day_text, money, share
from mostek_subiekt.nexo.sandbox.rows import Rows

__all__ = ["Cards", "Customer", "Product"]

_VAT = (("23", 23), ("8", 8), ("5", 5), ("0", 0), ("zw", 0), ("np", 0))
_PRICES = (
    ("Detaliczna", 100),
    ("Hurtowa", 85),
    ("Eksport", 25),
    ("Zeszłoroczna", 90),
    ("W przygotowaniu", 95),
)
_NOUNS = ("Śruba", "Nakrętka", "Żarówka", "Łożysko", "Gniazdko", "Przewód")
SERVICE, GOODS, PACKAGING, SET = 1, 2, 3, 4
_OWN_COMPANY = {"Typ": 2, "Podtyp": 11}


@dataclass(frozen=True, slots=True)
class Customer:
    """`version` and `address` are the snapshots that documents point to."""

    id: int
    name: str
    days: int
    version: int
    address: int
    role: str
    delivery: int | None


@dataclass(frozen=True, slots=True)
class Product:
    """Its base unit's row, and its net price in grosze."""

    id: int
    unit: int
    vat: str
    percent: int
    net: int
    kind: int


class Cards:
    def __init__(self, rows: Rows, rng: Random, pools: Pools, today: date) -> None:
        self._rows, self._rng, self._pools, self._today = rows, rng, pools, today
        self.customers: list[Customer] = []
        self.products: list[Product] = []
        self.vat: dict[str, str] = {}
        self.currencies: dict[str, str] = {}
        self.warehouses: list[int] = []
        self.forms: list[tuple[int, int]] = []
        self.lists: dict[str, int] = {}
        self.levels: dict[str, int] = {}
        self.statuses: dict[str, int] = {}
        self.operator: Customer
        self.own: Customer
        self.person = 0
        self._units: dict[str, int] = {}
        self._countries: dict[str, int] = {}

    def write(self, customers: int, products: int) -> None:
        self._dictionaries()
        self.own = self._entity(-1, "own")
        self._entity(-2, "office")
        self.operator = self._entity(-3, "operator")
        self._pay_by_card()
        for number in range(customers):
            self.customers.append(self._entity(number, _role(number)))
        for number in range(products):
            self._product(number)

    def _guid(self) -> str:
        return str(UUID(int=self._rng.getrandbits(128))).upper()

    # Dictionaries

    def _dictionaries(self) -> None:
        add = self._rows.add
        for code, name, base in (
            ("PLN", "złoty", 1),
            ("EUR", "euro", None),
            ("CZK", "korona", None),
        ):
            self.currencies[code] = self._guid()
            row = {"Id": self.currencies[code], "Symbol": code, "Nazwa": name, "Aktywna": 1}
            add("Waluty", row | {"KartotekaWalut_Id": base, "Precyzja": 2})
        for order, (code, percent) in enumerate(_VAT):
            self.vat[code] = self._guid()
            row = {"Id": self.vat[code], "Symbol": code, "Nazwa": f"stawka {code}"}
            row |= {"Stawka": percent / 100, "NumerPorzadkowy": order}
            flags = {"Zwolniona": int(code == "zw"), "NiePodlegaOpodatkowaniu": int(code == "np")}
            add("StawkiVat", row | flags)
        for code, name in (("PL", "Polska"), ("DE", "Niemcy"), ("CZ", "Czechy")):
            self._countries[code] = add("Panstwa", {"Nazwa": name, "KodPanstwaUE": code})
        for symbol in ("szt.", "m", "kg", "h", "karton"):
            self._units[symbol] = add("JednostkiMiar", {"Symbol": symbol, "Nazwa": symbol})
        for symbol, name in (("MAG", "Magazyn główny"), ("SKL", "Sklep")):
            self.warehouses.append(add("Magazyny", {"Symbol": symbol, "Nazwa": name}))
        row = {"Symbol": "CENTRALA", "GlownyMagazyn_Id": self.warehouses[0], "Opis": ""}
        self._rows.link(
            "JednostkiOrganizacyjne", row | {"Id": self._rows.next_id("JednostkiOrganizacyjne")}
        )
        self._forms()
        self._statuses()
        self._price_lists()

    def _forms(self) -> None:
        for name, days, active in (
            ("gotówka", None, 1),
            ("przelew 14 dni", 14, 1),
            ("przelew 30 dni", 30, 1),
            ("przelew 60 dni", 60, 0),
        ):
            row: dict[str, object] = {"Nazwa": name, "TerminPlatnosci": days, "Aktywna": active}
            number = self._rows.add("FormyPlatnosci", row | {"PodmiotCesyjny_Id": None})
            self.forms.append((number, days or 0))

    def _pay_by_card(self) -> None:
        row: dict[str, object] = {"Nazwa": "karta", "TerminPlatnosci": None, "Aktywna": 1}
        number = self._rows.add("FormyPlatnosci", row | {"PodmiotCesyjny_Id": self.operator.id})
        self.forms.append((number, 0))

    def _statuses(self) -> None:
        for name, closed, void in (
            ("Zatwierdzony", 0, 0),
            ("Unieważniony", 0, 1),
            ("Niezrealizowane", 0, 0),
            ("Zrealizowane", 1, 0),
        ):
            row: dict[str, object] = {"Nazwa": name, "Mnemonik": name[0]}
            row |= {"Zamkniety": closed, "Uniewazniony": void}
            self.statuses[name] = self._rows.add("StatusyDokumentow", row)

    def _price_lists(self) -> None:
        published = day_text(self._today, -400)
        for name, level, base, currency, since, closed in (
            ("Detaliczna", "Detaliczny", 1, "PLN", published, None),
            ("Hurtowa", "Hurtowy", 1, "PLN", published, None),
            ("Eksport", "Detaliczny", 0, "EUR", published, None),
            ("Zeszłoroczna", "Detaliczny", 0, "PLN", published, day_text(self._today, -90)),
            ("W przygotowaniu", "Detaliczny", 0, "PLN", None, None),
        ):
            if level not in self.levels:
                self.levels[level] = self._rows.next_id("PoziomyCen")
            validity: dict[str, object] = {
                "HarmonogramWaznosci_DataPoczatkowa": None if base else day_text(self._today, -30),
                "HarmonogramWaznosci_DataKoncowa": None if base else day_text(self._today, 30),
            }
            row: dict[str, object] = {
                "Tytul": name,
                "PoziomCen_Id": self.levels[level],
                "Bazowy": base,
                "Waluta_Id": self.currencies[currency],
                "DataZatwierdzenia": since,
                "DataZamkniecia": closed,
                "Sygnatura_PelnaSygnatura": f"CN {len(self.lists) + 1}",
            }
            self.lists[name] = self._rows.add("Cenniki", row | validity)

    # Entities

    def _entity(self, number: int, role: str) -> Customer:
        rng = self._rng
        first, last = self._pools.person(rng)
        name = _name(number, role, first, last)
        form = 14 if number % 2 else 30
        nip = "" if role in {"person", "german"} else invented.nip(rng)
        vat_number = invented.german_vat(rng) if role == "german" else ""
        customer = self._rows.next_id("Podmioty")
        tax = {
            "NIP": nip,
            "NIPSformatowany": invented.nip_as_typed(nip, 1) if nip else "",
            "NIPUE": vat_number or (f"PL{nip}" if nip and number % 4 == 0 else ""),
        }
        limited = number % 3 == 0
        row: dict[str, object] = {
            "Id": customer,
            "NazwaSkrocona": name[:128],
            **tax,
            "PodatnikUE": int(bool(tax["NIPUE"])),
            "Telefon": f"42 6{abs(number):06d}",
            "Sygnatura_PelnaSygnatura": f"K{abs(number):05d}{'' if number >= 0 else 'X'}",
            "Typ": 2 if role in {"own", "office"} else 1,
            "Podtyp": 11 if role == "own" else 1,
            "Aktywny": int(number % 23 != 7),
            "Jednorazowy": int(role == "one_off"),
            "Kontrahent": int(role != "office"),
            "Uwagi": "Dzwonić po południu" if number % 9 == 0 else None,
            "TerminPlatnosciSprzedaz": form,
            "ZezwalajNaKredytKupiecki": int(role != "person"),
            "LimitKredytuKupieckiego": 5000 if limited else 0,
            "Podmiot_WalutaLimitow_Id": self.currencies["EUR" if number % 6 == 3 else "PLN"],
            "Podmiot_PoziomCen_Id": self.levels["Hurtowy" if number % 2 else "Detaliczny"],
            "Podmiot_DomyslnaWalutaSprzedazy_Id": self.currencies[
                "EUR" if role == "german" else "PLN"
            ],
        }
        if role == "own":
            row |= _OWN_COMPANY
        self._rows.add("Podmioty", row)
        self._kind(customer, name, first, last, role)
        versions = self._versions(customer, name, first, last, role, tax)
        address, delivery = self._addresses(customer, number, role)
        for group in (1, 2) if number % 17 == 4 else (1 + number % 3,):
            self._rows.link("PodmiotGrupa", {"Grupy_Id": group, "Podmioty_Id": customer})
        return Customer(customer, name, form, versions, address, role, delivery)

    def _kind(self, customer: int, name: str, first: str, last: str, role: str) -> None:
        if role in {"person", "one_off"}:
            row: dict[str, object] = {"Imie": first, "Nazwisko": last, "Podmiot_Id": customer}
            person = self._rows.add("Osoby", row | {"PESEL": invented.pesel(self._rng)})
            self.person = self.person or person
            return
        self._rows.add(
            "Firmy",
            {
                "Firma_Podmiot_Id": customer,
                "Nazwa": f"{name} – handel „Żółw” Spółka z o.o.",
                "REGON": invented.regon(self._rng),
            },
        )

    def _versions(
        self, customer: int, name: str, first: str, last: str, role: str, tax: dict[str, str]
    ) -> int:
        """The snapshot that documents froze; the newest is another one."""
        person = role in {"person", "one_off"}
        found = 0
        for word, newest in (("dawniej", False), ("dzisiaj", True)):
            row: dict[str, object] = {
                "NazwaSkrocona": name[:128],
                "Nazwa": "" if person else f"{name} {word}",
                "Imie": first if person else "",
                "Nazwisko": last if person else "",
                **tax,
                "Email": f"biuro{customer}@firma.example" if newest else "stary@firma.example",
                "PodmiotDlaKtoregoHistoria_Id": customer,
                "PodmiotDlaKtoregoNajnowsza_Id": customer if newest else None,
            }
            number = self._rows.next_id("PodmiotHistorie")
            self._rows.link("PodmiotHistorie", row | {"Id": number})
            found = found or number
        return found

    def _addresses(self, customer: int, number: int, role: str) -> tuple[int, int | None]:
        """The main address, its snapshot's id; and that of the delivery address, if there is one."""
        country = "DE" if role == "german" else "PL"
        seat = self._pools.place(self._rng)
        linear = number % 11 == 5
        own = {"Podmiot_Id": customer, "PodmiotAdresuPodstawowego_Id": customer}
        if number % 4 == 0:
            # One address for everything.
            own |= {
                "PodmiotAdresuKorespondencyjnego_Id": customer,
                "PodmiotAdresuDostaw_Id": customer,
            }
        self._address(seat, own, country, linear=linear)
        if number % 4 == 1:
            other = {"Podmiot_Id": customer, "PodmiotAdresuKorespondencyjnego_Id": customer}
            self._address(self._pools.place(self._rng), other, country)
        delivery = None
        if number % 4 == 2:
            place = self._pools.place(self._rng)
            other = {"Podmiot_Id": customer, "PodmiotAdresuDostaw_Id": customer}
            self._address(place, other, country)
            delivery = self._frozen(place)
        return self._frozen(seat), delivery

    def _address(
        self, place: Place, owners: dict[str, int], country: str, *, linear: bool = False
    ) -> None:
        whole = f"{place.street} {place.house}, {place.post_code} {place.town}"
        row: dict[str, object] = {
            "Nazwa": "Oddział",
            "LiniaCalosc": whole,
            "LiniowyAktualny": int(linear),
            "Panstwo_Id": self._countries[country],
        }
        number = self._rows.add("Adresy", row)
        none: dict[str, object] = dict.fromkeys(
            (
                "PodmiotAdresuPodstawowego_Id",
                "PodmiotAdresuKorespondencyjnego_Id",
                "PodmiotAdresuDostaw_Id",
            )
        )
        self._rows.link("Adresy_AdresPodmiotu", none | owners | {"Id": number})
        self._rows.add("AdresySzczegoly", _parts(place) | {"Adres_Id": number})

    def _frozen(self, place: Place) -> int:
        number = self._rows.next_id("AdresHistorie")
        self._rows.add("AdresSzczegolyHistorie", _parts(place) | {"AdresHistoria_Id": number})
        return number

    # Products

    def _product(self, number: int) -> None:
        kind = (GOODS, GOODS, GOODS, GOODS, PACKAGING, SERVICE, SET)[number % 7]
        vat, percent = _VAT[number % len(_VAT)]
        symbol = "h" if kind == SERVICE else ("szt.", "m", "kg")[number % 3]
        product = self._rows.next_id("Asortymenty")
        noun = _NOUNS[number % len(_NOUNS)]
        self._rows.add(
            "Asortymenty",
            {
                "Id": product,
                "Symbol": f"{noun[:3].upper()}-{number:05d}",
                "Nazwa": f"{'Usługa' if kind == SERVICE else noun} nr {number}",
                "Opis": f"{noun} – opis" if number % 4 == 0 else "",
                "Rodzaj_Id": kind,
                "Grupa_Id": 1 + number % 5,
                "PKWiU": "62.01" if kind == SERVICE else "",
                "KodCN": "" if kind == SERVICE else "73181595",
                "StawkaVatSprzedaz_Id": self.vat[vat],
                "IsInRecycleBin": int(number % 19 == 18),
            },
        )
        unit = self._unit(product, symbol, number, base=True)
        net = 100 + (number * 137) % 50_000
        self._codes(product, unit, number)
        self._prices(product, unit, net, percent, number)
        if kind in {GOODS, PACKAGING, SET}:
            self._stock(product, number)
        if number % 19 != 18:
            self.products.append(Product(product, unit, vat, percent, net, kind))

    def _unit(self, product: int, symbol: str, number: int, *, base: bool) -> int:
        stocked = base if number % 13 else not base
        return self._rows.add(
            "JednostkiMiarAsortymentow",
            {
                "Asortyment_Id": product,
                "AsortymentPodstawowej_Id": product if base else None,
                "AsortymentMagazynowy_Id": product if stocked else None,
                "JednostkaMiary_Id": self._units[symbol],
                "Masa": 0.25 if number % 2 else 0,
                "MasaNetto": 0.2 if number % 2 else 0,
                "JednostkaMiaryMasy_Id": self._units["kg"],
                "JednostkaMiaryMasyNettoId": self._units["kg"],
            },
        )

    def _codes(self, product: int, unit: int, number: int) -> None:
        codes = [(invented.ean13(number), unit, unit)]
        if number % 3 == 0 or number % 13 == 0:
            box = self._unit(product, "karton", number, base=False)
            codes.insert(0, (invented.ean13(100_000_000 + number), box, box))
        if number % 8 == 0:
            codes.append((invented.ean13(200_000_000 + number), unit, 0))
        for code, of, main in codes:
            row: dict[str, object] = {"Kod": code, "JednostkaMiaryAsortymentu_Id": of}
            row |= {"JednostkaMiaryAsortymentuZKodemPodstawowym_Id": main or None}
            row |= {"AsortymentDlaKtoregoKodKaucjiId": None}
            self._rows.link("KodyKreskowe", row | {"Id": self._rows.next_id("KodyKreskowe")})

    def _prices(self, product: int, unit: int, net: int, percent: int, number: int) -> None:
        for name, part in (
            ("Detaliczna", 100),
            ("Hurtowa", 85),
            ("Eksport", 25),
            ("Zeszłoroczna", 90),
            ("W przygotowaniu", 95),
        ):
            if name == "Eksport" and number % 2:
                continue
            for main, least in ((1, 0), (0, 10)) if name == "Hurtowa" else ((1, 0),):
                price = share(net, part if main else part - 5, 100)
                self._rows.add(
                    "PozycjeCennika",
                    {
                        "Asortyment_Id": product,
                        "Cennik_Id": self.lists[name],
                        "CenaNetto": money(price),
                        "CenaBrutto": money(price + share(price, percent, 100)),
                        "Glowna": main,
                        "IloscMinAsortymentu": least,
                        "JednostkaMiaryAsortymentu_Id": unit,
                    },
                )

    def _stock(self, product: int, number: int) -> None:
        for warehouse in self.warehouses:
            there = self._rng.randrange(0, 900) / 4 if number % 9 else 0
            reserved = min(there, number % 4)
            self._rows.add(
                "StanyMagazynowe",
                {
                    "Asortyment_Id": product,
                    "Magazyn_Id": warehouse,
                    "IloscDostepna": there - reserved,
                    "IloscZadysponowana": 0,
                    "IloscZarezerwowanaIlosciowo": reserved,
                    "IloscZarezerwowanaDostawowo": 0,
                },
            )


def _role(number: int) -> str:
    if number % 19 == 18:
        return "one_off"
    if number % 13 == 5:
        return "german"
    return "person" if number % 5 == 3 else "company"


def _name(number: int, role: str, first: str, last: str) -> str:
    named = {
        "own": "Nasza Firma",
        "office": "Urząd Skarbowy Łódź",
        "operator": "Karty Płatnicze S.A.",
    }
    if role in named:
        return named[role]
    return f"{last} {first}" if role in {"person", "one_off"} else f"{last} i Wspólnicy {number}"


def _parts(place: Place) -> dict[str, object]:
    return {
        "Ulica": place.street,
        "NrDomu": place.house,
        "NrLokalu": place.flat,
        "KodPocztowy": place.post_code,
        "Miejscowosc": place.town,
        "Poczta": place.town,
    }
