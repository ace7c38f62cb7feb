"""The sandbox of WAPRO Mag: a database of its shape with invented Polish data.

Where it is not known how the real program stores something, the data follow one reading:

- Corrections hold the difference; settlements (`ROZRACHUNEK`) have `POZOSTALO` without sign; a correction that lowers
  the sum is an entry on the side MA with `CZY_KOREKTA`, a payment one without it.
- Lines without a discount; one of eleven has a `RABAT`, and its price is before it.
- Lines of an invoice that was made of stock issues (WZ) name the issue alone, which names the invoice.
- Flags of one byte are the texts `0` and `1` here.
- The procedures that write orders are emulated (`mostek_wapro.orders.emulated`).

A second company has a customer, a warehouse and documents that must never show.
"""

from __future__ import annotations

import sqlite3
from datetime import date
from pathlib import Path
from random import Random

from mostek.plugin.invented import Pools
from mostek.plugin.sandbox import Index, create_sandbox
from mostek.plugin.sandbox_writer import Writer
from mostek.plugin.schema import ReferenceSchema
from mostek_wapro.sandbox.cards import Cards
from mostek_wapro.sandbox.documents import Documents
from mostek_wapro.sandbox.signatures import add_parameters
from mostek_wapro.schema import reference_schema

__all__ = ["INDEXES", "create"]

_KNOWN = "an index of the database of 2017"
_KEY = "the table's id, without a doubt its key; which kind is not known"
_ASSUMED = "assumed: lists of the program join or search by it; not verified"

INDEXES = (
    *(
        Index(f"dbo.{table}", (column,), _KEY)
        for table, column in (
            ("DOKUMENT_HANDLOWY", "ID_DOKUMENTU_HANDLOWEGO"),
            ("TYP_DOKUMENTU_HANDLOWEGO", "ID_TYPU"),
            ("POZYCJA_DOKUMENTU_MAGAZYNOWEGO", "ID_POZ_DOK_MAG"),
            ("ZAMOWIENIE", "ID_ZAMOWIENIA"),
            ("POZYCJA_ZAMOWIENIA", "ID_POZYCJI_ZAMOWIENIA"),
            ("ROZRACHUNEK", "ID_ROZRACHUNKU"),
            ("MIEJSCE_DOSTAWY", "ID_MIEJSCA_DOSTAWY"),
            ("GRUPA_KONTRAHENTA", "ID_GRUPY"),
            ("PRACOWNIK", "ID_PRACOWNIKA"),
            ("STAWKA_VAT", "KOD_VAT"),
            ("FIRMA", "ID_FIRMY"),
        )
    ),
    *(
        Index("dbo.DOKUMENT_HANDLOWY", ("ID_FIRMY", column), _KNOWN)
        for column in ("DATA_WYSTAWIENIA", "NUMER", "TERMIN_PLAT", "POZOSTALO", "ID_KONTRAHENTA")
    ),
    Index("dbo.POZYCJA_DOKUMENTU_MAGAZYNOWEGO", ("ID_DOK_HANDLOWEGO",), _KNOWN),
    Index("dbo.ZAMOWIENIE", ("NR_ZAMOWIENIA_KLIENTA", "ID_MAGAZYNU"), _KNOWN),
    Index("dbo.KONTRAHENT", ("ID_FIRMY", "NIP"), _KNOWN),
    Index("dbo.KONTRAHENT", ("ID_FIRMY", "NAZWA"), _KNOWN),
    Index("dbo.ROZRACHUNEK", ("ID_KONTRAHENTA", "TYP_KARTOTEKI"), _KNOWN),
    Index("dbo.ROZRACHUNEK", ("TERMIN_PLATNOSCI",), _KNOWN),
    Index("dbo.DOKUMENT_HANDLOWY", ("ID_FIRMY", "ID_PLATNIKA"), _ASSUMED),
    Index("dbo.POZYCJA_DOKUMENTU_MAGAZYNOWEGO", ("ID_POZ_ZAM",), _ASSUMED),
    Index("dbo.POZYCJA_DOKUMENTU_MAGAZYNOWEGO", ("ID_DOK_MAGAZYNOWEGO",), _ASSUMED),
    Index("dbo.DOKUMENT_MAGAZYNOWY", ("ID_DOK_MAGAZYNOWEGO",), _ASSUMED),
    Index("dbo.DOKUMENT_MAGAZYNOWY", ("ID_DOKUMENTU_HANDLOWEGO",), _ASSUMED),
    Index("dbo.POZYCJA_ZAMOWIENIA", ("ID_ZAMOWIENIA",), _ASSUMED),
    Index("dbo.ZAMOWIENIE", ("ID_KONTRAHENTA",), _ASSUMED),
    Index("dbo.DOSTAWA", ("ID_ZAMOWIENIA",), _ASSUMED),
    Index("dbo.INTER_DOKH_VAT", ("ID_DOKUMENTU_HANDLOWEGO",), _ASSUMED),
    Index("dbo.KONTAKT", ("ID_KONTRAHENTA",), _ASSUMED),
    Index("dbo.MIEJSCE_DOSTAWY", ("ID_KONTRAHENTA",), _ASSUMED),
    Index("dbo.JEDNOSTKA", ("ID_ARTYKULU",), _ASSUMED),
    Index("dbo.KOD_KRESKOWY", ("KOD_KRESKOWY",), _ASSUMED),
    Index("dbo.KOD_KRESKOWY", ("ID_ARTYKULU",), _ASSUMED),
    Index("dbo.CENA_ARTYKULU", ("ID_ARTYKULU",), _ASSUMED),
    Index("dbo.ARTYKUL", ("KOD_KRESKOWY",), _ASSUMED),
    Index("dbo.FORMA_PLATNOSCI", ("NAZWA",), _ASSUMED),
    Index("dbo.CENNIK_KONTRAHENTA", ("ID_KONTRAHENTA",), _ASSUMED),
    Index("dbo.CENNIK_INDYWIDUALNY", ("ID_GRUPY",), _ASSUMED),
)
"""Beyond the keys of the reference schema. The assumed ones are fast here, perhaps not there."""

LEAST = 40


def create(
    path: Path,
    *,
    customers: int = 200,
    products: int = 500,
    invoices: int = 2000,
    seed: int = 1,
    today: date | None = None,
    schema: ReferenceSchema | None = None,
    generation: str = "2026",
) -> Path:
    """Create a sandbox in the file `path`. `products` counts codes: each has a card in two warehouses.

    Dates end at `today` (this day if not given). Equal arguments make equal data. `schema` is that of an older version,
    if wanted; `generation` is that of the procedures that write orders: 2019, 2022 or 2026. ValueError for fewer than
    40 of anything, FileExistsError if the file is there.
    """
    for count, what in ((customers, "customers"), (products, "products"), (invoices, "invoices")):
        if count < LEAST:
            raise ValueError(f"a sandbox needs at least {LEAST} {what}, {count} are too few")
    tables = schema or reference_schema()

    def fill(connection: sqlite3.Connection) -> None:
        writer = Writer(connection, tables)
        last = today or date.today()
        cards = Cards(writer, Random(f"{seed} cards"), Pools(seed), last)
        cards.write(customers, products)
        Documents(writer, Random(f"{seed} documents"), cards, last).write(invoices)
        writer.flush()
        add_parameters(connection, generation)

    create_sandbox(path, tables, indexes=INDEXES, fill=fill)
    return path
