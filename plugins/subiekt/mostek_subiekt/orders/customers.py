"""Customers that a draft names: found by id, code or tax id, with what an order needs to know of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mostek.plugin.orders.cards import CustomerCard
from mostek.plugin.orders.choices import known_id
from mostek.plugin.orders.lookup import integer, text
from mostek.plugin.sql_types import Param
from mostek.plugin.tax_ids import compact_notations, compact_sql, typed_tax_id
from mostek_subiekt.orders.rows import Rows, amount

__all__ = ["PRICE_LEVELS", "Customer", "Customers"]

PRICE_LEVELS = range(1, 11)
_BLOCKED = "the customer is blocked (zablokowany)"

_SELECT = """
SELECT k.kh_Id, k.kh_Symbol, k.kh_Zablokowany, k.kh_Cena, k.kh_IdFormaP, k.kh_PlatOdroczone, k.kh_DomyslnyTypCeny,
    k.kh_PodVATZarejestrowanyWUE, k.kh_AdresDostawy, r.rt_Procent, r.rt_Rodzaj, a.adr_Id, a.adr_NazwaPelna,
    a.adr_NIP, p.pa_KodPanstwaISO, {role}
FROM dbo.kh__Kontrahent k
LEFT JOIN dbo.adr__Ewid a ON a.adr_IdObiektu = k.kh_Id AND a.adr_TypAdresu = 1
LEFT JOIN dbo.sl_Panstwo p ON p.pa_Id = a.adr_IdPanstwo
LEFT JOIN dbo.sl_Rabat r ON r.rt_id = k.kh_IdRabat
WHERE k.kh_Jednorazowy = 0 AND """
_TYPED = compact_sql("a.adr_NIP")


@dataclass(frozen=True, kw_only=True)
class Customer(CustomerCard):
    """A customer of the card index. `address` is the id of the seat's address, 0 if there is none."""

    payment_form: int | None = None
    may_pay_later: bool = False
    uses_delivery_address: bool = False
    address: int = 0
    ksef_role: int | None = None


class Customers:
    """The card index. One-off customers are not in it."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        has_role = rows.has("kh__Kontrahent", "kh_RolaOdbiorcyKSeF")
        self._select = _SELECT.format(role="k.kh_RolaOdbiorcyKSeF" if has_role else "NULL")

    def by_id(self, wanted: str) -> list[Customer]:
        number = known_id(wanted)
        return self._found("k.kh_Id = ?", integer(number)) if number else []

    def by_code(self, code: str) -> list[Customer]:
        return self._found("k.kh_Symbol = ?", Param.of(code, "varchar(20)"))

    def by_tax_id(self, tax_id: str) -> list[Customer]:
        """Those with this tax id, in whatever notation either is."""
        spelled = compact_notations(tax_id)
        marks = ", ".join("?" * len(spelled))
        params = [Param.of(spelling, "varchar(32)") for spelling in spelled]
        wanted = typed_tax_id(tax_id)
        found = self._found(f"{_TYPED} IN ({marks})", *params)
        return [customer for customer in found if customer.tax_id == wanted]

    def _found(self, condition: str, *params: Param) -> list[Customer]:
        return [_customer(row) for row in self._rows.fetch(self._select + condition, *params)]


def _customer(row: Sequence[Any]) -> Customer:
    per_line = row[10] in {None, 0}
    return Customer(
        id=row[0],
        code=text(row[1]),
        blocked=_BLOCKED if row[2] else "",
        price_list=row[3] if row[3] in PRICE_LEVELS else None,
        payment_form=row[4],
        may_pay_later=bool(row[5]),
        # kh_DomyslnyTypCeny: 0 gross, positive net, anything else not told.
        from_net=bool(row[6]) if row[6] is not None and row[6] >= 0 else None,
        eu_vat_payer=bool(row[7]),
        uses_delivery_address=bool(row[8]),
        # The other kind is one of the whole document.
        discount=amount(row[9]) if per_line else None,
        address=row[11] or 0,
        name=text(row[12]),
        tax_id=typed_tax_id(text(row[13]), text(row[14])),
        ksef_role=row[15],
    )
