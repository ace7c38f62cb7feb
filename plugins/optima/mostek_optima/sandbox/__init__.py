"""The sandbox of Optima: a database of its shape with invented Polish data.

Where it is not known how the real program stores something, the data follow one reading:

- Corrections hold the difference, with negative quantities; their payment is one of the other direction.
- Amounts `*Wal` of a document in PLN equal those without.
- `TwI_Data` is a day, of some rows with a time; `TwI_Rezerwacje` does not hold `TwI_RezerwacjeZlecenia`.
- A line whose unit is the base unit has an empty `TrE_JmZ`.
- A card payment's entity is that of the payment form.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random

from mostek.plugin.invented import Pools
from mostek.plugin.sandbox import Index, create_sandbox
from mostek.plugin.sandbox_writer import Writer
from mostek.plugin.schema import ReferenceSchema
from mostek_optima.sandbox.cards import Cards
from mostek_optima.sandbox.documents import Documents
from mostek_optima.schema import reference_schema

__all__ = ["INDEXES", "Sandbox", "create"]

_ASSUMED = "assumed: lists of the program join or search by it; not verified"

INDEXES = tuple(
    Index(f"CDN.{table}", columns, _ASSUMED)
    for table, columns in (
        ("TraNag", ("TrN_FaId",)),
        ("TraNag", ("TrN_NrKSeF",)),
        ("TraNag", ("TrN_NumerObcy",)),
        ("TraNag", ("TrN_PlatnikID",)),
        ("TraNagRelacje", ("TrR_TrNId",)),
        ("TraNagRelacje", ("TrR_FaId",)),
        ("BnkZdarzenia", ("BZd_DokumentID", "BZd_DokumentTyp")),
        ("TwrGrupy", ("TwG_GIDTyp", "TwG_GIDNumer")),
        ("TwrEan", ("TwE_EAN",)),
    )
)
"""Beyond the keys of the reference schema and its foreign keys. They are fast here, perhaps not there."""

LEAST = 40


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What was made: the file, and the order that direct SQL clones."""

    path: Path
    template_order: str


def create(
    path: Path,
    *,
    customers: int = 200,
    products: int = 500,
    invoices: int = 2000,
    seed: int = 1,
    today: date | None = None,
    schema: ReferenceSchema | None = None,
) -> Sandbox:
    """Create a sandbox in the file `path`.

    `invoices` counts sales; corrections, orders and payments come on top. Dates end at `today` (this day if not given).
    Equal arguments make equal data. `schema` is that of an older version, if wanted. ValueError for fewer than 40 of
    anything, FileExistsError if the file is there.
    """
    for count, what in ((customers, "customers"), (products, "products"), (invoices, "invoices")):
        if count < LEAST:
            raise ValueError(f"a sandbox needs at least {LEAST} {what}, {count} are too few")
    tables = schema or reference_schema()
    made: list[str] = []

    def fill(connection: sqlite3.Connection) -> None:
        writer = Writer(connection, tables, "CDN")
        last = today or date.today()
        cards = Cards(writer, Random(f"{seed} cards"), Pools(seed), last)
        cards.write(customers, products)
        documents = Documents(writer, Random(f"{seed} documents"), cards, last)
        made.append(documents.write(invoices))
        writer.flush()

    indexes = [i for i in INDEXES if all(c in tables.table(i.table) for c in i.columns)]
    create_sandbox(path, tables, indexes=indexes, index_foreign_keys=True, fill=fill)
    return Sandbox(path, made[0])
