"""The sandbox of enova365: a database of its shape with invented Polish data.

Where it is not known how the real program stores something, the data follow one reading:

- A correction holds the difference in its sums, and the state after it in its lines. What it gives back is a receivable
  below zero, a receivable marked as a return, or a liability: one of each is there.
- A correction, and what is made of an order or a receipt, is below it in `RelacjeHandlowe`.
- A payment by card is the card operator's, who is a contractor.
- Lots of closed periods are carried over to the present one.
- `Stamp` is a whole number that grows with every row that is written.

Whatever shares a table with what is read is there, too: addresses of employees, bar codes of contractors, lots that are
reserved or ordered, settlements of employees, purchases.
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
from mostek_enova.sandbox.cards import Cards
from mostek_enova.sandbox.documents import Documents
from mostek_enova.schema import reference_schema

__all__ = ["INDEXES", "create"]

_KEY = "a key of the vendor's library"
_ASSUMED = "assumed: rows hang on it, or people search by it; not verified"

INDEXES = (
    Index("dbo.DokHandlowe", ("Kontrahent", "ObcyNumer", "Kategoria"), _KEY),
    Index("dbo.DokHandlowe", ("Magazyn", "ObcyNumer"), _KEY),
    Index("dbo.Kontrahenci", ("Kod",), _KEY),
    Index("dbo.DefDokHandlowych", ("Symbol",), _KEY),
    *(
        Index(f"dbo.{table}", columns, _ASSUMED)
        for table, columns in (
            ("Kontrahenci", ("NIP",)),
            ("Kontrahenci", ("EuVAT",)),
            ("Adresy", ("Host", "HostType")),
            ("Towary", ("EAN",)),
            ("KodyKreskowe", ("Kod",)),
            ("KodyKreskowe", ("Zapis", "ZapisType")),
            ("Ceny", ("Towar",)),
            ("Zasoby", ("Towar",)),
            ("DokHandlowe", ("NumerPelny",)),
            ("DokHandlowe", ("ObcyNumer",)),
            ("DokHandlowe", ("KSeFKomunikat",)),
            ("KSeFKomunikaty", ("NumerDokumentuKSeF",)),
            ("PozycjeDokHan", ("Dokument",)),
            ("SumyVAT", ("Dokument",)),
            ("RelacjeHandlowe", ("Nadrzedny",)),
            ("RelacjeHandlowe", ("Podrzedny",)),
            ("Platnosci", ("Dokument", "DokumentType")),
            ("Platnosci", ("Podmiot", "PodmiotType")),
            ("RozrachunkiIdx", ("Podmiot", "PodmiotType")),
            ("Features", ("Parent", "ParentType", "Name")),
        )
    ),
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
) -> Path:
    """Create a sandbox in the file `path`.

    Dates end at `today` (this day if not given). Equal arguments make equal data. `schema` is that of an older version,
    if wanted. ValueError for fewer than 40 of anything, FileExistsError if the file is there.
    """
    for count, what in ((customers, "customers"), (products, "products"), (invoices, "invoices")):
        if count < LEAST:
            raise ValueError(f"a sandbox needs at least {LEAST} {what}, {count} are too few")
    tables = schema or reference_schema()
    indexes = [
        one
        for one in INDEXES
        if one.table in tables and all(c in tables.table(one.table) for c in one.columns)
    ]

    def fill(connection: sqlite3.Connection) -> None:
        writer = Writer(connection, tables)
        last = today or date.today()
        cards = Cards(writer, Random(f"{seed} cards"), Pools(seed), last)
        cards.write(customers, products)
        Documents(writer, Random(f"{seed} documents"), cards, last).write(invoices)
        writer.flush()

    create_sandbox(path, tables, indexes=indexes, fill=fill)
    return path
