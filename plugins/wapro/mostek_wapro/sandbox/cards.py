"""The companies, their dictionaries, customers and products."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from mostek.plugin import invented
from mostek.plugin.clarion import clarion
from mostek.plugin.invented import Pools
from mostek.plugin.sandbox_writer import Writer, money, share

__all__ = ["COMPANY", "ORDER_TYPE", "OTHER_COMPANY", "Cards", "Customer", "Product"]

COMPANY, OTHER_COMPANY = 3, 7
USER, ORDER_TYPE = 3_000_007, 14
#: Of customers: no int of 32 bits holds them, numeric(18,0) does.
FIRST_ID = 3_000_000_001
_VAT = (("23", 23), ("8", 8), ("5", 5), ("0", 0), ("zw", 0), ("np", 0))
_FORMS = (("gotówka", 0), ("przelew 14 dni", 14), ("przelew 30 dni", 30), ("pobranie", 3))
_NOUNS = ("Śruba", "Nakrętka", "Żarówka", "Łożysko", "Gniazdko", "Przewód")


@dataclass(frozen=True, slots=True)
class Customer:
    id: int
    name: str
    form: str
    days: int
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Product:
    """The card of a product in one warehouse; its net price in grosze."""

    id: int
    warehouse: int
    unit: str
    vat: str
    percent: int
    net: int
    stocked: bool = True


class Cards:
    def __init__(self, writer: Writer, rng: Random, pools: Pools, today: date) -> None:
        self._writer, self._rng, self._pools, self._today = writer, rng, pools, today
        self.customers: list[Customer] = []
        self.products: list[Product] = []
        self.warehouses = (1, 2)
        self.employee = 5

    def write(self, customers: int, products: int) -> None:
        self._dictionaries()
        self._users()
        for number in range(customers):
            self.customers.append(self._customer(number))
        self._customer(customers, company=OTHER_COMPANY)
        for number in range(products):
            for warehouse in self.warehouses:
                self._product(number, warehouse)
        self._product(0, 9)

    def _dictionaries(self) -> None:
        add, rng = self._writer.add, self._rng
        for number, name in ((COMPANY, "Nasza"), (OTHER_COMPANY, "Inna")):
            add(
                "FIRMA",
                {
                    "ID_FIRMY": number,
                    "NAZWA": name,
                    "NAZWA_PELNA": f"{name} Spółka z o.o.",
                    "MAG": 1,
                }
                | {"NIP": invented.nip_as_typed(invented.nip(rng), 1), "SEMAFOR": None},
            )
        for code, percent in _VAT:
            add("STAWKA_VAT", {"KOD_VAT": code, "NAZWA": code, "STAWKA": percent, "AKTYWNY": "1"})
        for number, (name, days) in enumerate(_FORMS, 1):
            row = {"ID_FORMY": number, "NAZWA": name, "DNI_NALEZNOSCI": days, "KOD": str(number)}
            add("FORMA_PLATNOSCI", row | {"AKTYWNA": "1", "ID_FIRMY": COMPANY, "TERMINAL": 0})
        for number, name in ((1, "Detaliczna"), (2, "Hurtowa")):
            add("CENA", {"ID_CENY": number, "ID_FIRMY": COMPANY, "NAZWA": name, "SEMAFOR": None})
        for number, symbol, company in (
            (1, "MAG", COMPANY),
            (2, "SKL", COMPANY),
            (9, "OBC", OTHER_COMPANY),
        ):
            row = {"ID_MAGAZYNU": number, "ID_FIRMY": company, "SYMBOL": symbol}
            add("MAGAZYN", row | {"NAZWA": f"Magazyn {symbol}"})
            for category in range(3):
                row = {
                    "ID_KATEGORII": number * 10 + category,
                    "ID_MAGAZYNU": number,
                    "SEMAFOR": None,
                }
                add("KATEGORIA_ARTYKULU", row | {"NAZWA": ("Śruby", "Światło", "Usługi")[category]})
        for number, name in ((1, "Podstawowa"), (2, "Hurtownicy")):
            row = {"ID_GRUPY": number, "ID_FIRMY": COMPANY, "NAZWA": name, "ID_CENY": number}
            add(
                "GRUPA_KONTRAHENTA",
                row | {"SEMAFOR": None, "DOMYSLNA": "1" if number == 1 else "0"},
            )
        row = {"ID_PRACOWNIKA": self.employee, "ID_FIRMY": COMPANY, "KOD_PRACOWNIKA": 1}
        add(
            "PRACOWNIK",
            row
            | {"IMIE_1": "Żaneta", "NAZWISKO": "Źródło", "SEMAFOR": None, "NR_EWIDENCYJNY": "1"}
            | {"ID_UZYTKOWNIKA": USER},
        )
        for code, name in (("PLN", "złoty"), ("EUR", "euro"), ("CZK", "korona czeska")):
            add("WALUTY", {"SYM_WALUTY": code, "NAZWA": name})
        row = {"IDTAB": 1, "PRGKOD": 3, "PRGNAZWA": "WAPRO Mag", "PRGWER": "8.90.1", "DBWER": 890.1}
        add("WAPRODBSTATE", row)

    def _users(self) -> None:
        """The users, and what orders need: their type, with another id than usual, and its numbers."""
        add = self._writer.add
        for number, name, active in ((1, "admin", "1"), (USER, "MOSTEK", "1"), (9, "DAWNY", "0")):
            row = {"ID_UZYTKOWNIKA": number, "IDENTYFIKATOR": name, "NAZWA": name}
            add("UZYTKOWNIK", row | {"CZY_AKTYWNY": active, "ARCHIWALNY": 0})
        for kind, company in ((ORDER_TYPE, COMPANY), (12, OTHER_COMPANY)):
            row = {"ID_TYPU": kind, "SYGNATURA": "ZO", "ID_FIRMY": company, "RODZAJ": ""}
            add("TYP_DOKUMENTU_MAGAZYNOWEGO", row | {"NAZWA": "Zamówienie od odbiorcy"})
        for warehouse in self.warehouses:
            row = {"ID_FIRMY": COMPANY, "DOKUMENT": 2, "ID_TYPU": ORDER_TYPE, "OKRESNUMERACJI": 1}
            row |= {"ID_ZASOBU": warehouse, "PARAMETR1": 1, "PARAMETR2": 0}
            add("DEFINICJA_NUMERACJI", row | {"FORMAT": "ZO ####/$$"})

    def _customer(self, number: int, company: int = COMPANY) -> Customer:
        writer, rng = self._writer, self._rng
        place = self._pools.place(rng)
        first, last = self._pools.person(rng)
        foreign, private = number % 13 == 5, number % 5 == 3
        form, days = _FORMS[number % len(_FORMS)]
        name = f"{last} {first}" if private else f"{last} i Wspólnicy {number}"
        customer = Customer(FIRST_ID + number * 7, name[:50], form, days, foreign)
        nip = "" if private else invented.nip_as_typed(invented.nip(rng), number)
        if foreign:
            nip = invented.german_vat(rng)
        address = {
            "SYM_KRAJU": "DE" if foreign else "PL",
            "KOD_POCZTOWY": "10115" if foreign else place.post_code,
            "MIEJSCOWOSC": place.town,
            "ULICA_LOKAL": f"{place.street} {place.house}"[:50],
            "WOJEWODZTWO": "" if foreign else "łódzkie",
            "POWIAT": "",
        }
        seat = {f"{name}_KOR": value for name, value in address.items()} if number % 6 == 1 else {}
        row: dict[str, object] = {
            "ID_KONTRAHENTA": customer.id,
            "ID_FIRMY": company,
            "ID_GRUPY": 1 + number % 2,
            "KOD_KONTRAHENTA": number + 1,
            "NAZWA": customer.name,
            "NAZWA_PELNA": f"{name} – handel „Żółw”" if number % 4 else "",
            "NIP": nip,
            "REGON": invented.regon(rng) if nip and not foreign else "",
            "PESEL": invented.pesel(rng) if private else "",
            "ODBIORCA": 0 if number % 17 == 16 else 1,
            "DOSTAWCA": int(number % 17 == 16),
            "Incydentalny": int(number % 19 == 18),
            "VAT_CZYNNY": "0" if private else "1",
            "KontrahentUE": int(foreign),
            "ZABLOKOWANY": "1" if number % 23 == 7 else "0",
            "LIMIT_KUPIECKI": 5000 if number % 3 == 0 else 0,
            "FORMA_PLATNOSCI": form,
            "TERMIN_NALEZNOSCI": days,
            "DOMYSLNY_RABAT": (0, -5, 3)[number % 3],
            "ID_HANDLOWCA": self.employee if number % 2 else None,
            "ADRES_EMAIL": f"biuro{number}@firma.example" if number % 3 else None,
            "TELEFON_FIRMOWY": f"42 6{number:06d}",
            "DOM_SYM_WAL": "EUR" if foreign else "",
            "UWAGI": "Dzwonić po południu" if number % 9 == 0 else None,
            "SEMAFOR": 1 if number % 29 == 1 else 0,
            "FLAGA_STANU": int(number % 29 == 1),
        }
        none = {f"{name}_KOR": "" for name in address}
        writer.add("KONTRAHENT", none | row | address | seat)
        self._history(customer, name, nip, address, number)
        if number % 3 == 0:
            self._contact(customer, first, last, number)
        if number % 4 == 0:
            self._delivery_place(customer, last, address)
        return customer

    def _history(
        self, customer: Customer, name: str, nip: str, address: dict[str, str], number: int
    ) -> None:
        """Every other customer was called otherwise until 300 days ago."""
        changes = ((1, "dawniej"), (clarion(self._today - timedelta(days=300)), "dzisiaj"))
        for since, word in changes if number % 2 else ():
            row: dict[str, object] = {
                "ID_ADRESY_KONTRAHENTA": self._writer.next_id("ADRESY_KONTRAHENTA"),
                "ID_KONTRAHENTA": customer.id,
                "DATA_OD": since,
                "NIP": nip,
                "NAZWA_PELNA": f"{name} {word}",
            }
            self._writer.add("ADRESY_KONTRAHENTA", row | address)

    def _contact(self, customer: Customer, first: str, last: str, number: int) -> None:
        self._writer.add(
            "KONTAKT",
            {
                "ID_KONTAKTU": self._writer.next_id("KONTAKT"),
                "ID_KONTRAHENTA": customer.id,
                "IMIE": first,
                "NAZWISKO": last,
                "TEL": "",
                "TEL_KOM": "600 100 200",
                "DOMYSLNY": 1,
                "E_MAIL": f"os{number}@firma.example",
            },
        )

    def _delivery_place(self, customer: Customer, person: str, address: dict[str, str]) -> None:
        self._writer.add(
            "MIEJSCE_DOSTAWY",
            {
                "ID_MIEJSCA_DOSTAWY": self._writer.next_id("MIEJSCE_DOSTAWY"),
                "ID_KONTRAHENTA": customer.id,
                "FIRMA": "Oddział Łódź",
                "ODBIORCA": person,
                "TEL": "42 600 00 00",
            }
            | {
                name: address[name]
                for name in ("SYM_KRAJU", "KOD_POCZTOWY", "MIEJSCOWOSC", "ULICA_LOKAL")
            },
        )

    def _product(self, number: int, warehouse: int) -> None:
        writer, rng = self._writer, self._rng
        service = number % 12 == 11
        vat, percent = _VAT[number % len(_VAT)]
        unit = "h" if service else ("szt.", "m", "kg")[number % 3]
        net = 100 + (number * 137) % 50_000
        product = Product(
            writer.next_id("ARTYKUL"), warehouse, unit, vat, percent, net, not service
        )
        base = writer.next_id("JEDNOSTKA")
        unit_row = {"ID_ARTYKULU": product.id, "ID_FIRMY": COMPANY}
        writer.add(
            "JEDNOSTKA",
            unit_row | {"ID_JEDNOSTKI": base, "NAZWA": unit, "SKROT": unit, "PRZELICZNIK": 1},
        )
        name = f"{'Usługa' if service else _NOUNS[number % 6]} nr {number}"
        stock = 0 if service else rng.randrange(0, 900) / 4
        writer.add(
            "ARTYKUL",
            {
                "ID_ARTYKULU": product.id,
                "ID_MAGAZYNU": warehouse,
                "ID_KATEGORII": warehouse * 10 + (2 if service else number % 2),
                "ID_CENY_DOM": 1,
                "ID_JEDNOSTKI": base,
                "VAT_SPRZEDAZY": vat,
                "NAZWA": name[:40],
                "NAZWA_CALA": f"{name}, opakowanie zbiorcze" if number % 3 else "",
                "INDEKS_KATALOGOWY": f"{_NOUNS[number % 6][:3].upper()}-{number:05d}",
                "RODZAJ": "Usługa" if service else "Towar",
                "KOD_KRESKOWY": "" if service else invented.ean13(number),
                "STAN": stock,
                "ZAREZERWOWANO": min(stock, number % 4),
                "PKWIU": "62.01" if service else None,
                "KOD_CN": None if service else "73181595",
                "OPIS": f"{name} – opis" if number % 4 == 0 else None,
                "PRODUCENT": "Żelazo S.A." if number % 2 else None,
                "INDEKS_PRODUCENTA": f"Z/{number}",
                "ZABLOKOWANY": "1" if number % 15 == 14 else "0",
                "SEMAFOR": 0,
            },
        )
        self._prices_and_codes(product, number)
        if warehouse in self.warehouses:
            self.products.append(product)

    def _prices_and_codes(self, product: Product, number: int) -> None:
        writer = self._writer
        for level, percent in ((1, 100), (2, 85)):
            net = 0 if level == 2 and number % 10 == 9 else share(product.net, percent, 100)
            row = {"ID_CENA_ARTYKULU": writer.next_id("CENA_ARTYKULU"), "ID_ARTYKULU": product.id}
            gross = net + share(net, product.percent, 100)
            writer.add(
                "CENA_ARTYKULU",
                row
                | {
                    "ID_CENY": level,
                    "SYM_WAL": "",
                    "CENA_NETTO": money(net),
                    "CENA_BRUTTO": money(gross),
                },
            )
        if product.stocked and number % 3 == 0:
            box = writer.next_id("JEDNOSTKA")
            row = {"ID_ARTYKULU": product.id, "ID_FIRMY": COMPANY, "ID_JEDNOSTKI": box}
            writer.add("JEDNOSTKA", row | {"NAZWA": "karton", "SKROT": "kart.", "PRZELICZNIK": 12})
            code = {
                "ID_MAGAZYNU": product.warehouse,
                "KOD_KRESKOWY": invented.ean13(100_000_000 + number),
            }
            code |= {"ID_ARTYKULU": product.id, "ID_JEDNOSTKI": box, "DOM_ILOSC": 1}
            writer.add(
                "KOD_KRESKOWY", code | {"ID_KODU_KRESKOWEGO": writer.next_id("KOD_KRESKOWY")}
            )
