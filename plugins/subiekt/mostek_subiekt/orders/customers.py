"""Customers that a draft names: found by id, code or tax id, with what an order needs to know of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mostek.plugin.sql_types import Param
from mostek.plugin.tax_ids import TypedTaxId, tax_id_notations, typed_tax_id
from mostek_subiekt.orders.rows import Rows, amount, integer, text

__all__ = ["Customer", "Customers", "known_id"]

_SELECT = """
SELECT k.kh_Id, k.kh_Symbol, k.kh_Zablokowany, k.kh_Cena, k.kh_IdFormaP, k.kh_PlatOdroczone, k.kh_DomyslnyTypCeny,
    k.kh_PodVATZarejestrowanyWUE, k.kh_AdresDostawy, r.rt_Procent, r.rt_Rodzaj, a.adr_Id, a.adr_NazwaPelna,
    a.adr_NIP, p.pa_KodPanstwaISO, {role}
FROM dbo.kh__Kontrahent k
LEFT JOIN dbo.adr__Ewid a ON a.adr_IdObiektu = k.kh_Id AND a.adr_TypAdresu = 1
LEFT JOIN dbo.sl_Panstwo p ON p.pa_Id = a.adr_IdPanstwo
LEFT JOIN dbo.sl_Rabat r ON r.rt_id = k.kh_IdRabat
WHERE k.kh_Jednorazowy = 0 AND """
# However it was typed in: no index serves this, and only this finds it for certain.
_TYPED = "UPPER(REPLACE(REPLACE(REPLACE(REPLACE(a.adr_NIP, '-', ''), ' ', ''), '.', ''), '/', ''))"
_ID = re.compile(r"[1-9][0-9]{0,9}")


@dataclass(frozen=True)
class Customer:
    """A customer of the card index.

    `id` is 0 until it is created; `address` is the id of the seat's address, 0 if there is none.
    """

    id: int
    code: str
    name: str
    blocked: bool = False
    level: int | None = None
    payment_form: int | None = None
    may_pay_later: bool = False
    #: kh_DomyslnyTypCeny: 0 gross, positive net, anything else not told.
    price_type: int | None = None
    eu_vat_payer: bool = False
    uses_delivery_address: bool = False
    #: Percent off each line; None where the discount is one of the whole document.
    discount: Decimal | None = Decimal(0)
    address: int = 0
    tax_id: TypedTaxId | None = None
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
        spelled = sorted({_compact(notation) for notation in tax_id_notations(tax_id)})
        marks = ", ".join("?" * len(spelled))
        params = [Param.of(spelling, "varchar(32)") for spelling in spelled]
        wanted = typed_tax_id(tax_id)
        found = self._found(f"{_TYPED} IN ({marks})", *params)
        return [customer for customer in found if customer.tax_id == wanted]

    def _found(self, condition: str, *params: Param) -> list[Customer]:
        return [_customer(row) for row in self._rows.fetch(self._select + condition, *params)]


def known_id(wanted: str) -> int | None:
    """The id as the ERP's columns hold it; None for what can't be one."""
    return int(wanted) if _ID.fullmatch(wanted) and int(wanted) < 2**31 else None


def _compact(tax_id: str) -> str:
    return re.sub(r"[^0-9A-Z]", "", tax_id.upper())


def _customer(row: Sequence[Any]) -> Customer:
    per_line = row[10] in {None, 0}
    return Customer(
        id=row[0],
        code=text(row[1]),
        blocked=bool(row[2]),
        level=row[3],
        payment_form=row[4],
        may_pay_later=bool(row[5]),
        price_type=row[6],
        eu_vat_payer=bool(row[7]),
        uses_delivery_address=bool(row[8]),
        discount=amount(row[9]) if per_line else None,
        address=row[11] or 0,
        name=text(row[12]),
        tax_id=typed_tax_id(text(row[13]), text(row[14])),
        ksef_role=row[15],
    )
