"""An order by the procedures, in the order that the vendor's guide gives: begin, lines, sum, numbering, confirm."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mostek.erp.v1.order_pb2 import DocumentWanted, OrderDraft
from mostek.plugin.clarion import clarion
from mostek.plugin.database import Row, Session
from mostek.plugin.orders.amounts import ZERO
from mostek.plugin.orders.plan import PlannedLine
from mostek.wire.failures import Internal, Rejected
from mostek_wapro.orders.customers import Customer
from mostek_wapro.orders.delivery import deliver
from mostek_wapro.orders.draft import OrderPlan, Planner
from mostek_wapro.orders.procedures import ADD, ADD_LINE, CONFIRM, NUMBERING, SUM, Procedures
from mostek_wapro.orders.products import Product
from mostek_wapro.orders.recorded import OrderFound

__all__ = ["Placing", "faults"]

_ORDERS = 2
#: The program draws the number; with the space that its callers have behind it.
_AUTO = "<auto> "
_GROSZ = Decimal("0.01")


@dataclass
class Placing:
    """One order on its way through the procedures. `unbroken` tells whether the transaction is still the same.

    `order` is its id as soon as it is known; `confirming`: it came as far as the last of them.
    """

    procedures: Procedures
    session: Session
    unbroken: Callable[[], bool]
    planner: Planner
    plan: OrderPlan
    draft: OrderDraft
    order: int = 0
    confirming: bool = False

    def place(self, buyer: Customer) -> int:
        """Call them all; the id of the order.

        Raises Rejected, also for a procedure that ended the transaction by itself, and what else the ERP says.
        """
        self._begin(buyer)
        for line in self.plan.known:
            self._add(line)
        self._run(SUM, id_zamowienia=self.order)
        if self.planner.delivery is not None:
            deliver(self.planner.lookup, self.order, buyer.id, self.planner.delivery)
        self._confirm(buyer)
        return self.order

    def _begin(self, buyer: Customer) -> None:
        plan, setup = self.plan, self.planner.setup
        self._run(
            ADD,
            id_firmy=setup.company,
            id_kontrahenta=buyer.id,
            id_magazynu=plan.warehouse,
            data=clarion(plan.order_date),
            semafor=setup.user,
            brutto_netto="Netto" if plan.from_net else "Brutto",
        )
        if self.order <= 0:
            raise Rejected("The program's procedure began no order: nothing was written.")

    def _add(self, line: PlannedLine[Product]) -> None:
        self._run(
            ADD_LINE,
            id_zamowienia=self.order,
            id_artykulu=line.product.id,
            kod_vat=str(line.rate.id),
            zamowiono=line.quantity,
            do_rezerwacji=line.quantity if self._reserves else ZERO,
            cena_netto=line.net_price,
            cena_brutto=line.gross_price,
            jednostka=line.unit,
            opis=line.remark,
        )

    def _confirm(self, buyer: Customer) -> None:
        plan, planner, setup = self.plan, self.planner, self.planner.setup
        _, numbering = self._run(
            NUMBERING,
            id_firmy=setup.company,
            dokument=_ORDERS,
            id_typu=setup.type,
            id_zasobu=plan.warehouse,
        )
        if not numbering["format_num"]:
            raise Rejected(
                "The program has no layout for the numbers of these orders: define it for the"
                " warehouse in the program. Nothing was written."
            )
        self.confirming = True
        self._run(
            CONFIRM,
            id_zamowienia=self.order,
            id_kontrahenta=buyer.id,
            id_typu=setup.type,
            numer=_AUTO,
            num_format=numbering["format_num"],
            num_okresnumeracji=numbering["okresnumeracji"],
            num_auto=numbering["parametr1"],
            num_niezalezny=numbering["parametr2"],
            id_firmy=setup.company,
            id_mag=plan.warehouse,
            data=clarion(plan.order_date),
            data_realizacji=clarion(plan.delivery_date) if plan.delivery_date else 0,
            auto_rezerwacja=int(self._reserves),
            nr_zam_klienta=plan.external_number,
            id_pracownika=setup.employee,
            uwagi=plan.remarks,
            formaplatnosci=planner.payment,
            dniplatnosci=planner.payment_days,
            fakturaparagon=int(
                self.draft.document_wanted != DocumentWanted.DOCUMENT_WANTED_RECEIPT
            ),
        )

    def _run(self, step: Sequence[str], **given: object) -> tuple[list[list[Row]], dict[str, Any]]:
        call = self.procedures.first(step)
        results, outputs = call.run(self.session, **given)
        if step is ADD:
            # To be known even if it is found out next that it was committed.
            self.order = int(outputs.get("id_zamowienia") or _first(results) or 0)
        if not self.unbroken():
            raise Rejected(f"The program's procedure {call.name} ended the transaction by itself.")
        return results, outputs

    @property
    def _reserves(self) -> bool:
        if self.planner.config is None:
            raise Internal("An order was to be written that the site does not allow.")
        return self.draft.reserve if self.draft.HasField("reserve") else self.planner.config.reserve


def _first(results: Sequence[Sequence[Row]]) -> Any:
    """The first value of the first result."""
    return results[0][0][0] if results and results[0] else None


def faults(found: OrderFound, plan: OrderPlan) -> Iterator[str]:
    """What the procedures did not do, or did otherwise than they were told; nothing: the order is there."""
    if not found.numbered:
        yield "it has no number"
    if found.open:
        yield "it is still locked"
    if found.external_number != plan.external_number:
        yield "its external number is another"
    wanted = [_content(line, plan.from_net) for line in plan.known]
    kind = "net" if plan.from_net else "gross"
    if wanted != [(line.product, line.quantity, line.prices[kind]) for line in found.lines]:
        yield "its lines are others"
    # The program rounds by its own rules: a grosz at each line is its affair.
    total = plan.total()
    most = _GROSZ * max(1, len(wanted))
    if abs(found.totals[0] - total.net) > most or abs(found.totals[2] - total.gross) > most:
        yield "its totals are others"


def _content(line: PlannedLine[Any], from_net: bool) -> tuple[int, Decimal, Decimal]:
    return line.product.id, line.quantity, line.net_price if from_net else line.gross_price
