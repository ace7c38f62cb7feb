"""The ERPs of a run: sandboxes of Subiekt GT, how they go away, and what is in their tables by SQL of our own."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from chaos.asked import Line
from mostek.plugin.sandbox import connect_sandbox
from mostek_subiekt.sandbox import create

__all__ = ["Document", "Erp"]

#: `dok_Typ` of an order from a customer (ZK).
_ORDER = 16

_DOCUMENTS = """
SELECT d.dok_Id, d.dok_NrPelny, d.dok_NrPelnyOryg, d.dok_PlatnikId, a.adr_NIP, d.dok_WartNetto
FROM dok__Dokument d LEFT JOIN adr__Ewid a ON a.adr_IdObiektu = d.dok_PlatnikId AND a.adr_TypAdresu = 1
WHERE d.dok_Typ = ? AND d.dok_Id > ? ORDER BY d.dok_Id
"""
_LINES = "SELECT ob_TowId, ob_Ilosc, ob_CenaNetto FROM dok_Pozycja WHERE ob_DokHanId = ? ORDER BY ob_DokHanLp"
# A document's sums: as it has them, by its lines, and by its VAT summary.
_SUMS = """
SELECT dok_WartNetto, dok_WartNetto + dok_WartVat, dok_WartBrutto,
    (SELECT SUM(ob_WartNetto) FROM dok_Pozycja WHERE ob_DokHanId = dok_Id),
    (SELECT SUM(vt_WartNetto) FROM dok_Vat WHERE vt_DokId = dok_Id),
    (SELECT SUM(vt_WartBrutto) FROM dok_Vat WHERE vt_DokId = dok_Id)
FROM dok__Dokument WHERE dok_Id = ?
"""
_CUSTOMERS = """
SELECT k.kh_Id FROM kh__Kontrahent k JOIN adr__Ewid a ON a.adr_IdObiektu = k.kh_Id AND a.adr_TypAdresu = 1
WHERE a.adr_NIP = ? ORDER BY k.kh_Id
"""
# Lines, VAT summaries and customers without what they belong to: half a write.
_TORN = """
SELECT 'line ' || p.ob_Id FROM dok_Pozycja p
    WHERE p.ob_DokHanId IS NOT NULL AND NOT EXISTS (SELECT 1 FROM dok__Dokument d WHERE d.dok_Id = p.ob_DokHanId)
UNION ALL
SELECT 'VAT summary ' || v.vt_Id FROM dok_Vat v
    WHERE NOT EXISTS (SELECT 1 FROM dok__Dokument d WHERE d.dok_Id = v.vt_DokId)
UNION ALL
SELECT 'order ' || d.dok_Id FROM dok__Dokument d
    WHERE d.dok_Typ = ? AND NOT EXISTS (SELECT 1 FROM dok_Pozycja p WHERE p.ob_DokHanId = d.dok_Id)
UNION ALL
SELECT 'customer ' || k.kh_Id FROM kh__Kontrahent k
    WHERE NOT EXISTS (SELECT 1 FROM adr__Ewid a WHERE a.adr_IdObiektu = k.kh_Id AND a.adr_TypAdresu = 1)
"""
_BUYERS = """
SELECT kh_Id, kh_Symbol FROM kh__Kontrahent JOIN adr__Ewid ON adr_IdObiektu = kh_Id AND adr_TypAdresu = 1
WHERE kh_Zablokowany = 0 AND kh_Jednorazowy = 0 AND kh_IdRabat IS NULL AND kh_PlatOdroczone = 1
    AND kh_DomyslnyTypCeny = 1 AND kh_Cena = 2 AND kh_AdresDostawy = 0 AND kh_CentrumAut = 0
    AND kh_InstKredytowa = 0 AND length(adr_NIP) >= 10 AND adr_NIP < 'A'
ORDER BY kh_Id
"""
_GOODS = """
SELECT tw_Id FROM tw__Towar WHERE tw_Rodzaj = 1 AND tw_Usuniety = 0 AND tw_Zablokowany = 0
    AND tw_Id NOT IN (SELECT jm_IdTowar FROM tw_JednMiary) ORDER BY tw_Id
