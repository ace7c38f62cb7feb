"""What happens in the company: orders, deliveries, invoices, corrections, payments."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from random import Random

from mostek.plugin.sandbox_writer import Writer, share
from mostek_subiekt.sandbox.customers import CardIndex, Customer
from mostek_subiekt.sandbox.dictionaries import EUR_RATE, Dictionaries, Vat
from mostek_subiekt.sandbox.documents import Document, Documents, Line, difference, line
from mostek_subiekt.sandbox.finance import (
    BANK_IN,
    BANK_OUT,
    BY_CARD,
    BY_CREDIT,
    CASH_IN,
    CASH_OUT,
    LIABILITY,
    Debt,
    Ledger,
    Payment,
)
from mostek_subiekt.sandbox.products import Product

__all__ = ["LEAST_INVOICES", "Sales"]

LEAST_INVOICES = 40
"""With fewer, some kinds of document would be missing."""

TEMPLATE_REMARKS = "Wzorzec zamówień zakładanych z zewnątrz"


class Sales:
    """Every fortieth sale is of the same kind, so that small sandboxes have all kinds too."""

    def __init__(
        self,
        writer: Writer,
        rng: Random,
        dictionaries: Dictionaries,
        card_index: CardIndex,
        products: list[Product],
    ) -> None:
        self._writer = writer
        self._rng = rng
        self._today = dictionaries.today
        self._dictionaries = dictionaries
        self._card_index = card_index
        self._by_role: dict[str, list[Customer]] = {}
        for customer in card_index.customers:
            self._by_role.setdefault(customer.role, []).append(customer)
        self._goods = [p for p in products if p.sold and p.kind == 1]
        self._sold = [p for p in products if p.sold and p.kind in {1, 2, 8}]
        self._documents = Documents(writer, rng, dictionaries)
        self._ledger = Ledger(writer, dictionaries)
        self._kinds: dict[int, Callable[[date], None]] = {
            0: self._receipts_then_invoice,
            1: self._correction_of_quantity,
            2: self._euro,
            3: self._margin,
            4: self._advance,
            5: self._cancelled,
            6: self._card,
            7: self._order_fulfilled,
            8: self._order_partly,
            9: self._cash,
            10: self._instalments,
            11: self._delivery_then_invoice,
            12: self._deferred,
            13: self._withdrawn,
            14: self._public,
            15: self._correction_of_price,
            16: self._euro_domestic,
            17: self._receipt_returned,
            18: self._large,
            19: self._order_differential,
            20: self._uncollectible,
            21: self._correction_of_unknown,
            22: self._rejected_by_ksef,
            23: self._one_off,
            24: self._correction_upwards,
            25: self._purchase,
            26: self._receipts_of_nobody_then_invoice,
            27: self._by_hand,
            28: self._correction_of_buyer_credit,
            29: self._order_closed_by_hand,
            30: self._stock_moves,
            31: self._abroad,
        }

    def template(self, day: date) -> Document:
        """The order that direct SQL clones: plain, in złoty, from net prices, without reservation."""
        order = self._order(day, self._buyer("company"), 1, status=6)
        order.remarks = TEMPLATE_REMARKS
        return self._documents.write(order)

    def sale(self, index: int, day: date) -> None:
        """The sale `index`: one invoice and what belongs to it."""
        self._kinds.get(index % 40, self._plain)(day)

    def open_order(self, index: int, day: date) -> None:
        """An order that nothing has been made of yet."""
        roles = ("company", "company", "sole_trader", "german", "school")
        order = self._order(day, self._buyer(roles[index % 5]), 1 + index % 5, status=6 + index % 2)
        # Orders from elsewhere carry the number that they have there.
        order.original_number = f"WEB/{order.day:%y}/{index:06d}" if index % 3 else ""
        if order.customer and order.customer.role == "german":
            self._in_euro(order)
        self._documents.write(order)
        if order.original_number and index % 6 == 1:
            field: dict[str, object] = {
                "pwd_Id": self._writer.next_id("pw_Dane"),
                "pwd_TypObiektu": -8,
            }
            text = {"pwd_Tekst01": f"SKLEP-{index}", "pwd_IdPozycji": None}
            self._writer.add("pw_Dane", field | {"pwd_IdObiektu": order.id} | text)

    def finish(self) -> None:
        self._documents.write_reservations()

    # What documents are made of

    def _buyer(self, *roles: str) -> Customer:
        return self._rng.choice([c for role in roles for c in self._by_role[role]])

    def _later(self, day: date, days: int) -> date:
        return min(day + timedelta(days=days), self._today)

    def _lines(
        self,
        count: int,
        level: int = 2,
        *,
        products: list[Product] | None = None,
        vat: Vat | None = None,
        from_net: bool = True,
        rate: int = 10_000,
    ) -> list[Line]:
        rng, lines = self._rng, []
        for product in rng.sample(products or self._sold, count):
            quantity = rng.randrange(1, 25) * 1000
            if product.unit in {"m", "kg"}:
                quantity += rng.choice((0, 250, 500))
            price = product.nets[level - 1]
            if not from_net:
                price += share(price, product.vat.percent, 100)
            price = max(1, share(price, 10_000, rate))
            discount = 5 if rng.random() < 0.1 else 0
            lines.append(
                line(
                    product,
                    quantity,
                    price,
                    vat=vat,
                    discount=discount,
                    from_net=from_net,
                    rate=rate,
                )
            )
        return lines

    def _invoice(self, day: date, customer: Customer, lines: list[Line] | None = None) -> Document:
        """A sales invoice, not yet written."""
        lines = lines or self._lines(self._rng.randrange(1, 6), customer.level)
        return Document(
            type=2,
            day=day,
            warehouse=self._rng.choice((1, 1, 1, 2, 3)),
            customer=customer,
            lines=lines,
            form=customer.form,
            level=customer.level,
        )

    def _order(self, day: date, customer: Customer, count: int, *, status: int) -> Document:
        lines = self._lines(count, customer.level, products=self._goods)
        return Document(
            type=16,
            day=day,
            warehouse=1,
            customer=customer,
            lines=lines,
            form=customer.form,
            level=customer.level,
            status=status,
        )

    def _again(self, lines: list[Line], quantity: Callable[[int], int] = lambda q: q) -> list[Line]:
        """The same lines for another document, in other quantities."""
        return [
            line(x.product, quantity(x.quantity), x.price, vat=x.vat, discount=x.discount)
            for x in lines
        ]

    def _receipt(self, day: date, customer: Customer | None) -> Document:
        """A receipt, counted from gross prices and paid in cash; named (PAi) if it knows the buyer."""
        receipt = Document(
            type=21,
            subtype=2 if customer else 1,
            day=day,
            warehouse=2,
            customer=customer,
            lines=self._lines(2, 1, from_net=False),
            from_net=False,
            payment="cash",
            level=1,
        )
        self._documents.write(receipt)
        payment = self._ledger.payment(CASH_IN, customer, day, receipt.gross)
        payment.document = receipt
        self._ledger.write(payment)
        return receipt

    # How documents are paid

    def _settle(self, document: Document) -> None:
        """The receivable of an invoice, as far as the buyer has paid it by now."""
        debt = self._ledger.debt_of(document)
        self._ledger.write(debt, *self._pay(debt, document.customer))

    def _pay(self, debt: Debt, customer: Customer | None, kind: int = BANK_IN) -> list[Payment]:
        luck, due = self._rng.random(), debt.due < self._today
        if not debt.remaining or luck > (0.84 if due else 0.2):
            return []
        day = self._later(max(debt.day, debt.due), self._rng.randrange(0, 25))
        if luck > (0.7 if due else 0.15):
            return [self._part(debt, customer, kind, day, (3, 10)) for _ in range(1 + debt.id % 2)]
        return [self._part(debt, customer, kind, day, (1, 1))]

    def _part(
        self, debt: Debt, customer: Customer | None, kind: int, day: date, part: tuple[int, int]
    ) -> Payment:
        """A payment of a part of what remains; one of ten is larger than what it is assigned to."""
        amount = max(1, share(debt.remaining, *part))
        extra = 10_000 if debt.id % 10 == 3 else 0
        payment = self._ledger.payment(kind, customer, day, amount + extra)
        payment.currency, payment.rate = debt.currency, debt.rate
        self._ledger.assign(debt, payment, amount)
        return payment

    def _paid_at_once(self, document: Document) -> None:
        """Cash: the receivable ends with the cash document that the program makes."""
        debt = self._ledger.debt_of(document)
        payment = self._ledger.payment(CASH_IN, document.customer, document.day, debt.remaining)
        payment.document = document
        self._ledger.assign(debt, payment, debt.remaining, auto=True)
        self._ledger.write(debt, payment)

    # The kinds of sale

    def _plain(self, day: date) -> None:
        customer = self._buyer("company", "company", "sole_trader", "consumer", "branch", "blocked")
        self._settle(self._documents.write(self._invoice(day, customer)))

    def _cash(self, day: date) -> None:
        invoice = self._invoice(day, self._buyer("company", "retail"))
        invoice.payment = "cash"
        self._paid_at_once(self._documents.write(invoice))

    def _card(self, day: date) -> None:
        self._through(day, "card", self._card_index.card_centre, BY_CARD)

    def _instalments(self, day: date) -> None:
        self._through(day, "instalments", self._card_index.credit_institution, BY_CREDIT)

    def _through(self, day: date, payment: str, operator: Customer, kind: int) -> None:
        invoice = self._invoice(day, self._buyer("consumer", "company"))
        invoice.payment = payment
        invoice.form = (
            self._dictionaries.card if kind == BY_CARD else self._dictionaries.instalments
        )
        debt = self._ledger.debt_of(self._documents.write(invoice))
        moved = self._ledger.move(debt, operator, kind)
        self._ledger.write(debt, moved, *self._pay(moved, operator))

    def _one_off(self, day: date) -> None:
        self._settle(self._documents.write(self._invoice(day, self._buyer("one_off"))))

    def _public(self, day: date) -> None:
        """A gmina buys, its school receives."""
        buyer = self._buyer("public")
        invoice = self._invoice(day, buyer)
        invoice.recipient = self._rng.choice(buyer.recipients)
        self._settle(self._documents.write(invoice))

    def _large(self, day: date) -> None:
        """Above 15,000 zł: split payment."""
        lines = self._lines(4, products=self._goods)
        lines += [line(self._goods[0], 1_000_000, 2_000)]
        self._settle(self._documents.write(self._invoice(day, self._buyer("company"), lines)))

    def _euro(self, day: date) -> None:
        self._foreign(day, self._buyer("german", "czech"), self._dictionaries.vat["0"])

    def _euro_domestic(self, day: date) -> None:
        self._foreign(day, self._buyer("company"), None)

    def _abroad(self, day: date) -> None:
        self._foreign(day, self._buyer("abroad"), self._dictionaries.vat["np"])

    def _foreign(self, day: date, customer: Customer, vat: Vat | None) -> None:
        invoice = self._invoice(day, customer, self._lines(3, vat=vat, rate=EUR_RATE))
        invoice.currency, invoice.rate = "EUR", EUR_RATE
        self._settle(self._documents.write(invoice))

    def _in_euro(self, order: Document) -> None:
        vat = self._dictionaries.vat["0"]
        order.lines = self._lines(len(order.lines), products=self._goods, vat=vat, rate=EUR_RATE)
        order.currency, order.rate = "EUR", EUR_RATE

    def _margin(self, day: date) -> None:
        """A margin invoice shows no VAT."""
        lines = self._lines(2, products=self._goods, vat=self._dictionaries.vat["np"])
        invoice = self._invoice(day, self._buyer("company", "consumer"), lines)
        invoice.type, invoice.margin = 62, True
        self._settle(self._documents.write(invoice))

    def _cancelled(self, day: date) -> None:
        invoice = self._invoice(day, self._buyer("company"))
        invoice.status = 2
        self._documents.write(invoice)

    def _deferred(self, day: date) -> None:
        self._without_stock_effect(day, 3)

    def _withdrawn(self, day: date) -> None:
        self._without_stock_effect(day, 0)

    def _without_stock_effect(self, day: date, status: int) -> None:
        """Issued all the same: only the stock has not moved."""
        invoice = self._invoice(day, self._buyer("company"))
        invoice.status = status
        self._settle(self._documents.write(invoice))

    def _uncollectible(self, day: date) -> None:
        invoice = self._documents.write(self._invoice(day, self._buyer("company", "blocked")))
        debt = self._ledger.debt_of(invoice)
        debt.status = 2
        self._ledger.write(debt)

    def _rejected_by_ksef(self, day: date) -> None:
        invoice = self._invoice(day, self._buyer("company"))
        invoice.ksef_status = self._rng.choice((4, 3, 1, 6))
        self._settle(self._documents.write(invoice))

    def _by_hand(self, day: date) -> None:
        """An invoice, and beside it debts that no document made: an opening balance, a note, one by hand."""
        self._plain(day)
        for source, title in ((1, "Bilans otwarcia"), (13, "Kaucja"), (13, "Nota odsetkowa")):
            customer = self._buyer("company")
            amount = self._rng.randrange(1_000, 90_000)
            debt = self._ledger.debt(customer, day, amount, 39, day + timedelta(days=14))
            debt.source, debt.title, debt.note = source, title, title.startswith("Nota")
            debt.number = f"{title[:1]}{debt.id}/{day.year}"
            self._ledger.write(debt)

    # Receipts

    def _receipts_then_invoice(self, day: date) -> None:
        buyer = self._buyer("company", "consumer")
        self._invoice_to([self._receipt(day, buyer)], buyer)

    def _receipts_of_nobody_then_invoice(self, day: date) -> None:
        receipts = [self._receipt(day, None), self._receipt(day, None)]
        self._invoice_to(receipts, self._buyer("consumer"))

    def _invoice_to(self, receipts: list[Document], buyer: Customer) -> None:
        """A retail invoice (FSd) says again what the receipts have said; it makes no receivable."""
        lines = [
            line(x.product, x.quantity, x.price, discount=x.discount, from_net=False)
            for receipt in receipts
            for x in receipt.lines
        ]
        invoice = self._invoice(self._later(receipts[0].day, 2), buyer, lines)
        invoice.subtype, invoice.from_net, invoice.payment = 1, False, "cash"
        invoice.warehouse, invoice.level = 2, 1
        invoice.related = receipts[0] if len(receipts) == 1 else None
        self._documents.write(invoice)
        for receipt in receipts:
            row = {"dfd_IdFS": invoice.id, "dfd_IdPA": receipt.id, "dfd_Typ": 21}
            self._writer.add("dok_PowiazanieFsdPA", row)

    def _receipt_returned(self, day: date) -> None:
        """A retail return (ZW) owes the money back; beside it an ordinary invoice."""
        self._plain(day)
        buyer = self._buyer("consumer", "retail")
        receipt = self._receipt(day, buyer)
        returned = Document(
            type=14,
            day=self._later(day, 3),
            warehouse=2,
            customer=buyer,
            lines=[
                line(x.product, x.quantity, x.price, discount=x.discount, from_net=False)
                for x in receipt.lines[:1]
            ],
            from_net=False,
            related=receipt,
            level=1,
        )
        debt = self._ledger.debt_of(self._documents.write(returned), LIABILITY)
        self._ledger.write(debt, *self._pay(debt, buyer, CASH_OUT))

    # Orders

    def _order_fulfilled(self, day: date) -> None:
        order = self._order(day, self._buyer("company"), 3, status=8)
        order.status_ex, order.original_number = 4, f"ALG-{day:%m%d}-{self._rng.randrange(10**6)}"
        self._documents.write(order)
        self._from_order(order, self._again(order.lines))

    def _order_partly(self, day: date) -> None:
        order = self._order(day, self._buyer("company", "sole_trader"), 3, status=7)
        order.status_ex = 1
        self._documents.write(order)
        self._from_order(order, self._again(order.lines[:2]))

    def _order_differential(self, day: date) -> None:
        order = self._order(day, self._buyer("company"), 2, status=8)
        order.status_ex = 3
        self._documents.write(order)
        self._from_order(order, self._again(order.lines, lambda q: max(1000, q // 2)))

    def _order_closed_by_hand(self, day: date) -> None:
        self._documents.write(self._order(day, self._buyer("company"), 2, status=8))
        self._plain(day)

    def _from_order(self, order: Document, lines: list[Line]) -> None:
        assert order.customer
        invoice = self._invoice(self._later(order.day, 3), order.customer, lines)
        invoice.related, invoice.warehouse = order, order.warehouse
        self._settle(self._documents.write(invoice))

    def _delivery_then_invoice(self, day: date) -> None:
        """Order, delivery note (WZ) made of the order, then a collective invoice (FSz)."""
        order = self._order(day, self._buyer("company"), 2, status=8)
        order.status_ex = 4
        self._documents.write(order)
        assert order.customer
        delivery = Document(
            type=11,
            day=self._later(day, 1),
            warehouse=order.warehouse,
            customer=order.customer,
            lines=self._again(order.lines),
            related=order,
            level=order.level,
        )
        self._documents.write(delivery)
        invoice = self._invoice(self._later(day, 4), order.customer, self._again(order.lines))
        invoice.subtype, invoice.related, invoice.warehouse = 2, order, order.warehouse
        self._settle(self._documents.write(invoice))

    def _advance(self, day: date) -> None:
        """An order with an advance (ZKzal), the advance invoice (FSzal) of 30 %, the final one (FSzk) of the rest."""
        order = self._order(day, self._buyer("company"), 2, status=8)
        order.subtype, order.status_ex = 1, 16
        self._documents.write(order)
        assert order.customer
        advance = [self._scaled(x, 30) for x in order.lines]
        rest = [self._scaled(x, 70) for x in order.lines]
        for subtype, days, lines in ((3, 1, advance), (5, 15, rest)):
            invoice = self._invoice(self._later(day, days), order.customer, lines)
            invoice.subtype, invoice.related, invoice.warehouse = subtype, order, order.warehouse
            self._settle(self._documents.write(invoice))

    def _scaled(self, item: Line, percent: int) -> Line:
        price = max(1, share(item.price, percent, 100))
        return line(item.product, item.quantity, price, discount=item.discount)

    # Corrections

    def _correction_of_quantity(self, day: date) -> None:
        self._corrected(day, lambda x: line(x.product, 0, x.price, vat=x.vat, discount=x.discount))

    def _correction_of_price(self, day: date) -> None:
        self._corrected(day, lambda x: self._scaled(x, 80), compensated=True)

    def _correction_upwards(self, day: date) -> None:
        self._corrected(day, lambda x: self._scaled(x, 110))

    def _correction_of_buyer_credit(self, day: date) -> None:
        """The invoice has been paid, so that the correction stays open as a credit."""
        invoice = self._documents.write(self._invoice(day, self._buyer("company")))
        self._paid_at_once(invoice)
        self._correct(invoice, lambda x: self._scaled(x, 50), None)

    def _corrected(
        self, day: date, change: Callable[[Line], Line], *, compensated: bool = False
    ) -> None:
        invoice = self._documents.write(self._invoice(day, self._buyer("company")))
        debt = self._ledger.debt_of(invoice)
        payments = [] if compensated else self._pay(debt, invoice.customer)
        self._correct(invoice, change, debt if compensated else None)
        self._ledger.write(debt, *payments)

    def _correct(
        self, invoice: Document, change: Callable[[Line], Line], debt: Debt | None
    ) -> None:
        """A correction (KFS) of the first line: how much less, and the line as it is after it."""
        before = invoice.lines[0]
        after = change(before)
        lines = [difference(before, after)]
        after.status, after.changes = 2, before.id
        correction = self._correction(self._later(invoice.day, 5), invoice, [*lines, after])
        correction.related = invoice
        self._documents.write(correction)
        if not correction.gross:
            return
        kind = LIABILITY if correction.gross < 0 else 39
        credit = self._ledger.debt_of(correction, kind)
        if debt:
            self._ledger.compensate(debt, credit, correction.day)
        self._ledger.write(credit)

    def _correction_of_unknown(self, day: date) -> None:
        """A correction (KFSn) of an invoice from before this database; beside it an ordinary invoice."""
        self._plain(day)
        invoice = self._invoice(day, self._buyer("company"), self._lines(1))
        before = invoice.lines[0]
        after = self._scaled(before, 90)
        item = difference(before, after)
        item.changes = None
        correction = self._correction(day, invoice, [item])
        correction.subtype, correction.related_number = 1, f"FS 15/MAG/{day:%m}/{day.year - 6}"
        credit = self._ledger.debt_of(self._documents.write(correction), LIABILITY)
        self._ledger.write(credit)

    def _correction(self, day: date, invoice: Document, lines: list[Line]) -> Document:
        return Document(
            type=6,
            day=day,
            warehouse=invoice.warehouse,
            customer=invoice.customer,
            lines=lines,
            form=invoice.form,
            level=invoice.level,
        )

    # What is not sales, so that a query that forgets to leave it out is found

    def _purchase(self, day: date) -> None:
        """A purchase invoice (FZ), its correction (KFZ), which makes a *receivable* of a supplier; an invoice."""
        self._plain(day)
        supplier = self._buyer("supplier")
        purchase = self._bought(1, day, supplier, self._lines(3, products=self._goods))
        debt = self._ledger.debt_of(self._documents.write(purchase), LIABILITY)
        self._ledger.write(debt, *self._pay(debt, supplier, BANK_OUT))
        before = purchase.lines[0]
        fewer = line(before.product, before.quantity, max(1, before.price // 2))
        after = difference(before, fewer)
        correction = self._bought(5, self._later(day, 6), supplier, [after])
        correction.related = purchase
        if after.gross:
            self._ledger.write(self._ledger.debt_of(self._documents.write(correction)))

    def _bought(self, kind: int, day: date, supplier: Customer, lines: list[Line]) -> Document:
        number = f"FV/{self._rng.randrange(10_000)}/{day.year}"
        return Document(
            type=kind,
            day=day,
            warehouse=1,
            customer=supplier,
            lines=lines,
            form=supplier.form,
            original_number=number,
        )

    def _stock_moves(self, day: date) -> None:
        """A receipt into stock (PZ), a transfer (MM), an order to a supplier (ZD); an invoice."""
        self._plain(day)
        for kind, status, customer in (
            (10, 1, self._buyer("supplier")),
            (9, 4, None),
            (15, 6, self._buyer("supplier")),
        ):
            self._documents.write(
                Document(
                    type=kind,
                    day=day,
                    warehouse=1,
                    customer=customer,
                    lines=self._lines(2, products=self._goods),
                    status=status,
                )
            )
