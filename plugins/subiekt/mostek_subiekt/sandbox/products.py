"""Products of all kinds, with prices, stock, bar codes, units and sets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import NamedTuple

from mostek.plugin import invented
from mostek.plugin.sandbox_writer import Writer, day_text, money, share
from mostek_subiekt.sandbox.customers import Customer
from mostek_subiekt.sandbox.dictionaries import EUR_RATE, PRICE_LEVELS, Dictionaries, Vat

__all__ = ["LEAST_PRODUCTS", "Product", "write_products"]

LEAST_PRODUCTS = 40
"""With fewer, some kinds of product would be missing."""

_GOODS, _SERVICE, _PACKAGING, _SET, _FEE = 1, 2, 4, 8, 16
_KINDS = {7: _SERVICE, 18: _SERVICE, 29: _SET, 36: _PACKAGING, 38: _FEE}
_RATES = ("23",) * 12 + ("8", "8", "5", "5", "zw", "0")
_NOUNS = (
    *("Śruba", "Wkręt", "Łącznik", "Żarówka LED", "Przewód", "Kabel", "Zawór", "Młotek", "Piła"),
    *("Gniazdo", "Wyłącznik", "Uszczelka", "Taśma", "Farba", "Pędzel", "Rękawice", "Świder"),
    *("Nakrętka", "Podkładka", "Kołek", "Złączka", "Oprawa", "Bezpiecznik", "Książka", "Woda"),
)
_ADJECTIVES = (
    *("ocynk.", "mosiężna", "wzmocniona", "cienka", "długa", "krótka", "czerwona", "żółta"),
    *("biała", "grubsza", "ręczna", "precyzyjna", "ekonomiczna", "profi", "źródlana"),
)
_SIZES = ("M6", "M8x40", "2,5 mm2", "E27", "10 l", "1/2 cala", "230 V", "1,5 m", "fi 20", "kpl. 10")
_SERVICES = ("Transport", "Montaż", "Serwis", "Wypożyczenie", "Szkolenie")
_PKWIU = ("25.94.11.0", "27.40.15.0", "27.32.13.0", "28.14.13.0", "58.11.1", "11.07.11.0")
_CN = ("7318 15 82", "8539 52 00", "8544 49 91", "8481 80 19", "4901 99 00", "2201 10 11")


class Product(NamedTuple):
    """What documents need to know of a product; prices in grosze, by level."""

    id: int
    kind: int
    unit: str
    vat: Vat
    cost: int
    nets: tuple[int, ...]
    pkwiu: str
    cn: str
    gtu: int
    sold: bool


def write_products(
    writer: Writer,
    rng: Random,
    dictionaries: Dictionaries,
    customers: list[Customer],
    count: int,
    done: Callable[[int], None],
) -> list[Product]:
    catalogue = _Catalogue(writer, rng, dictionaries, customers)
    products = []
    for number in range(count):
        products.append(catalogue.product(number))
        if number % 5000 == 4999:
            done(number + 1)
    return products


class _Catalogue:
    def __init__(
        self, writer: Writer, rng: Random, dictionaries: Dictionaries, customers: list[Customer]
    ) -> None:
        self._writer = writer
        self._rng = rng
        self._dictionaries = dictionaries
        self._suppliers = [c.id for c in customers if c.role == "supplier"]
        self._today: date = dictionaries.today
        self._packaging: int | None = None
        self._goods: list[int] = []

    def product(self, number: int) -> Product:
        rng, place = self._rng, number % 40
        cost = rng.randrange(50, 40_000) if rng.random() < 0.9 else rng.randrange(40_000, 900_000)
        group = number % len(_PKWIU)
        product = Product(
            id=self._writer.next_id("tw__Towar"),
            kind=_KINDS.get(place, _GOODS),
            unit="usł."
            if _KINDS.get(place) == _SERVICE
            else rng.choice(("szt.", "szt.", "m", "kg")),
            vat=self._dictionaries.vat[rng.choice(_RATES)],
            cost=cost,
            nets=tuple(share(cost, markup, 100) for _, markup in PRICE_LEVELS),
            pkwiu=_PKWIU[group],
            cn=_CN[group],
            gtu=6 if place == 11 else -1,
            sold=place not in {13, 26},
        )
        self._write(product, number)
        return product

    def _write(self, product: Product, number: int) -> None:
        self._writer.add("tw__Towar", self._card(product, number))
        self._writer.add("tw_Cena", self._prices(product, number))
        self._stock(product)
        self._codes_and_units(product, number)
        if product.kind == _PACKAGING:
            self._packaging = product.id
        if product.kind == _GOODS:
            self._goods.append(product.id)
        if product.kind == _SET:
            self._components(product)
        if number % 5 == 0:
            self._changes(product)

    def _card(self, product: Product, number: int) -> dict[str, object]:
        rng, place = self._rng, number % 40
        name = self._name(product, number)
        deposit = place in {21, 22} and self._packaging is not None
        code = name[:3].upper().replace(" ", "-")
        return {
            "tw_Id": product.id,
            "tw_Rodzaj": product.kind,
            "tw_Symbol": f"{code}-{number:06d}",
            "tw_Nazwa": name,
            "tw_Opis": f"{name} – opis do oferty" if number % 3 == 0 else "",
            "tw_Charakter": f"{name}. Dłuższy opis z „cudzysłowem”." if number % 17 == 0 else None,
            "tw_Zablokowany": int(place == 13),
            "tw_Usuniety": int(place == 26),
            "tw_IdVatSp": product.vat.id,
            "tw_IdVatZak": product.vat.id,
            "tw_JednMiary": product.unit,
            "tw_JednMiarySprz": product.unit,
            "tw_JednMiaryZak": product.unit,
            "tw_PKWiU": product.pkwiu,
            "tw_KodTowaru": product.cn if product.kind == _GOODS else None,
            "tw_PodstKodKresk": invented.ean13(number) if product.kind != _SERVICE else "",
            "tw_IdGrupa": self._dictionaries.product_groups[number % 6],
            "tw_IdPodstDostawca": self._suppliers[number % len(self._suppliers)],
            "tw_DostSymbol": f"D{number:07d}" if number % 2 else "",
            "tw_IdProducenta": self._suppliers[number % 3] if number % 4 else None,
            "tw_KodUProducenta": f"{number % 97:02d}.{number:06d}" if number % 4 else None,
            "tw_Masa": rng.randrange(1, 20_000) / 1000 if product.kind == _GOODS else None,
            "tw_StanMin": 5 if number % 6 == 0 else None,
            "tw_MechanizmPodzielonejPlatnosci": int(place == 11),
            "tw_GrupaJpkVat": product.gtu,
            "tw_SklepInternet": number % 2,
            "tw_Pole1": ("czerwony", "niebieski", "")[number % 3],
            "tw_Uwagi": "",
            "tw_ObjetySysKaucyjnym": int(deposit),
            "tw_SKIdOpakowania": self._packaging if deposit else None,
        }

    def _name(self, product: Product, number: int) -> str:
        if product.kind == _SERVICE:
            return f"{self._rng.choice(_SERVICES)} {number}"
        if product.kind == _PACKAGING:
            return f"Butelka zwrotna {number}"
        if product.kind == _FEE:
            return f"Opłata recyklingowa {number}"
        start = "Zestaw: " if product.kind == _SET else ""
        rng = self._rng
        return f"{start}{rng.choice(_NOUNS)} {rng.choice(_ADJECTIVES)} {rng.choice(_SIZES)}"[:50]

    def _prices(self, product: Product, number: int) -> dict[str, object]:
        row: dict[str, object] = {
            "tc_Id": self._writer.next_id("tw_Cena"),
            "tc_IdTowar": product.id,
            "tc_CenaNetto0": money(product.cost),
        }
        in_euro = number % 8 == 0
        for level, net in enumerate(product.nets, 1):
            currency = "EUR" if level == 10 and in_euro else "PLN"
            if currency == "EUR":
                net = share(net, 10_000, EUR_RATE)
            row[f"tc_CenaNetto{level}"] = money(net)
            row[f"tc_CenaBrutto{level}"] = money(net + share(net, product.vat.percent, 100))
            row[f"tc_IdWaluta{level}"] = currency
        return row

    def _stock(self, product: Product) -> None:
        """A row for every product and warehouse, services too."""
        rng, stocked = self._rng, product.kind in {_GOODS, _PACKAGING}
        for warehouse in self._dictionaries.warehouses:
            quantity: float = rng.randrange(0, 500) if stocked and rng.random() < 0.6 else 0
            if quantity and product.unit in {"m", "kg"}:
                quantity += rng.choice((0.25, 0.5, 0.125))
            row = {"st_TowId": product.id, "st_MagId": warehouse, "st_Stan": quantity}
            self._writer.add("tw_Stan", row | {"st_StanRez": 0, "st_StanMin": 0, "st_StanMax": 0})

    def _codes_and_units(self, product: Product, number: int) -> None:
        if product.kind != _GOODS or number % 3:
            return
        for unit, factor in (("opak.", 10), ("karton", 120))[: 1 + number % 2]:
            row = {"jm_Id": self._writer.next_id("tw_JednMiary"), "jm_IdTowar": product.id}
            self._writer.add(
                "tw_JednMiary", row | {"jm_IdJednMiary": unit, "jm_Przelicznik": factor}
            )
            code = {"kk_Id": self._writer.next_id("tw_KodKreskowy"), "kk_IdTowar": product.id}
            ean = invented.ean13(100_000_000 * (1 + (unit == "karton")) + number)
            self._writer.add("tw_KodKreskowy", code | {"kk_Kod": ean, "kk_Ilosc": factor})

    def _components(self, product: Product) -> None:
        for position, component in enumerate(self._goods[-3:], 1):
            row = {"kpl_Id": self._writer.next_id("tw_Komplet"), "kpl_IdKomplet": product.id}
            self._writer.add(
                "tw_Komplet", row | {"kpl_IdSkladnik": component, "kpl_Liczba": position}
            )

    def _changes(self, product: Product) -> None:
        day = self._today - timedelta(days=self._rng.randrange(700))
        row = {"zt_Id": self._writer.next_id("tw_Zmiana"), "zt_TowarId": product.id}
        self._writer.add(
            "tw_Zmiana",
            row
            | {
                "zt_ZmianaNazwa": day_text(day),
                "zt_ZmianaCenaSprzedazy": day_text(min(day + timedelta(days=30), self._today)),
            },
        )
        if product.id % 2:
            feature = {"cht_Id": self._writer.next_id("tw_CechaTw"), "cht_IdTowar": product.id}
            self._writer.add("tw_CechaTw", feature | {"cht_IdCecha": 1 + product.id % 4 // 2})
