"""Customers that a draft names: found by id, code or tax id, with what an order needs to know of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mostek.plugin.orders.cards import CustomerCard
from mostek.plugin.orders.choices import known_id
from mostek.plugin.orders.lookup import Lookup, text
from mostek.plugin.sql_types import Param
from mostek.plugin.tax_ids import compact_notations, compact_sql, typed_tax_id
from mostek_wapro.conversion import flag

__all__ = ["GREATEST_ID", "Customer", "Customers", "amount", "known_code", "number"]

_BLOCKED = "the customer is blocked (zablokowany)"
_NO_BUYER = "the card is a supplier's alone: mark it as a customer's (odbiorca) in the program"

# Of prices that were agreed with a buyer or its group, only that there are some is understood.
_SELECT = """
SELECT k.ID_KONTRAHENTA, k.KOD_KONTRAHENTA, k.NAZWA, k.NAZWA_PELNA, k.NIP, k.SYM_KRAJU, k.ODBIORCA, k.ZABLOKOWANY,
    k.DOMYSLNY_RABAT, k.FORMA_PLATNOSCI, k.TERMIN_NALEZNOSCI, k.KontrahentUE, g.ID_CENY, g.NARZUT,
    (SELECT COUNT(*) FROM dbo.CENNIK_KONTRAHENTA c WHERE c.ID_KONTRAHENTA = k.ID_KONTRAHENTA),
    (SELECT COUNT(*) FROM dbo.CENNIK_INDYWIDUALNY i WHERE i.ID_GRUPY = k.ID_GRUPY)
FROM dbo.KONTRAHENT k
LEFT JOIN dbo.GRUPA_KONTRAHENTA g ON g.ID_GRUPY = k.ID_GRUPY
WHERE k.ID_FIRMY = ? AND COALESCE(k.Incydentalny, 0) = 0 AND """
_TYPED = compact_sql("k.NIP")
#: Ids are numeric(18, 0).
GREATEST_ID = 10**18 - 1


@dataclass(frozen=True, kw_only=True)
class Customer(CustomerCard):
    """A customer of the card index; `payment` is the name of its payment method."""

    payment: str = ""
    payment_days: int = 0


class Customers:
    """The card index of one company. One-off customers are not in it."""

    def __init__(self, lookup: Lookup, company: int) -> None:
        self._lookup = lookup
        self._company = number(company)

    def by_id(self, wanted: str) -> list[Customer]:
        known = known_id(wanted, GREATEST_ID)
        return self._found("k.ID_KONTRAHENTA = ?", number(known)) if known else []

    def by_code(self, code: str) -> list[Customer]:
        known = known_code(code)
        return self._found("k.KOD_KONTRAHENTA = ?", Param.of(known, "int")) if known else []

    def by_tax_id(self, tax_id: str) -> list[Customer]:
        """Those with this tax id, in whatever notation either is."""
        spelled = compact_notations(tax_id)
        marks = ", ".join("?" * len(spelled))
        params = [Param.of(spelling, "varchar(64)") for spelling in spelled]
        wanted = typed_tax_id(tax_id)
        found = self._found(f"{_TYPED} IN ({marks})", *params)
        return [customer for customer in found if customer.tax_id == wanted]

    def _found(self, condition: str, *params: Param) -> list[Customer]:
        rows = self._lookup.fetch(_SELECT + condition, self._company, *params)
        return [_customer(row) for row in rows]


def known_code(code: str) -> int | None:
    """A customer's code, which is a number; None for what can't be one."""
    return known_id(code.strip())


def number(value: int) -> Param:
    """An id, bound so that it is compared as the column's numeric."""
    return Param.of(value, "bigint")


def amount(value: Any) -> Decimal:
    """A decimal column's value; NULL is 0."""
    return Decimal(f"{value or 0:.6f}")


def _customer(row: Sequence[Any]) -> Customer:
    blocked = (
        _BLOCKED if flag(row[7]) else "" if flag(1 if row[6] is None else row[6]) else _NO_BUYER
    )
    discount, markup = amount(row[8]), amount(row[13])
    # A markup, or prices of one's own: the program's price can't be told.
    told = discount <= 0 and not markup and not row[14] and not row[15]
    return Customer(
        id=int(row[0]),
        code=text(row[1]),
        name=text(row[3]) or text(row[2]),
        blocked=blocked,
        tax_id=typed_tax_id(text(row[4]), text(row[5])),
        discount=-discount if told else None,
        payment=text(row[9]),
        payment_days=int(row[10] or 0),
        eu_vat_payer=flag(row[11]),
        price_list=int(row[12]) if row[12] else None,
    )