"""


@dataclass(frozen=True)
class Document:
    """An order in the ERP."""

    id: str
    number: str
    external_number: str
    buyer: str
    tax_id: str
    lines: tuple[Line, ...]
    net: Decimal
    #: Whether the document's sums are those of its lines and of its VAT summary.
    adds_up: bool


class Erp:
    """One company's ERP: a sandbox in a folder of its own."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._folder = folder / f"erp-{name}"
        self._folder.mkdir()
        self.file = self._folder / "subiekt.sqlite"
        self.template = create(self.file, customers=120, products=300, invoices=300).template_order
        self._first = self._value("SELECT MAX(dok_Id) FROM dok__Dokument")
        buyers = self._rows(_BUYERS)
        self.buyers = [str(row[0]) for row in buyers]
        #: Code of the customer that new ones are copies of.
        self.company_template = str(buyers[0][1])
        self.goods = [str(row[0]) for row in self._rows(_GOODS)]
        self._busy = asyncio.Lock()

    # Faults; each is over when its method returns.

    async def go(self, seconds: float) -> None:
        """The database is not there: nobody can connect, and no write begins."""
        away = self._folder.with_suffix(".away")
        async with self._busy:
            self._folder.rename(away)
            try:
                await asyncio.sleep(seconds)
            finally:
                away.rename(self._folder)

    async def lock(self, seconds: float) -> None:
        """The ERP's own users hold a lock: all writes wait or give up."""
        async with self._busy:
            with contextlib.closing(self._open()) as connection:
                connection.execute("BEGIN IMMEDIATE")
                await asyncio.sleep(seconds)

    # What is there.

    def documents(self) -> list[Document]:
        """All orders that the sandbox was not made with."""
        with contextlib.closing(self._open()) as connection:
            rows = connection.execute(_DOCUMENTS, (_ORDER, self._first)).fetchall()
            return [_document(connection, row) for row in rows]

    def customers(self, tax_id: str) -> list[str]:
        """The ids of the customers with that NIP."""
        return [str(row[0]) for row in self._rows(_CUSTOMERS, tax_id)]

    def torn(self) -> list[str]:
        """What half of a write would leave."""
        return [row[0] for row in self._rows(_TORN, _ORDER)]

    def names(self) -> dict[str, str]:
        """Codes of all products, by id."""
        return {str(row[0]): row[1] for row in self._rows("SELECT tw_Id, tw_Symbol FROM tw__Towar")}

    def _open(self) -> sqlite3.Connection:
        return connect_sandbox(self.file)

    def _rows(self, sql: str, *values: Any) -> list[Any]:
        with contextlib.closing(self._open()) as connection:
            return connection.execute(sql, values).fetchall()

    def _value(self, sql: str) -> Any:
        return self._rows(sql)[0][0]


def _document(connection: sqlite3.Connection, row: Any) -> Document:
    lines = tuple(_lines(connection, row[0]))
    return Document(
        id=str(row[0]),
        number=row[1],
        external_number=row[2] or "",
        buyer=str(row[3]),
        tax_id=row[4] or "",
        lines=lines,
        net=_money(row[5]),
        adds_up=_adds_up(connection, row[0]),
    )


def _adds_up(connection: sqlite3.Connection, document: int) -> bool:
    row = connection.execute(_SUMS, (document,)).fetchone()
    net, both, gross, by_lines, by_vat, gross_by_vat = map(_money, row)
    return both == gross == gross_by_vat and net == by_lines == by_vat


def _lines(connection: sqlite3.Connection, document: int) -> Iterator[Line]:
    for product, quantity, price in connection.execute(_LINES, (document,)):
        yield Line(str(product), int(quantity), str(_money(price)))


def _money(value: Any) -> Decimal:
    return Decimal(str(value or 0)).quantize(Decimal("0.01"))
