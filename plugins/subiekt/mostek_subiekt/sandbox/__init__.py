"""The sandbox of Subiekt GT: a database of its shape with invented Polish data.

Where it is not known how the real program stores something, the data follow one reading:

- Documents in euro: the plain columns (`dok_Wart*`, `ob_Cena*`, `ob_Wart*`, `vt_Wart*`, `dok_Kw*`) are in złoty,
  `ob_CenaWaluta`, `vt_Wart*Waluta` and `nzf_*Waluta` in euro.
- A correction (KFS) has the difference in `dok_Wart*` and `dok_Vat`, negative when the buyer owes less. Each line
  corrected is there twice: `ob_Status` 1 with the difference (signed values, the quantity without sign, `ob_Znak` -1
  for less) and `ob_Status` 2 as it is afterwards, which the totals leave out.
- `ob_CenaNetto` and `ob_CenaBrutto` are before the discount, the values after it.
- A margin invoice has its lines at the rate np. Final invoices (FSzk) hold what the advance left.
- `dok_DoDokId` of an invoice or delivery made from an order is the order.
- A retail invoice (FSd) makes no receivable; its receipts were paid in cash.
- `dok_KwDoZaplaty` is what was to be paid when the document was issued.
- `ins_ident.ido_wartosc` is the id that is given next.

Documents of the last 200 days have their KSeF number in `ksef_NumerKSeF`, older ones in `dok_NumerKSeF`.
The first order, `ZK 1/<month>/<year>` with the remarks "Wzorzec zamówień zakładanych z zewnątrz", is the one for direct
SQL to clone orders from; `create` returns its number.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

from mostek.plugin.invented import Pools
from mostek.plugin.sandbox import Index, create_sandbox
from mostek.plugin.sandbox_writer import Writer
from mostek.plugin.schema import ReferenceSchema
from mostek_subiekt.sandbox.customers import LEAST_CUSTOMERS, write_customers
from mostek_subiekt.sandbox.dictionaries import write_dictionaries
from mostek_subiekt.sandbox.products import LEAST_PRODUCTS, write_products
from mostek_subiekt.sandbox.sales import LEAST_INVOICES, Sales
from mostek_subiekt.schema import reference_schema

__all__ = ["INDEXES", "Sandbox", "create", "identifiers"]

_HISTORY = 730
_SEEN = "seen in a real database"
_ASSUMED = "assumed: people find it by this in the program every minute; not verified"
_JOINED = "assumed: the program's own lists join by it; not verified"

INDEXES = (
    Index(
        "dbo.dok__Dokument", ("dok_Typ", "dok_Podtyp", "dok_NrPelnyOryg", "dok_PlatnikId"), _SEEN
    ),
    Index(
        "dbo.dok__Dokument", ("dok_Typ", "dok_MagId", "dok_Nr", "dok_NrRoz", "dok_DataWyst"), _SEEN
    ),
    Index("dbo.dok__Dokument", ("dok_PlatnikId",), _JOINED),
    Index("dbo.dok__Dokument", ("dok_OdbiorcaId",), _JOINED),
    Index("dbo.dok__Dokument", ("dok_DoDokId",), _JOINED),
    Index("dbo.dok__Dokument", ("dok_NrPelny",), _ASSUMED),
    Index("dbo.dok_PowiazanieFsdPA", ("dfd_IdFS",), _JOINED),
    Index("dbo.dok_PowiazanieFsdPA", ("dfd_IdPA",), _JOINED),
    Index("dbo.nz__Finanse", ("nzf_IdObiektu",), _JOINED),
    Index("dbo.tw_Komplet", ("kpl_IdKomplet",), _JOINED),
    Index("dbo.kh__Kontrahent", ("kh_Symbol",), _ASSUMED),
    Index("dbo.adr__Ewid", ("adr_NIP",), _ASSUMED),
    Index("dbo.tw__Towar", ("tw_Symbol",), _ASSUMED),
    Index("dbo.tw__Towar", ("tw_PodstKodKresk",), _ASSUMED),
    Index("dbo.tw_KodKreskowy", ("kk_Kod",), _ASSUMED),
    Index("dbo.ksef_NumerKSeF", ("ksefnr_NumerKSeF",), _ASSUMED),
)
"""Beyond the keys and foreign keys. The first two are known; the others are fast here, perhaps not there."""

Progress = Callable[[str, int, int], None]


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
    progress: Progress | None = None,
) -> Sandbox:
    """Create a sandbox in the file `path`.

    `invoices` counts sales: each makes one sales invoice; receipts, corrections, orders and payments come on top.
    Dates end at `today` (this day if not given). Equal arguments make equal data. `schema` is that of an older version,
    if wanted. `progress` is told what is being made, how many are done and of how many.

    ValueError for fewer than 40 of anything, FileExistsError if the file is there.
    """
    scale = _Scale(customers, products, invoices)
    scale.check()
    tables = schema or reference_schema()
    made: list[str] = []

    def fill(connection: sqlite3.Connection) -> None:
        writer = Writer(connection, tables)
        made.append(_fill(writer, scale, seed, today or date.today(), progress or _silent))
        _write_counters(writer, tables)

    create_sandbox(
        path,
        tables,
        indexes=[index for index in INDEXES if index.table in tables],
        index_foreign_keys=True,
        fill=fill,
    )
    return Sandbox(path, made[0])


def _write_counters(writer: Writer, tables: ReferenceSchema) -> None:
    """`ins_ident`: for every table numbered by the program, the next id."""
    for table in tables:
        if len(table.primary_key) == 1 and table.column(table.primary_key[0]).type == "int":
            name = table.short_name
            counter = {"ido_nazwa": name, "ido_wartosc": writer.next_free(name)}
            writer.add("ins_ident", counter | {"ido_minIdValue": 1})
    writer.flush()


def identifiers(connection: sqlite3.Connection, table: str, count: int = 1) -> int:
    """The first of `count` new ids for the table (`dok__Dokument`): what the procedure `spIdentyfikator` does.

    LookupError if the program does not number that table.
    """
    row = connection.execute(
        "UPDATE dbo.ins_ident SET ido_wartosc = ido_wartosc + ? WHERE ido_nazwa = ?"
        " RETURNING ido_wartosc",
        (count, table),
    ).fetchone()
    if row is None:
        raise LookupError(f"ins_ident has no counter for {table}")
    return int(row[0]) - count


@dataclass(frozen=True, slots=True)
class _Scale:
    customers: int
    products: int
    invoices: int

    def check(self) -> None:
        for count, fewest, what in (
            (self.customers, LEAST_CUSTOMERS, "customers"),
            (self.products, LEAST_PRODUCTS, "products"),
            (self.invoices, LEAST_INVOICES, "invoices"),
        ):
            if count < fewest:
                raise ValueError(f"a sandbox needs at least {fewest} {what}, {count} are too few")


def _fill(writer: Writer, scale: _Scale, seed: int, today: date, progress: Progress) -> str:
    dictionaries = write_dictionaries(writer, Random(f"{seed} dictionaries"), today)
    card_index = write_customers(
        writer, Random(f"{seed} customers"), Pools(seed), dictionaries, scale.customers
    )
    progress("customers", scale.customers, scale.customers)
    stock = write_products(
        writer,
        Random(f"{seed} products"),
        dictionaries,
        card_index.customers,
        scale.products,
        lambda done: progress("products", done, scale.products),
    )
    progress("products", scale.products, scale.products)
    sales = Sales(writer, Random(f"{seed} sales"), dictionaries, card_index, stock)
    return _sell(sales, scale.invoices, today, progress)


def _sell(sales: Sales, count: int, today: date, progress: Progress) -> str:
    template = sales.template(today - timedelta(days=_HISTORY))
    for index in range(count):
        sales.sale(index, today - timedelta(days=_HISTORY - index * _HISTORY // count))
        if index % 1000 == 999:
            progress("invoices", index + 1, count)
    for index in range(open_orders := count // 10):
        sales.open_order(index, today - timedelta(days=40 - index * 40 // open_orders))
    sales.finish()
    progress("invoices", count, count)
    return template.number


def _silent(what: str, done: int, total: int) -> None:
    """Nobody wants to know."""
