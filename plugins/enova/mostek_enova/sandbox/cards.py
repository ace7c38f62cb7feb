"""Dictionaries, contractors, products with prices and lots."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from uuid import UUID

from mostek.plugin import invented
from mostek.plugin.invented import Pools
from mostek.plugin.sandbox_writer import Writer, day_text, money, share

__all__ = ["EMPTY", "MAX", "OPERATOR", "Cards", "Customer", "Product", "guid"]

EMPTY, MAX = "1900-01-01 00:00:00", "2099-12-31 00:00:00"
ONE_OFF, OPERATOR = 1, 2
#: Ids of the first rows, so that tables' ids overlap and a link to the wrong table is seen.
_FIRST = 10

#: Id, code, fraction, status: 0 % and the rates without one all store 0.
VAT = (
    (4, "23%", 23, 0),
    (5, "8%", 8, 0),
    (6, "5%", 5, 0),
    (7, "0%", 0, 0),
    (8, "zw", 0, 2),
    (9, "np", 0, 3),
    (10, "oo", 0, 4),
)
#: Ids of SposobyZaplaty and of FormyPlatnosci, name, kind, days.
FORMS = ((11, 21, "Gotówka", 1, 0), (12, 22, "Przelew", 2, 14), (13, 23, "Karta", 3, 0))
WAREHOUSES = ((3, "F", "Firma", 0), (4, "SKL", "Sklep Łódź", 1), (6, "USL", "Usługi", 2))
UNITS = ((31, "szt"), (32, "kg"), (33, "m"), (34, "godz"))
#: Id, name, direction, algorithm, on cards, blocked, percent of the base price.
PRICES = (
    (41, "Zakupu", 2, 8, 1, 0, 60),
    (42, "Podstawowa", 4, 0, 1, 0, 100),
    (43, "Hurtowa", 4, 1, 1, 0, 85),
    (44, "Detaliczna", 4, 2, 1, 0, 110),
    (49, "Dawna", 4, 0, 1, 1, 90),
)
#: Id, symbol, category, fiscal.
DEFINITIONS = (
    (51, "FV", 2, 0),
    (52, "PAR", 2, 1),
    (53, "KFV", 3, 0),
    (54, "FZ", 4, 0),
    (55, "WZ", 104, 0),
    (56, "ZO", 302, 0),
    (57, "ZOI", 302, 0),
    (58, "PARE", 2, 1),
    (59, "FZAL", 2, 0),
    (60, "ZO/D", 302, 0),
)
_NOUNS = ("Śruba", "Nakrętka", "Żarówka", "Łożysko", "Gniazdko", "Przewód")


@dataclass(frozen=True, slots=True)
class Customer:
    id: int
    form: tuple[int, int, str, int, int]
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Product:
    """A card; `vat` is a row of VAT, the net price in grosze."""

    id: int
    name: str
    unit: str
    vat: tuple[int, str, int, int]
    net: int
    stocked: bool


def guid(rng: Random) -> str:
    return str(UUID(int=rng.getrandbits(128), version=4)).upper()


@dataclass
class Cards:
    writer: Writer
    rng: Random
    pools: Pools
    today: date
    customers: list[Customer] = field(default_factory=list)
    products: list[Product] = field(default_factory=list)
    _stamp: int = 1000

    def write(self, customers: int, products: int) -> None:
        for table in ("Kontrahenci", "Towary", "Adresy", "DokHandlowe", "Platnosci"):
            self.writer.begin_ids(table, _FIRST)
        self._dictionaries()
        self._special(ONE_OFF, "!INCYDENTALNY", "Kontrahent incydentalny")
        self._special(OPERATOR, "KARTY", "Operator kart płatniczych")
        for number in range(customers):
            self.customers.append(self._customer(number))
        for number in range(products):
            self.products.append(self._product(number))

    def stamp(self) -> int:
        """The version of the next row."""
        self._stamp += 1
        return self._stamp

    # Dictionaries

    def _dictionaries(self) -> None:
        add, rng = self.writer.add, self.rng
        for number, code in UNITS:
            add("Jednostki", {"ID": number, "Guid": guid(rng), "Kod": code, "Precyzja": 3})
        for number, code, percent, status in VAT:
            row = {"ID": number, "Guid": guid(rng), "Kod": code, "StawkaProcent": percent / 100}
            add("DefStawekVat", row | {"StawkaStatus": status, "Zablokowane": 0})
        blocked = {"ID": 14, "Guid": guid(rng), "Kod": "22%", "StawkaProcent": 0.22}
        add("DefStawekVat", blocked | {"StawkaStatus": 0, "Zablokowane": 1})
        for payment, card, name, kind, _ in FORMS:
            row = {"ID": payment, "Guid": guid(rng), "Nazwa": name, "Typ": kind}
            add("SposobyZaplaty", row | {"Blokada": 0})
            add("FormyPlatnosci", {"ID": card, "Guid": guid(rng), "Nazwa": name})
        for number, symbol, name, algorithm in WAREHOUSES:
            row = {"ID": number, "Guid": guid(rng), "Symbol": symbol, "Nazwa": name}
            add("Magazyny", row | {"Algorytm": algorithm})
        begin = self.today.replace(month=1, day=1)
        for number, start, end in (
            (71, EMPTY, day_text(begin, -1)),
            (72, day_text(begin), MAX),
        ):
            add("OkresyMag", {"ID": number, "OkresFrom": start, "OkresTo": end, "Zamkniety": 0})
        for number, name, way, algorithm, on_cards, blocked_list, _ in PRICES:
            row = {"ID": number, "Guid": guid(rng), "Nazwa": name, "Kierunek": way}
            row |= {"AlgorytmTyp": algorithm, "DodawanaDoTowaru": on_cards}
            add("DefinicjeCen", row | {"Blokada": blocked_list})
        for number, symbol, category, fiscal in DEFINITIONS:
            row = {"ID": number, "Guid": guid(rng), "Symbol": symbol, "Kategoria": category}
            row |= {"Nazwa": f"Dokument {symbol}", "Fiskalizowany": fiscal}
            row |= {"Blokada": int(symbol == "ZO/D"), "LiczonaOd": 4 if symbol == "ZOI" else 1}
            row |= {"Cena": 42, "RezerwowacTowar": int(symbol == "ZOI")}
            add("DefDokHandlowych", row)

    # Contractors

    def _special(self, number: int, code: str, name: str) -> None:
        row = {"ID": number, "Guid": guid(self.rng), "Kod": code, "Nazwa": name, "NIP": ""}
        self.writer.add("Kontrahenci", _BLANK | row | {"Stamp": self.stamp()})

    def _customer(self, number: int) -> Customer:
        rng = self.rng
        first, last = self.pools.person(rng)
        foreign, private = number % 13 == 5, number % 5 == 3
        form = FORMS[number % len(FORMS)]
        customer = Customer(self.writer.next_id("Kontrahenci"), form, foreign)
        nip = "" if private else invented.nip_as_typed(invented.nip(rng), number)
        eu_vat = "PL" + "".join(filter(str.isdigit, nip)) if nip else ""
        if foreign:
            nip, eu_vat = "", invented.german_vat(rng)
        name = f"{last} {first}" if private else f"{last} i Wspólnicy {number}"
        if number % 7 == 2:
            name += "\r\nOddział „Żółw” – Ἀθῆναι"
        row: dict[str, object] = {
            "ID": customer.id,
            "Guid": guid(rng),
            "Kod": f"{_ascii(last)[:12].upper()}{number}",
            "Nazwa": name,
            "NIP": nip,
            "EuVAT": eu_vat,
            "REGON": invented.regon(rng) if nip else "",
            "PESEL": invented.pesel(rng) if private else "",
            "StatusPodmiotu": int(private),
            "RodzajPodmiotu": 3 if foreign else 0,
            "PodatnikVAT": int(not private),
            "Blokada": int(number % 23 == 7),
            "BlokadaSprzedazy": int(number % 29 == 11),
            "Rabat": (0, 0.05, 0)[number % 3],
            "Termin": form[4],
            "SposobZaplaty": form[1],
            "TypLimituKredytowego": int(number % 12 == 3),
            "VATLiczonyOd": 1 + number % 2,
            "LimitKredytuValue": 5000 if number % 3 == 0 else 0,
            "LimitKredytuSymbol": "EUR" if foreign else "PLN",
            "KontaktEMAIL": f"biuro{number}@firma.example" if number % 3 else None,
            "KontaktTelefonKomorkowy": f"600 {number:06d}",
            "Uwagi": "Dzwonić po południu" if number % 9 == 0 else None,
            "Stamp": self.stamp(),
        }
        self.writer.add("Kontrahenci", _BLANK | row)
        self._addresses(customer, number)
        if number % 4 == 0:
            self.feature(
                "Kontrahenci", customer.id, "Region handlowy", ("Łódź", "Śląsk")[number % 2]
            )
            self.feature("Kontrahenci", customer.id, "Punkty", f"{number:>10}")
            # The same id and name in another table, and an old value of the same one.
            self.feature("Towary", customer.id, "Region handlowy", "nie ten")
            self.feature("Kontrahenci", customer.id, "Region handlowy", "dawny", 1)
        return customer

    def feature(self, table: str, parent: int, name: str, value: str, place: int = 0) -> None:
        row = {"Parent": parent, "ParentType": table, "Name": name, "Lp": place}
        self.writer.add("Features", row | {"DataKey": value[:30], "Data": value})

    def _addresses(self, customer: Customer, number: int) -> None:
        for kind in (1, 2) if number % 6 == 1 else (1,):
            self._address(customer.id, "Kontrahenci", kind, customer.foreign, number)
        # Of an employee with the same id.
        self._address(customer.id, "Pracownicy", 1, False, number)

    def _address(self, host: int, host_type: str, kind: int, foreign: bool, number: int) -> None:
        place = self.pools.place(self.rng)
        code = int(place.post_code.replace("-", ""))
        row: dict[str, object] = {
            "ID": self.writer.next_id("Adresy"),
            "Host": host,
            "HostType": host_type,
            "Typ": kind,
            "AdresUlica": "Hauptstraße" if foreign else place.street,
            "AdresNrDomu": place.house,
            "AdresNrLokalu": place.flat,
            "AdresKodPocztowy": 0 if foreign else 950 if number % 8 == 0 else code,
            "AdresZagranicznyKodPocztowy": "10115" if foreign else "",
            "AdresMiejscowosc": "Berlin" if foreign else place.town,
            "AdresPoczta": "" if number % 5 else "Łódź",
            "AdresGmina": "",
            "AdresPowiat": "łódzki wschodni" if number % 3 == 0 else "",
            "AdresKodKraju": "DE" if foreign else "PL",
            "AdresTelefon": f"42 6{number:06d}" if number % 2 else "",
            "AdresGLN": None,
            "Blokada": 0,
        }
        self.writer.add("Adresy", row)

    # Products

    def _product(self, number: int) -> Product:
        writer, rng = self.writer, self.rng
        service, recipe = number % 12 == 11, number % 40 == 22
        vat = VAT[number % len(VAT)]
        unit = UNITS[3] if service else UNITS[number % 3]
        name = f"{'Usługa' if service else _NOUNS[number % 6]} nr {number}"
        product = Product(
            writer.next_id("Towary"),
            name,
            unit[1],
            vat,
            100 + number * 137 % 50_000,
            not (service or recipe),
        )
        row: dict[str, object] = {
            "ID": product.id,
            "Guid": guid(rng),
            "Kod": f"{_NOUNS[number % 6][:3].upper()}-{number:05d}",
            "Typ": 2 if service else 8 if recipe else 4 if number % 10 == 4 else 1,
            "Nazwa": name,
            "EAN": "" if service else invented.ean13(number),
            "Jednostka": unit[0],
            "DefinicjaStawki": vat[0],
            "Blokada": int(number % 15 == 14),
            "Opis": f"{name} – opis" if number % 4 == 0 else None,
            "SWW": "62.01" if service else None,
            "MasaNettoValue": None if service else 250 if number % 2 else 1.5,
            "MasaNettoSymbol": "g" if number % 2 else "kg",
            "Stamp": self.stamp(),
        }
        writer.add("Towary", row)
        if number % 3 == 0 and not service:
            self._bar_code(product.id, "Towary", invented.ean13(100_000_000 + number))
            self._bar_code(product.id, "Kontrahenci", invented.ean13(200_000_000 + number))
        self._prices(product, number)
        if number % 5 == 0:
            self.feature("Towary", product.id, "Dystrybutor", "Abc")
        if product.stocked:
            self._lots(product, number)
        return product

    def _bar_code(self, owner: int, table: str, code: str) -> None:
        row = {"ID": self.writer.next_id("KodyKreskowe"), "Zapis": owner, "ZapisType": table}
        self.writer.add("KodyKreskowe", row | {"Kod": code})

    def _prices(self, product: Product, number: int) -> None:
        for definition, _, _, _, _, _, percent in PRICES:
            net = 0 if definition == 44 and number % 10 == 9 else share(product.net, percent, 100)
            if definition == 43 and number % 8 == 3:
                # A price until last month, and the one from then on.
                turn = self.today.replace(day=1)
                self._price(product, definition, net * 2, EMPTY, day_text(turn, -1))
                self._price(product, definition, net, day_text(turn), MAX)
            else:
                self._price(product, definition, net, EMPTY, MAX)

    def _price(self, product: Product, definition: int, net: int, first: str, last: str) -> None:
        gross = net + share(net, product.vat[2], 100)
        row: dict[str, object] = {
            "ID": self.writer.next_id("Ceny"),
            "Towar": product.id,
            "Definicja": definition,
            "NettoValue": money(net),
            "NettoSymbol": "PLN",
            "BruttoValue": money(gross),
            "BruttoSymbol": "PLN",
            "OkresFrom": first,
            "OkresTo": last,
        }
        self.writer.add("Ceny", row)

    def _lots(self, product: Product, number: int) -> None:
        """Lots that count, and whatever else shares the table with them."""
        for warehouse in (3, 4, 6):
            for lot in range(number % 4):
                quantity = self.rng.randrange(1, 400) / 4
                reserved = quantity if lot == 2 else 0
                self._lot(product, warehouse, 72, 1, 1, quantity, reserved)
            if number % 9 == 5:
                self._lot(product, warehouse, 72, 1, -1, 3.5)
            if number % 2:
                carried = self._lot(product, warehouse, 71, 1, 1, 77)
                self._lot(product, warehouse, 72, 1, 1, 5, above=carried)
                self._lot(product, warehouse, 72, 2, 1, 9, 9)
                self._lot(product, warehouse, 72, 4, 1, 40)

    def _lot(
        self,
        product: Product,
        warehouse: int,
        period: int,
        kind: int,
        direction: int,
        quantity: float,
        reserved: float = 0,
        above: int | None = None,
    ) -> int:
        number = self.writer.next_id("Zasoby")
        row: dict[str, object] = {
            "ID": number,
            "Towar": product.id,
            "Magazyn": warehouse,
            "Okres": period,
            "Kierunek": direction,
            "IloscValue": quantity,
            "IloscSymbol": product.unit,
            "IloscRezerwowanaValue": reserved,
            "IloscRezerwowanaSymbol": product.unit,
            "PartiaTyp": kind,
            "PartiaPierwotnaTyp": kind,
            "PartiaData": day_text(self.today - timedelta(days=30)),
            "Nadrzedny": above,
        }
        self.writer.add("Zasoby", row)
        return number


_BLANK: dict[str, object] = {
    **dict.fromkeys(("EuVAT", "REGON", "PESEL", "LimitKredytuSymbol"), ""),
    **dict.fromkeys(("StatusPodmiotu", "RodzajPodmiotu", "Blokada", "BlokadaSprzedazy"), 0),
    **dict.fromkeys(("Rabat", "Termin", "LimitKredytuValue", "TypLimituKredytowego"), 0),
    **dict.fromkeys(("SposobZaplaty", "KontaktEMAIL", "KontaktTelefonKomorkowy", "Uwagi"), None),
    "PodatnikVAT": 1,
    "VATLiczonyOd": 1,
}
"""All rows of a table give the same columns."""


def _ascii(text: str) -> str:
    letters = text.translate(str.maketrans("ąćęłńóśźżĄĆĘŁŃÓŚŹŻ", "acelnoszzACELNOSZZ"))
    return "".join(filter(str.isalnum, letters))
