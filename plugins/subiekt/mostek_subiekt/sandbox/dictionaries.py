"""The company, its dictionaries and parameters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from random import Random
from typing import NamedTuple

from mostek.plugin import invented
from mostek.plugin.sandbox_writer import Writer, day_text

__all__ = [
    "CODES",
    "EUR_RATE",
    "NO_FORM",
    "PRICE_LEVELS",
    "Dictionaries",
    "Form",
    "Vat",
    "write_dictionaries",
]

EUR_RATE = 42731
"""Złoty for one euro, times 10,000."""

PRICE_LEVELS = (
    ("Detaliczna", 160),
    ("Hurtowa", 135),
    ("Specjalna", 125),
    ("Stały klient", 140),
    ("Sklep internetowy", 150),
    ("Allegro", 158),
    ("Kontrakt", 120),
    ("Promocja", 115),
    ("Pracownicza", 105),
    ("Eksport", 145),
)
"""Name and markup in per cent of the purchase price; the last one is in euro for some products."""

CODES = {1: "FZ", 2: "FS", 5: "KFZ", 6: "KFS", 9: "MM", 10: "PZ", 11: "WZ", 14: "ZW"} | {
    15: "ZD",
    16: "ZK",
    21: "PA",
    62: "FM",
}
"""dok_Typ: the code that a number begins with."""

_VAT = (
    ("23", 23, "Stawka podstawowa"),
    ("8", 8, "Stawka obniżona"),
    ("5", 5, "Stawka obniżona"),
    ("0", 0, "Stawka zerowa"),
    ("zw", 0, "Zwolniony"),
    ("np", 0, "Nie podlega"),
    ("oo", 0, "Odwrotne obciążenie"),
)
_COUNTRIES = (
    ("Niemcy", "DE", True),
    ("Czechy", "CZ", True),
    ("Słowacja", "SK", True),
    ("Litwa", "LT", True),
    ("Grecja", "GR", True),
    ("Ukraina", "UA", False),
    ("Wielka Brytania", "GB", False),
    ("Norwegia", "NO", False),
    ("Polska", "PL", True),
)
_CURRENCIES = (
    ("PLN", "Złoty polski", 1),
    ("EUR", "Euro", 1),
    ("USD", "Dolar amerykański", 1),
    ("CZK", "Korona czeska", 1),
    ("HUF", "Forint węgierski", 100),
)
_VOIVODESHIPS = (
    *("dolnośląskie", "kujawsko-pomorskie", "lubelskie", "lubuskie", "łódzkie", "małopolskie"),
    *("mazowieckie", "opolskie", "podkarpackie", "podlaskie", "pomorskie", "śląskie"),
    *("świętokrzyskie", "warmińsko-mazurskie", "wielkopolskie", "zachodniopomorskie"),
)
_CUSTOMER_GROUPS = ("Podstawowa", "Sklepy", "Instytucje", "Eksport")
_PRODUCT_GROUPS = ("Podstawowa", "Elektryka", "Narzędzia", "Żywność", "Książki", "Usługi")
_WAREHOUSES = (("MAG", "Magazyn główny"), ("SKL", "Sklep"), ("ŁDŹ", "Oddział Łódź"))
_OBJECTS = ((-2, "Faktura sprzedaży"), (-8, "Zamówienie od klienta"), (-14, "Towar"))


class Vat(NamedTuple):
    id: int
    symbol: str
    percent: int


class Form(NamedTuple):
    """A row of sl_FormaPlatnosci."""

    id: int
    days: int
    kind: int


NO_FORM = Form(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Dictionaries:
    """The ids by which the other tables refer to the dictionaries."""

    nip: str
    today: date
    vat: dict[str, Vat]
    forms: tuple[Form, ...]
    card: Form
    instalments: Form
    card_centre: int
    credit_institution: int
    countries: dict[str, int]
    warehouses: dict[int, str]
    users: tuple[int, ...]
    customer_groups: tuple[int, ...]
    product_groups: tuple[int, ...]
    discount: int


def write_dictionaries(writer: Writer, rng: Random, today: date) -> Dictionaries:
    countries = _countries(writer)
    card_centre, credit = (writer.next_id("kh__Kontrahent") for _ in range(2))
    nip = invented.nip(rng)
    forms = _payment_forms(writer, card_centre, credit)
    dictionaries = Dictionaries(
        nip=nip,
        today=today,
        vat=_vat_rates(writer, rng, countries["PL"]),
        forms=forms[:4],
        card=forms[4],
        instalments=forms[5],
        card_centre=card_centre,
        credit_institution=credit,
        countries=countries,
        warehouses=_warehouses(writer, countries["PL"]),
        users=_users(writer),
        customer_groups=_names(writer, "sl_GrupaKh", "grk", _CUSTOMER_GROUPS),
        product_groups=_names(writer, "sl_GrupaTw", "grt", _PRODUCT_GROUPS),
        discount=_discounts(writer),
    )
    _other_dictionaries(writer)
    _company(writer, rng, nip, countries["PL"])
    _parameters(writer, dictionaries)
    return dictionaries


def _names(writer: Writer, table: str, prefix: str, names: tuple[str, ...]) -> tuple[int, ...]:
    ids = tuple(writer.next_id(table) for _ in names)
    for number, name in zip(ids, names, strict=True):
        writer.add(table, {f"{prefix}_Id": number, f"{prefix}_Nazwa": name})
    return ids


def _countries(writer: Writer) -> dict[str, int]:
    ids = {}
    for name, code, member in _COUNTRIES:
        ids[code] = number = writer.next_id("sl_Panstwo")
        # Greece is EL to the EU's tax offices and GR to everybody else.
        row = {
            "pa_Id": number,
            "pa_Nazwa": name,
            "pa_KodPanstwaISO": code,
            "pa_CzlonekUE": int(member),
        }
        eu_code = {"GR": "EL"}.get(code, code) if member else ""
        writer.add("sl_Panstwo", row | {"pa_KodPanstwaUE": eu_code})
    return ids


def _vat_rates(writer: Writer, rng: Random, poland: int) -> dict[str, Vat]:
    # The ids differ from install to install; so they do from seed to seed.
    writer.begin_ids("sl_StawkaVAT", 100000 + rng.randrange(2, 800))
    rates = {
        symbol: Vat(writer.next_id("sl_StawkaVAT"), symbol, percent) for symbol, percent, _ in _VAT
    }
    for position, (symbol, percent, name) in enumerate(_VAT, 1):
        row = {"vat_Id": rates[symbol].id, "vat_Nazwa": name, "vat_Stawka": percent}
        row |= {"vat_Symbol": symbol, "vat_CzySystemowa": 1, "vat_CzyWidoczna": 1}
        row |= {"vat_Pozycja": position, "vat_StawkaZagraniczna": 0, "vat_IdPanstwo": poland}
        writer.add("sl_StawkaVAT", row)
    return rates


def _payment_forms(writer: Writer, card_centre: int, credit: int) -> tuple[Form, ...]:
    forms = []
    # Names with trailing spaces occur in real databases.
    names = ("Przelew 7 dni", "Przelew 14 dni  ", "Przelew 30 dni", "Przelew 60 dni")
    kinds = [(name, days, 0, None, None) for name, days in zip(names, (7, 14, 30, 60), strict=True)]
    more = [("Karta płatnicza", 0, 1, card_centre, None), ("Raty", 30, 3, None, credit)]
    for name, days, kind, centre, institution in [*kinds, *more]:
        form = Form(writer.next_id("sl_FormaPlatnosci"), days, kind)
        forms.append(form)
        row = {"fp_Id": form.id, "fp_Nazwa": name, "fp_Termin": days, "fp_Typ": kind}
        row |= {"fp_CentId": centre, "fp_InstKredytId": institution, "fp_Glowna": int(form.id == 2)}
        writer.add("sl_FormaPlatnosci", row)
    return tuple(forms)


def _warehouses(writer: Writer, poland: int) -> dict[int, str]:
    warehouses = {writer.next_id("sl_Magazyn"): place for place in _WAREHOUSES}
    for number, (symbol, name) in warehouses.items():
        row = {"mag_Id": number, "mag_Symbol": symbol, "mag_Nazwa": name}
        writer.add("sl_Magazyn", row | {"mag_Glowny": int(symbol == "MAG")})
        address = {
            "adr_Id": writer.next_id("adr__Ewid"),
            "adr_IdObiektu": number,
            "adr_TypAdresu": 7,
        }
        writer.add("adr__Ewid", _seat(name, "ul. Magazynowa", "", "", poland) | address)
    return {number: symbol for number, (symbol, _) in warehouses.items()}


def _users(writer: Writer) -> tuple[int, ...]:
    people = (("SZF", "Szef", ""), ("AK", "Kowalska", "Anna"), ("TŻ", "Żółtowski", "Tomasz"))
    ids = []
    for symbol, surname, name in people:
        ids.append(writer.next_id("pd_Uzytkownik"))
        row = {
            "uz_Id": ids[-1],
            "uz_Identyfikator": symbol,
            "uz_Nazwisko": surname,
            "uz_Imie": name,
        }
        writer.add("pd_Uzytkownik", row)
    return tuple(ids)


def _discounts(writer: Writer) -> int:
    number = writer.next_id("sl_Rabat")
    writer.add(
        "sl_Rabat", {"rt_id": number, "rt_Nazwa": "Stały klient", "rt_Rodzaj": 0, "rt_Procent": 5}
    )
    return number


def _other_dictionaries(writer: Writer) -> None:
    for symbol, name, units in _CURRENCIES:
        row = {"wl_Id": writer.next_id("sl_Waluta"), "wl_Symbol": symbol, "wl_Nazwa": name}
        writer.add("sl_Waluta", row | {"wl_LiczbaJednostek": units})
    for name in _VOIVODESHIPS:
        writer.add(
            "sl_Wojewodztwo", {"woj_Id": writer.next_id("sl_Wojewodztwo"), "woj_Nazwa": name}
        )
    _names(writer, "sl_CechaTw", "ctw", ("Nowość", "Wyprzedaż"))
    kinds = {"kat_Typ": 2, "kat_Podtytul": ""}
    for name in ("Sprzedaż", "Zakup"):
        writer.add(
            "sl_Kategoria", {"kat_Id": writer.next_id("sl_Kategoria"), "kat_Nazwa": name} | kinds
        )
    for number, name in _OBJECTS:
        writer.add("gt__Obiekt", {"gto_Id": number, "gto_Nazwa": name})
    field = {"pwp_Id": writer.next_id("pw_Pole"), "pwp_TypObiektu": -8, "pwp_Pole": "pwd_Tekst01"}
    writer.add("pw_Pole", field | {"pwp_Typ": 3, "pwp_Nazwa": "Numer w sklepie"})


def _seat(name: str, street: str, nip: str, phone: str, poland: int) -> dict[str, object]:
    return {
        "adr_Nazwa": name,
        "adr_NazwaPelna": name,
        "adr_NIP": nip,
        "adr_Telefon": phone,
        "adr_Ulica": street,
        "adr_NrDomu": "12",
        "adr_NrLokalu": "",
        "adr_Kod": "90-001",
        "adr_Miejscowosc": "Łódź",
        "adr_Poczta": "Łódź",
        "adr_IdWojewodztwo": 5,
        "adr_IdPanstwo": poland,
        "adr_DataZmiany": None,
        "adr_GLN": None,
    }


def _company(writer: Writer, rng: Random, nip: str, poland: int) -> None:
    name = "Mostowa Hurtownia Łódź sp. z o.o."
    row = {
        "pd_Id": writer.next_id("pd__Podmiot"),
        "pd_Regon": invented.regon(rng),
        "pd_NrKRS": invented.krs(rng),
    }
    row |= {"pd_Email": "biuro@mostowa.example", "pd_LicNazwaFirmy": name, "pd_LicNIP": nip}
    writer.add("pd__Podmiot", row)
    seat = _seat(name, "ul. Piotrkowska", invented.nip_as_typed(nip, 1), "42 600 00 00", poland)
    keys = {"adr_Id": writer.next_id("adr__Ewid"), "adr_IdObiektu": 1, "adr_TypAdresu": 8}
    writer.add("adr__Ewid", seat | keys)
    for currency in ("PLN", "EUR"):
        number = invented.iban(rng)
        account = {"rb_Id": writer.next_id("rb__RachBankowy"), "rb_Nazwa": f"Rachunek {currency}"}
        account |= {"rb_Numer": number, "rb_Bank": "Bank Przykładowy S.A.", "rb_IBAN": 1}
        account |= {"rb_IdWaluty": currency, "rb_Podstawowy": int(currency == "PLN")}
        account |= {"rb_NumerZnormalizowany": number, "rb_TypIdentyfikacjiPlatnosci": 1}
        writer.add("rb__RachBankowy", account)


def _parameters(writer: Writer, dictionaries: Dictionaries) -> None:
    rates = dictionaries.vat
    row = {
        "su_Id": writer.next_id("su_Parametr"),
        "su_StatusDokZK": 6,
        "su_VatZwId": rates["zw"].id,
        "su_PlatOdr": 1,
    }
    row |= {"su_VatExId": rates["0"].id, "su_VatUEId": rates["0"].id, "su_VatOOId": rates["oo"].id}
    writer.add("su_Parametr", row | {"su_VatUJId": rates["23"].id, "su_VatUJProc": 23})
    names: dict[str, object] = {"twp_Nazwa1": "Kolor", "twp_Nazwa2": "Seria"}
    names |= {f"twp_NazwaCeny{i}": name for i, (name, _) in enumerate(PRICE_LEVELS, 1)}
    writer.add(
        "tw_Parametr",
        {"twp_Id": writer.next_id("tw_Parametr"), "twp_StawkaVAT": rates["23"].id, **names},
    )
    writer.add("kh_ParametrG", {"khp_Id": writer.next_id("kh_ParametrG"), "khp_Nazwa1": "Trasa"})
    for kind, code in CODES.items():
        numbering = {"np_Typ": kind, "np_DefiniowalnyId": 0, "np_NrRodzaj": 1, "np_NrMiesiac": 1}
        by_warehouse = int(code != "ZK")
        writer.add("nr_Parametr", numbering | {"np_NrRok": 1, "np_NrSymbolRej": by_warehouse})
        title = {"dkp_Typ": kind, "dkp_Podtyp": 0, "dkp_Tytul": _TITLES.get(code, code)}
        prices = {"dkp_CenyPoziom": 2, "dkp_CenyTyp": int(code != "PA"), "dkp_KatId": 1}
        writer.add("dok_Parametr", title | prices | {"dkp_PlatnId": dictionaries.forms[1].id})
    writer.add(
        "fl_Grupy", {"flp_Id": writer.next_id("fl_Grupy"), "flp_Nazwa": "Zamówienia od klientów"}
    )
    flag = {"flg_Id": writer.next_id("fl__Flagi"), "flg_Numer": 1, "flg_Text": "Do wyjaśnienia"}
    writer.add("fl__Flagi", flag | {"flg_IdGrupy": 1})
    stamp: dict[str, object] = {"flw_CzasOstatniejZmiany": day_text(dictionaries.today)}
    stamp |= {"flw_IdGrupyFlag": 1, "flw_TypObiektu": -8, "flw_IdObiektu": 1, "flw_IdFlagi": 1}
    writer.add("fl_Wartosc", stamp | {"flw_IdUzytkownika": dictionaries.users[0]})


_TITLES = {"FS": "Faktura VAT", "ZK": "Zamówienie od klienta", "KFS": "Faktura korygująca VAT"}
