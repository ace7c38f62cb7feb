"""The company's dictionaries, contractors and products."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from mostek.plugin import invented
from mostek.plugin.invented import Pools
from mostek.plugin.sandbox_writer import Writer, day_text, money

__all__ = ["Cards", "Customer", "Product"]

#: The contractor that stands for one-off customers, and the operator that card payments pass to.
ONE_OFF, CARD_OPERATOR = 1, 2
CASH, TRANSFER, CREDIT, CARD = 11, 13, 14, 16
_FORMS = (
    (CASH, "gotówka", 1, 0, 0),
    (12, "czek", 2, 0, 0),
    (TRANSFER, "przelew", 2, 14, 0),
    (CREDIT, "kredyt", 2, 30, 0),
    (15, "inne", 2, 0, 0),
    (CARD, "karta", 3, 0, 0),
    (17, "dawna", 2, 7, 1),
)
#: Flag and percent.
_VAT = ((2, 23), (2, 8), (2, 5), (2, 0), (1, 0), (4, 0))
_WAREHOUSES = ((1, "MAG", 0), (2, "SKL", 0), (3, "STARY", 1))
#: Number, name, currency, net or gross, inactive.
_PRICES = (
    (1, "zakupu", "", 1, 0),
    (2, "hurtowa", "", 1, 0),
    (3, "detaliczna", "", 2, None),
    (4, "eksport", "EUR", 1, 0),
    (5, "dawna", "", 1, 1),
)
_GROUPS = ((101, "ELEKTRO", 0), (102, "OŚWIETLENIE", 101), (103, "ŚRUBY", 0))
_EMPLOYEE = 7


@dataclass(frozen=True, slots=True)
class Customer:
    id: int
    names: tuple[str, str, str]
    nip_prefix: str
    nip: str
    address: dict[str, str]
    form: int
    consumer: bool = False


@dataclass(frozen=True, slots=True)
class Product:
    """A product; its net price in grosze."""

    id: int
    code: str
    name: str
    goods: bool
    flag: int
    percent: int
    net: int
    bulk: bool = False


class Cards:
    def __init__(self, writer: Writer, rng: Random, pools: Pools, today: date) -> None:
        self._writer, self._rng, self._pools, self._today = writer, rng, pools, today
        self._now = day_text(today)
        self.customers: list[Customer] = []
        self.products: list[Product] = []
        self.one_off = Customer(ONE_OFF, ("!NIEOKREŚLONY!", "", ""), "", "", {}, CASH, True)

    def write(self, customers: int, products: int) -> None:
        self._dictionaries()
        self._write_customer(self.one_off, "!NIEOKREŚLONY!", 0, {"Finalny": 1})
        operator = Customer(CARD_OPERATOR, ("Karty i Spółka", "", ""), "", "", {}, TRANSFER)
        self._write_customer(operator, "KARTY", 0, {})
        for number in range(customers):
            self.customers.append(self._customer(number))
        for number in range(4, customers - 1, 10):
            row = {"Odb_OdbID": number, "Odb_KntOdbID": self.customers[number].id}
            recipient = self.customers[number + 1].id
            self._writer.add("KntOdbiorcy", row | {"Odb_OdbKntID": recipient, "Odb_Domyslny": 1})
        for number in range(products):
            self.products.append(self._product(number))

    def _dictionaries(self) -> None:
        add, now = self._writer.add, self._now
        for key, value in ((1, "CDN_Demo"), (3, "2026.4000"), (1002, "CDN_KNF_Konfiguracja")):
            add("SystemCDN", {"SYS_ID": key, "SYS_Wartosc": value})
        for form, name, kind, days, inactive in _FORMS:
            row = {"FPl_FPlId": form, "FPl_Nazwa": name, "FPl_Typ": kind, "FPl_Termin": days}
            entity = (1, CARD_OPERATOR) if form == CARD else (None, None)
            row |= {"FPl_NieAktywny": inactive}
            add("FormyPlatnosci", row | {"FPl_PodmiotTyp": entity[0], "FPl_PodmiotID": entity[1]})
        for number, symbol, inactive in _WAREHOUSES:
            row = {"Mag_MagId": number, "Mag_Symbol": symbol, "Mag_Nazwa": f"Magazyn {symbol}"}
            row |= {"Mag_NieAktywny": inactive, "Mag_Typ": 1, "Mag_TS_Zal": now, "Mag_TS_Mod": now}
            add("Magazyny", row)
        for number, name, currency, kind, hidden in _PRICES:
            price = {"DfC_DfCId": number + 20, "DfC_Lp": number, "DfC_Nazwa": name}
            price |= {"DfC_Waluta": currency, "DfC_Typ": kind}
            add("DefCeny", price | {"DfC_Nieaktywna": hidden})
        for number, code, parent in _GROUPS:
            self._group(-16, number, parent, code)
        for kind, number, code, name in (
            (3, _EMPLOYEE, "ŻŹRÓDŁO", "Źródło Żaneta"),
            (5, 3, "US", "Urząd"),
        ):
            self._entity(kind, number, code, (name, "", ""), {})

    def _group(self, kind: int, number: int, parent: int, code: str) -> None:
        row = {"TwG_TwGID": self._writer.next_id("TwrGrupy"), "TwG_GIDTyp": kind}
        row |= {"TwG_GIDNumer": number, "TwG_GrOTyp": -16, "TwG_GrONumer": parent}
        self._writer.add("TwrGrupy", row | {"TwG_Kod": code, "TwG_Nazwa": code.capitalize()})

    # Contractors

    def _customer(self, number: int) -> Customer:
        rng = self._rng
        place = self._pools.place(rng)
        first, last = self._pools.person(rng)
        foreign, private = number % 13 == 5, number % 5 == 3 and number % 13 != 5
        name = f"{last} {first}" if private else f"{last} i Wspólnicy {number}"
        names = (name[:50], "Zakład „Żółw”" if number % 4 == 0 else "", "")
        prefix, nip = "PL" if number % 6 == 2 else "", "" if private else invented.nip(rng)
        if foreign:
            nip = invented.german_vat(rng).removeprefix("DE")
            prefix = "DE" if number % 2 else ""
        address = {
            "Ulica": place.street[:40],
            "NrDomu": place.house,
            "NrLokalu": place.flat,
            "KodPocztowy": "10115" if foreign else place.post_code,
            "Miasto": place.town,
            "Poczta": place.town,
            "Wojewodztwo": "" if foreign else "łódzkie",
        }
        form = (TRANSFER, CASH, CREDIT)[number % 3]
        customer = Customer(10 + number * 3, names, prefix, nip, address, form, private)
        styled = nip if foreign else invented.nip_as_typed(nip, number) if nip else ""
        more = {
            "NipE": styled.removeprefix("PL").strip()[:20],
            "KrajISO": "DE" if foreign else "PL",
            "Kraj": "Niemcy" if foreign else "Polska",
            "Regon": "" if private or foreign else invented.regon(rng),
            "Pesel": invented.pesel(rng) if private else "",
            "Finalny": int(private),
        }
        self._write_customer(customer, f"K{number:04d}", number, more)
        if number % 3 == 0:
            self._contact(customer, f"{first} {last}", number)
        return customer

    def _write_customer(
        self, customer: Customer, code: str, number: int, more: Mapping[str, object]
    ) -> None:
        seat = customer.id > CARD_OPERATOR and number % 6 == 1
        changed = day_text(self._today, -(number % 60))
        a = customer.address
        row: dict[str, object] = {
            "KntId": customer.id,
            "Kod": code,
            "Grupa": ("HURT", "DETAL", "")[number % 3],
            **dict(zip(("Nazwa1", "Nazwa2", "Nazwa3"), customer.names, strict=True)),
            **{name: a.get(name, "") for name in ("Ulica", "NrDomu", "NrLokalu", "KodPocztowy")},
            **{name: a.get(name, "") for name in ("Miasto", "Poczta", "Wojewodztwo")},
            "Kraj": "",
            "KrajISO": "",
            "NipKraj": customer.nip_prefix,
            "Nip": customer.nip,
            "NipE": "",
            "Regon": "",
            "Pesel": "",
            "Finalny": 0,
            "GLN": "",
            "Email": f"biuro{number}@firma.example" if number % 3 else "",
            "Telefon1": f"42 6{number:06d}",
            "Upust": 5 if number % 4 == 1 else 0,
            "Ceny": (0, 2, 3)[number % 3],
            "FplID": customer.form,
            "TerminPlat": int(number % 7 == 2),
            "Termin": 21 if number % 7 == 2 else 0,
            "LimitFlag": int(number % 3 == 0),
            "LimitKredytu": 5000 if number % 3 == 0 else 0,
            "LimitKredytuWykorzystany": 1234.5 if number % 3 == 0 else 0,
            "BlokadaDok": int(number % 29 == 9),
            "ZakazDokumentowHaMag": int(number % 31 == 11),
            "Nieaktywny": int(number % 23 == 7),
            "PodatekVat": int(not customer.consumer),
            "Rodzaj": 1,
            "Rodzaj_Odbiorca": 1,
            "Rodzaj_Dostawca": int(number % 9 == 0),
            "OpiekunTyp": (8, 3, None)[number % 3],
            "OpiekunId": (1, _EMPLOYEE, None)[number % 3],
            "KorUlica": "Pocztowa" if seat else None,
            "KorNrDomu": "1" if seat else None,
            "KorKodPocztowy": "00-950" if seat else None,
            "KorMiasto": "Warszawa" if seat else None,
            "Opis": "Dzwonić po południu" if number % 9 == 0 else "",
            "TS_Zal": day_text(self._today, -400),
            "TS_Mod": changed,
            "GlID": customer.id,
        }
        self._writer.add("Kontrahenci", {f"Knt_{name}": v for name, v in {**row, **more}.items()})
        self._entity(1, customer.id, code, customer.names, a, customer.nip_prefix, customer.nip)

    def _entity(
        self,
        kind: int,
        number: int,
        code: str,
        names: tuple[str, str, str],
        address: dict[str, str],
        prefix: str = "",
        nip: str = "",
    ) -> None:
        row: dict[str, object] = {"PodmiotTyp": kind, "PodId": number, "Kod": code}
        row |= dict(zip(("Nazwa1", "Nazwa2", "Nazwa3"), names, strict=True))
        row |= {name: address.get(name, "") for name in ("Ulica", "NrDomu", "NrLokalu")}
        row |= {name: address.get(name, "") for name in ("KodPocztowy", "Miasto", "Poczta")}
        row |= {"Wojewodztwo": address.get("Wojewodztwo", ""), "NipKraj": prefix, "NIP": nip}
        self._writer.add("PodmiotyView", {f"Pod_{name}": value for name, value in row.items()})

    def _contact(self, customer: Customer, person: str, number: int) -> None:
        for place, inactive in ((0, 0), (1, 1)):
            row = {"KnO_KnOId": customer.id * 10 + place, "KnO_KntId": customer.id}
            contact = row | {"KnO_Nazwisko": person[:40], "KnO_Domyslny": int(not place)}
            contact |= {"KnO_Telefon": "", "KnO_GSM": "600 100 200", "KnO_Nieaktywny": inactive}
            self._writer.add("KntOsoby", contact | {"KnO_Email": f"os{number}@firma.example"})

    # Products

    def _product(self, number: int) -> Product:
        flag, percent = _VAT[number % len(_VAT)]
        service = number % 17 == 16
        reduced = number % 50 == 49
        product = Product(
            id=1000 + number * 2,
            code=f"{'ŁOŻ' if number % 11 == 0 else 'TWR'}/{number:05d}",
            name=f"{('Śruba', 'Żarówka', 'Przewód', 'Gniazdko')[number % 4]} nr {number}",
            goods=not service,
            flag=3 if reduced else flag,
            percent=23 if reduced else percent,
            net=self._rng.randrange(150, 90_000),
            bulk=number % 4 == 2,
        )
        group = 0 if number % 5 == 4 else _GROUPS[number % 3][0]
        row: dict[str, object] = {
            "TwrId": product.id,
            "Typ": int(product.goods),
            "Produkt": int(number % 43 == 42),
            "Kod": product.code,
            "Nazwa": product.name,
            "Opis": "Zażółć gęślą jaźń ☺" if number % 8 == 0 else "",
            "EAN": invented.ean13(number) if number % 3 == 0 else "",
            "SWW": "27.40" if number % 4 == 1 else "",
            "JM": "usł" if service else "szt",
            "JMZ": "opak" if product.bulk else "",
            "JMPrzelicznikL": 12 if product.bulk else 1,
            "JMPrzelicznikM": 1,
            "Flaga": product.flag,
            "Stawka": percent if not reduced else 23,
            "Zrodlowa": 23 if reduced else 0,
            "TwCNumer": 2,
            "TwGGIDNumer": group,
            "Kaucja": int(number % 37 == 36),
            "SystemKaucyjny": int(number % 19 == 3),
            "SystemKaucyjnyKwota": 0.5 if number % 19 == 3 else 0,
            "ProducentKod": f"P{number}" if number % 6 == 0 else "",
            "SplitPay": int(number % 10 == 0),
            "NieAktywny": int(number % 23 == 11),
            "TS_Zal": day_text(self._today, -400),
            "TS_Mod": day_text(self._today, -(number % 50)),
        }
        self._writer.add("Towary", {f"Twr_{name}": v for name, v in row.items()})
        self._group(16, product.id, group, product.code)
        self._prices(product, number)
        self._codes_and_units(product, number)
        if product.goods and number % 9 != 8:
            self._stock(product, number)
        return product

    def _prices(self, product: Product, number: int) -> None:
        gross = product.net + (2 * product.net * product.percent + 100) // 200
        for place, (price, kind) in enumerate(
            ((product.net * 2 // 3, 1), (product.net, 1), (gross, 2), (product.net // 4, 1), (1, 1))
        ):
            if place == 3 and number % 5:
                price = 0
            row = {"TwC_TwCID": product.id * 10 + place, "TwC_TwrID": product.id}
            row |= {"TwC_TwCNumer": place + 1, "TwC_Typ": kind}
            paid = {"TwC_Wartosc": money(price), "TwC_Waluta": "EUR" if place == 3 else ""}
            self._writer.add("TwrCeny", {**row, **paid})

    def _codes_and_units(self, product: Product, number: int) -> None:
        if number % 7 == 0:
            row = {"TwE_TwEId": product.id, "TwE_TwrID": product.id}
            ean = {"TwE_EAN": invented.ean13(500_000 + number), "TwE_JM": "szt"}
            self._writer.add("TwrEan", row | ean | {"TwE_Domyslny": 0})
        for unit, many, shop in (("paleta", 240, 0), ("paleta", 240, 1), ("opak", 12, 0)):
            if number % 6 == 2:
                unit_id = self._writer.next_id("TwrJMZ")
                row = {"TwJZ_TwJZId": unit_id, "TwJZ_TwrID": product.id, "TwJZ_eSklepID": shop}
                ratio = {"TwJZ_JMPrzelicznikL": many, "TwJZ_JMPrzelicznikM": 1}
                self._writer.add("TwrJMZ", row | ratio | {"TwJZ_JM": unit})

    def _stock(self, product: Product, number: int) -> None:
        """A row for each day of movement, and such of all warehouses together; the last ones are of days to come."""
        warehouses = (1, 2, 3) if number % 40 == 0 else (1, 2)
        for ago, share in ((200, 90), (20, 0), (0 if number % 8 == 1 else 3, 40), (-5, 7)):
            sums = [0, 0]
            for warehouse in warehouses:
                quantity = share * warehouse + number % 5 if share else 0
                reserved = 3 if share == 40 and number % 3 == 0 else 0
                self._quantity(product, warehouse, ago, quantity, reserved)
                sums = [sums[0] + quantity, sums[1] + reserved]
            self._quantity(product, None, ago, *sums)

    def _quantity(
        self, product: Product, warehouse: int | None, ago: int, quantity: int, reserved: int
    ) -> None:
        day = self._today - timedelta(days=ago)
        row = {"TwI_TwIId": self._writer.next_id("TwrIlosci"), "TwI_TwrId": product.id}
        stock: dict[str, object] = row | {"TwI_MagId": warehouse, "TwI_Ilosc": quantity}
        moment = f"{day} 15:30:00" if ago == 0 else f"{day} 00:00:00"
        self._writer.add("TwrIlosci", stock | {"TwI_Data": moment, "TwI_Rezerwacje": reserved})
