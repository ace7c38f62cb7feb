"""Orders as WAPRO Mag has them: found again by the customer's number (NR_ZAMOWIENIA_KLIENTA) or by id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mostek.plugin.orders.lookup import Lookup, text
from mostek.plugin.orders.recorded import RecordedLine, RecordedOrder
from mostek.plugin.sql_types import Param
from mostek_wapro.conversion import flag
from mostek_wapro.orders.customers import amount, number

__all__ = ["OrderFound", "by_external_number", "by_id"]

# The index begins with the customer's number; what is being edited is an order all the same.
_SELECT = """
SELECT z.ID_ZAMOWIENIA, z.NUMER, z.NR_ZAMOWIENIA_KLIENTA, z.ID_KONTRAHENTA, z.WARTOSC_NETTO, z.WARTOSC_BRUTTO,
    z.KONTRAHENT_NAZWA, k.NAZWA, k.NAZWA_PELNA, z.SEMAFOR, z.FLAGA_STANU
FROM dbo.ZAMOWIENIE z
LEFT JOIN dbo.KONTRAHENT k ON k.ID_KONTRAHENTA = z.ID_KONTRAHENTA
WHERE z.ID_FIRMY = ? AND CAST(z.TYP AS int) = 1 AND """
_LINES = (
    "SELECT q.ID_ARTYKULU, q.ZAMOWIONO, q.JEDNOSTKA, q.CENA_NETTO, q.CENA_BRUTTO"
    " FROM dbo.POZYCJA_ZAMOWIENIA q WHERE q.ID_ZAMOWIENIA = ? ORDER BY q.ID_POZYCJI_ZAMOWIENIA"
)


@dataclass(frozen=True)
class OrderFound(RecordedOrder):
    """An order. `open`: somebody, or a procedure that broke off, has it open; `holder` is the user, 0 if nobody is."""

    open: bool = False
    holder: int = 0

    @property
    def numbered(self) -> bool:
        """Whether it was confirmed: only then it has its number."""
        return bool(self.number) and not self.number.startswith("<auto>")


def by_id(lookup: Lookup, company: int, order: int) -> list[OrderFound]:
    """The order with this id."""
    return _found(lookup, company, "z.ID_ZAMOWIENIA = ?", number(order))


def by_external_number(lookup: Lookup, company: int, external_number: str) -> list[OrderFound]:
    """The orders of the company with this number of the customer's, in any of its warehouses."""
    param = Param.of(external_number, "varchar(30)")
    return _found(lookup, company, "z.NR_ZAMOWIENIA_KLIENTA = ?", param)


def _found(lookup: Lookup, company: int, condition: str, param: Param) -> list[OrderFound]:
    found = lookup.fetch(f"{_SELECT}{condition} ORDER BY z.ID_ZAMOWIENIA", number(company), param)
    return [_recorded(row, lookup.fetch(_LINES, number(int(row[0])))) for row in found]


def _recorded(row: Sequence[Any], lines: Sequence[Sequence[Any]]) -> OrderFound:
    net, gross = _money(row[4]), _money(row[5])
    return OrderFound(
        id=int(row[0]),
        number=text(row[1]),
        external_number=text(row[2]),
        buyer=int(row[3]) if row[3] else None,
        buyer_names=tuple(text(name) for name in row[6:9]),
        totals=(net, gross - net, gross),
        lines=tuple(map(_line, lines)),
        open=flag(row[9]) or flag(row[10]),
        holder=int(row[9] or 0),
    )


def _line(row: Sequence[Any]) -> RecordedLine:
    """Its prices are final: a discount is in them."""
    return RecordedLine(
        product=int(row[0]) if row[0] else None,
        quantity=amount(row[1]),
        unit=text(row[2]),
        prices={"net": _money(row[3]), "gross": _money(row[4])},
        discount=Decimal(0),
    )


def _money(value: Any) -> Decimal:
    return Decimal(f"{value or 0:.4f}")
