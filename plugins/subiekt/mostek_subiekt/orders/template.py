"""The order that is copied: one that the program made, plain enough for a copy of it to be a right order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from mostek.plugin.orders.lookup import integer, text
from mostek.plugin.sql_types import Param
from mostek.wire.failures import Unsupported
from mostek_subiekt.orders.rows import Rows, amount, day, is_empty

__all__ = ["ORDER", "PAID_WITH", "WITHOUT_RESERVATION", "Template"]

#: dok_Typ of an order from a customer (ZK).
ORDER = 16
#: dok_Status: not fulfilled, nothing reserved.
WITHOUT_RESERVATION = 6

#: Columns that hold nothing or the whole gross amount, by how the order is to be paid.
PAID_WITH = (
    *("dok_KwWartosc", "dok_KwGotowka", "dok_KwKarta", "dok_KwKredyt", "dok_KwPrzelew"),
    "dok_KwDoZaplaty",
)
#: What a copy would carry on wrongly: links to other documents, systems and devices, and what is counted otherwise.
_EMPTY = {
    "dok_Podtyp": "is an advance order",
    "dok_StatusEx": "is fulfilled, at least in part",
    "dok_DoDokId": "belongs to another document",
    "dok_RabatProc": "has a discount of the whole document",
    "dok_RodzajOperacjiVat": "is no domestic sale",
    "dok_DefiniowalnyId": "is a definable document",
    "dok_TransakcjaId": "comes from a transaction of the CRM",
    "dok_ZlecenieId": "comes from a job (zlecenie)",
    "dok_VenderoId": "comes from a shop (Vendero)",
    "dok_SelloId": "comes from a shop (Sello)",
    "dok_IdSesjiKasowej": "belongs to a cash session",
    "dok_KartaId": "is paid by card",
    "dok_KredytId": "is paid in instalments",
    "dok_KwReszta": "has change given",
    "dok_KwGotowkaPrzedplata": "has a prepayment",
    "dok_KwPrzelewPrzedplata": "has a prepayment",
    "dok_KwKartaPrzedplata": "has a prepayment",
    "dok_Rozliczony": "is settled",
    "dok_WartOpZwr": "has returnable packaging",
    "dok_WartOpWyd": "has returnable packaging",
    "dok_WartOplRecykl": "has a recycling fee",
    "dok_WartMag": "has a stock value",
    "dok_JestVatNaEksport": "is an export",
    "dok_ProceduraMarzy": "is counted by the margin",
    "dok_NrIdentNabywcy": "carries the buyer's identifier",
    "dok_NumerKSeF": "has a KSeF number",
    "dok_NumerKSeFId": "has a KSeF number",
    "dok_FiskalizacjaNumer": "is registered fiscally",
    "dok_TermPlatTransId": "is paid at a terminal",
}
_LINE_EMPTY = (
    *("ob_Status", "ob_DoId", "ob_DokMagId", "ob_PrzyczynaKorektyId", "ob_Akcyza"),
    *("ob_OplCukrowaPodlega", "ob_IdOpakowanieKaucyjne"),
)
_GOODS = 1


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
        line, rate = _line(rows, int(order["dok_id"])), _rate(rows, int(order["dok_id"]))
        faults = [*_faults(order)]
        if line is None or rate is None:
            faults.append("has no ordinary line of goods with VAT")
        if line is None or rate is None or faults:
            raise Unsupported(
                f"Orders can't be copied from the configured template, because it {', '.join(faults)}:"
                " configure a plain order that the program made."
            )
        return cls(order, line, rate)

    @property
    def id(self) -> int:
        return int(self.order["dok_id"])

    @property
    def issued(self) -> date:
        found = day(self.order["dok_datawyst"])
        assert found is not None
        return found

    @property
    def warehouse(self) -> int:
        return int(self.order["dok_magid"])

    @property
    def from_net(self) -> bool:
        return bool(self.order["dok_cenytyp"])

    @property
    def level(self) -> int:
        return int(self.order["dok_cenypoziom"] or 0)

    @property
    def payment_form(self) -> int | None:
        found = self.order["dok_platid"]
        return int(found) if found else None

    @property
    def payment_days(self) -> int | None:
        return self._days("dok_plattermin")

    @property
    def delivery_days(self) -> int | None:
        return self._days("dok_terminrealizacji")

    def paid_with(self, gross: Decimal) -> dict[str, object]:
        """The columns of payment of a copy that comes to `gross`."""
        return {name: gross for name in PAID_WITH if not is_empty(self.order.get(name.lower()))}

    def in_currency(self, value: Decimal) -> Decimal | None:
        """What `dok_Vat` has for an amount in currency: the same as in złoty, or what the template has."""
        own = self.rate.get("vt_wartnettowaluta")
        return value if not is_empty(own) else own

    @property
    def pays_at_once(self) -> bool:
        return any(not is_empty(self.order.get(n)) for n in ("dok_kwgotowka", "dok_kwkarta"))

    def _days(self, column: str) -> int | None:
        found = day(self.order[column])
        return (found - self.issued).days if found else None


def _order(rows: Rows, wanted: str | int) -> dict[str, Any]:
    if isinstance(wanted, int):
        found = [wanted]
    else:
        sql = f"SELECT dok_Id FROM dbo.dok__Dokument WHERE dok_Typ = {ORDER} AND dok_NrPelny = ?"  # noqa: S608 - names of this plugin
        found = [int(row[0]) for row in rows.fetch(sql, Param.of(wanted, "varchar(30)"))]
    order = rows.row("dok__Dokument", "dok_Id", found[0]) if len(found) == 1 else None
    if order is None or order["dok_typ"] != ORDER:
        reason = (
            "several orders have its number: name its id" if len(found) > 1 else "there is none"
        )
        raise Unsupported(
            "Orders can't be written: the configured template is no order (ZK) of this company,"
            f" because {reason}. Correct `template` in [companies.<name>.orders]."
        )
    return order


def _faults(order: Mapping[str, Any]) -> Iterator[str]:
    yield from dict.fromkeys(
        fault for name, fault in _EMPTY.items() if not is_empty(order.get(name.lower()))
    )
    if order["dok_status"] not in {5, WITHOUT_RESERVATION}:
        yield "is not open without reservation (status 6)"
    if text(order["dok_waluta"]) not in {"", "PLN"}:
        yield "is in a foreign currency"
    if order["dok_odbiorcaid"] != order["dok_platnikid"]:
        yield "has a recipient that is not its buyer"
    gross = amount(order["dok_wartbrutto"])
    carried = {amount(order.get(name.lower())) for name in PAID_WITH}
    if not gross or not carried <= {Decimal(0), gross}:
        yield "is not to be paid whole and in one way"


def _line(rows: Rows, order: int) -> dict[str, Any] | None:
    sql = "SELECT ob_Id FROM dbo.dok_Pozycja WHERE ob_DokHanId = ? AND ob_TowRodzaj = ? ORDER BY ob_DokHanLp"
    for (number,) in rows.fetch(sql, integer(order), integer(_GOODS)):
        line = rows.row("dok_Pozycja", "ob_Id", int(number))
        if line and all(is_empty(line.get(name.lower())) for name in _LINE_EMPTY):
            return line
    return None


def _rate(rows: Rows, order: int) -> dict[str, Any] | None:
    found = rows.one("SELECT MAX(vt_Id) FROM dbo.dok_Vat WHERE vt_DokId = ?", integer(order))
    return rows.row("dok_Vat", "vt_Id", int(found[0])) if found and found[0] else None
