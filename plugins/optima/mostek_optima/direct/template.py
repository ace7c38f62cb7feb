"""The order that is copied: one in the buffer that the program made, plain enough for its copy to be a right order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from mostek.plugin.converters import as_day
from mostek.plugin.orders.lookup import integer, text
from mostek.plugin.sql_types import Param
from mostek.wire.failures import Unsupported
from mostek_optima.direct.rows import Rows
from mostek_optima.orders.cards import amount

__all__ = ["ORDER", "Template"]

#: TrN_TypDokumentu and TrN_Rodzaj of a customer's order.
ORDER, _KIND = 308, 308000
_IN_BUFFER, _TAXED, _GOODS = 1, 2, 1
#: What a copy would carry on wrongly: links to other documents and systems, and what is counted otherwise.
_EMPTY = {
    "TrN_RelTrNId": "belongs to another document",
    "TrN_ZwrId": "belongs to another document",
    "TrN_FaId": "was made into an invoice",
    "TrN_VaNId": "is in a VAT register",
    "TrN_Korekta": "is a correction",
    "TrN_Anulowany": "is cancelled",
    "TrN_ZwroconoCalaIlosc": "was approved before",
    "TrN_RezerwacjaWew": "is an internal reservation",
    "TrN_Export": "is no domestic sale",
    "TrN_Rabat": "has a discount of the whole document",
    "TrN_RabatWartosc": "has a discount of the whole document",
    "TrN_RabatPromocyjny": "has a promotion",
    "TrN_FVMarza": "is counted by the margin",
    "TrN_Fiskalna": "is fiscal",
    "TrN_NrKSeF": "has a KSeF number",
    "TrN_eSklepID": "comes from a shop",
    "TrN_GIDNumer": "comes from another program",
    "TrN_SplitPay": "is for split payment",
    "TrN_EdycjaTabelkiVAT": "has a VAT table that was edited",
    "TrN_NrListuPrzewozowego": "has a waybill",
}
_LINE_EMPTY = (
    *(
        "TrE_ZwrId",
        "TrE_TrEIdProd",
        "TrE_PdRId",
        "TrE_Rabat",
        "TrE_RabatPromocyjny",
        "TrE_Promocje",
    ),
    *("TrE_Kaucja", "TrE_UslugaZlozonaId", "TrE_ZTwID", "TrE_ZestawWiazanie", "TrE_Upust"),
    *("TrE_UpustKnt", "TrE_Akcyza_DeAId", "TrE_OplataCukrowaDoliczDoCeny", "TrE_JmZ"),
)
_BY_NUMBER = (
    "SELECT h.TrN_TrNID FROM CDN.TraNag h WHERE h.TrN_TypDokumentu = 308 AND h.TrN_NumerPelny = ?"
)
_LINES = "SELECT e.TrE_TrEID FROM CDN.TraElem e WHERE e.TrE_TrNId = ? ORDER BY e.TrE_Lp"
_RATE = "SELECT MIN(v.TrV_TrVID) FROM CDN.TraVat v WHERE v.TrV_TrNID = ? AND v.TrV_Typ = 0"
_RESERVED = "SELECT COUNT(*) FROM CDN.TraSElem s WHERE s.TrS_TrEId = ?"


@dataclass(frozen=True)
class Template:
    """The rows to copy, and what of them decides about an order. Values are by column in lower case."""

    order: Mapping[str, Any]
    line: Mapping[str, Any]
    rate: Mapping[str, Any]

    @classmethod
    def read(cls, rows: Rows, wanted: str | int) -> Template:
        """The template that configuration names. Raises Unsupported, saying all that is wrong with it."""
        order = _order(rows, wanted)
        number = int(order["trn_trnid"])
        line, rate = _line(rows, number), rows.lookup.one(_RATE, integer(number))
        faults = [*_faults(order)]
        if line is None or rate is None or not rate[0]:
            faults.append("has no plain line of taxed goods without a discount or a reservation")
        if line is None or rate is None or faults:
            raise Unsupported(
                f"Orders can't be copied from the configured template, because it {', '.join(faults)}:"
                " configure a plain order in the buffer that the program made."
            )
        found = rows.row("TraVat", "TrV_TrVID", int(rate[0]))
        assert found is not None
        return cls(order, line, found)

    @property
    def id(self) -> int:
        return int(self.order["trn_trnid"])

    @property
    def issued(self) -> date:
        return as_day(self.order["trn_datadok"])

    @property
    def warehouse(self) -> int:
        return int(self.order["trn_magzrdid"] or 0)

    @property
    def from_net(self) -> bool:
        return bool(self.order["trn_typnb"] == 1)

    @property
    def payment(self) -> int | None:
        found = self.order["trn_fplid"]
        return int(found) if found else None


def _order(rows: Rows, wanted: str | int) -> dict[str, Any]:
    if isinstance(wanted, int):
        found = [wanted]
    else:
        number = Param.of(wanted, "varchar(30)")
        found = [int(row[0]) for row in rows.lookup.fetch(_BY_NUMBER, number)]
    order = rows.row("TraNag", "TrN_TrNID", found[0]) if len(found) == 1 else None
    if order is None or order["trn_typdokumentu"] != ORDER:
        reason = (
            "several orders have its number: name its id" if len(found) > 1 else "there is none"
        )
        raise Unsupported(
            "Orders can't be written: the configured template is no order (RO) of this company,"
            f" because {reason}. Correct `template` in [companies.<name>.orders]."
        )
    return order


def _faults(order: Mapping[str, Any]) -> Iterator[str]:
    yield from dict.fromkeys(
        fault for name, fault in _EMPTY.items() if not _is_empty(order.get(name.lower()))
    )
    if order["trn_rodzaj"] != _KIND:
        yield f"is of another kind than {_KIND}"
    if order["trn_bufor"] != _IN_BUFFER:
        yield "is not in the buffer"
    if text(order["trn_waluta"]) not in {"", "PLN"} or amount(order["trn_kursl"]) != amount(
        order["trn_kursm"]
    ):
        yield "is in a foreign currency"
    buyer = (order["trn_podmiottyp"], order["trn_podid"])
    others = [
        (order[f"trn_{who}typ"], order[f"trn_{short}id"])
        for who, short in (("odbiorca", "odb"), ("platnik", "platnik"))
    ]
    if buyer[0] != 1 or any(other != buyer for other in others):
        yield "has a recipient or payer that is not its buyer, or a buyer that is no contractor"


def _line(rows: Rows, order: int) -> dict[str, Any] | None:
    for (number,) in rows.lookup.fetch(_LINES, integer(order)):
        line = rows.row("TraElem", "TrE_TrEID", int(number))
        reserved = rows.lookup.one(_RESERVED, integer(int(number)))
        plain = line and all(_is_empty(line.get(name.lower())) for name in _LINE_EMPTY)
        if line and plain and line["tre_twrtyp"] == _GOODS and line["tre_flaga"] == _TAXED:
            return None if reserved and reserved[0] else line
    return None


def _is_empty(value: Any) -> bool:
    """NULL, zero or no text."""
    return not text(value) if isinstance(value, str) or value is None else not value
