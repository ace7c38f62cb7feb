"""The sandbox of Subiekt nexo: a database of its shape with invented Polish data.

Where it is not known how the real program stores something, the data follow one reading:

- Headers and lines are in the document's currency; `TabeleVat` has the amounts in both currencies.
- A correction (KFS) has the difference in header, VAT table and lines, negative when the buyer owes less; what is given
  back is a liability (`Rozrachunki.Typ` 2) of the document.
- `Cena_*PrzedRabatem` are before the discount, `Wartosc_*PoRabacie` after it; shares are 0 to 1.
- A card payment that moves a debt makes a receivable of the operator with the document's id.
- `IloscDostepna` is what is left after reservations and what is being issued.
- `TimeStamp` grows from row to row, as a rowversion does.

One entity is not marked as a contractor (a tax office), one is the own company, some are one-off.
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
from mostek_subiekt.nexo.sandbox.cards import Cards
from mostek_subiekt.nexo.sandbox.documents import Documents
from mostek_subiekt.nexo.sandbox.rows import Rows
from mostek_subiekt.nexo.schema import OWNER, reference_schema

__all__ = ["INDEXES", "create"]

_ASSUMED = "assumed: the program finds or joins by it; not verified"


def _index(table: str, *columns: str) -> Index:
    return Index(f"{OWNER}.{table}", columns, _ASSUMED)


INDEXES = (
    _index("Podmioty", "NIP"),
    _index("Podmioty", "NIPUE"),
    _index("Podmioty", "NIPSformatowany"),
    _index("Podmioty", "Sygnatura_PelnaSygnatura"),
    _index("Asortymenty", "Symbol"),
    _index("KodyKreskowe", "Kod"),
    _index("Dokumenty", "NumerWewnetrzny_PelnaSygnatura"),
    _index("Dokumenty", "NumerZewnetrzny"),
    _index("NumeryKSeFDokumentow", "Numer"),
    _index("AdresSzczegolyHistorie", "AdresHistoria_Id"),
    _index("Waluty", "Symbol"),
)
"""Beyond the keys and foreign keys of the reference schema. Which indexes a real database has is not known."""

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
) -> Path:
    """Create a sandbox in the file `path`. `invoices` counts sales; orders and corrections come on top.

    Dates end at `today` (this day if not given). Equal arguments make equal data. `schema` is that of another version,
    if wanted. ValueError for fewer than 40 of anything, FileExistsError if the file is there.
    """
    for count, what in ((customers, "customers"), (products, "products"), (invoices, "invoices")):
        if count < LEAST:
            raise ValueError(f"a sandbox needs at least {LEAST} {what}, {count} are too few")
    tables = schema or reference_schema()

    def fill(connection: sqlite3.Connection) -> None:
        writer = Writer(connection, tables, OWNER)
        rows = Rows(writer)
        last = today or date.today()
        cards = Cards(rows, Random(f"{seed} cards"), Pools(seed), last)
        cards.write(customers, products)
        Documents(rows, Random(f"{seed} documents"), cards, last).write(invoices)
        writer.flush()

    there = [index for index in INDEXES if index.table in tables]
    create_sandbox(path, tables, indexes=there, index_foreign_keys=True, fill=fill)
    return path
