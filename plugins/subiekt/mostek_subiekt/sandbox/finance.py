"""Receivables, liabilities, payments and what links them (rozrachunki): nz__Finanse and nz_FinanseSplata."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from mostek.plugin.sandbox_writer import Row, Writer, day_text, money, share
from mostek_subiekt.sandbox.customers import Customer
from mostek_subiekt.sandbox.dictionaries import Dictionaries
from mostek_subiekt.sandbox.documents import Document

__all__ = ["Debt", "Ledger", "Payment"]

RECEIVABLE, LIABILITY = 39, 40
CASH_IN, CASH_OUT, BANK_IN, BANK_OUT = 17, 18, 19, 20
MATCH, BY_CARD, BY_CREDIT, BY_CORRECTION = 1, 2, 3, 6


@dataclass(slots=True)
class Payment:
    """Money in or out; what of it is assigned to debts is `assigned`. Amounts in the currency's hundredths."""

    id: int
    type: int
    customer: Customer | None
    day: date
    amount: int
    currency: str = "PLN"
    rate: int = 10_000
    document: Document | None = None
    assigned: int = 0


@dataclass(slots=True, kw_only=True)
class Debt:
    """A receivable or a liability with what has been taken off it, in hundredths of the currency and in grosze."""

    id: int
    type: int
    object_id: int
    address: int
    version: int
    day: date
    due: date
    original: int
    original_pln: int
    remaining: int
    remaining_pln: int
    tax: int = 0
    tax_pln: int = 0
    currency: str = "PLN"
    rate: int = 10_000
    number: str = ""
    document: Document | None = None
    subtype: int | None = 1
    source: int = 3
    status: int = 1
    title: str = ""
    note: bool = False
    advance: bool = False
    correction: bool = False
    last_paid: date | None = None
    links: list[Row] = field(default_factory=list)


class Ledger:
    """Makes debts of documents, takes payments off them and writes both once they are settled as far as they get."""

    def __init__(self, writer: Writer, dictionaries: Dictionaries) -> None:
        self._writer = writer
        self._dictionaries = dictionaries

    def debt_of(self, document: Document, kind: int = RECEIVABLE) -> Debt:
        """The debt that a document makes; of a correction, its absolute amount."""
        assert document.customer
        due = document.due or document.day + timedelta(days=document.form.days)
        debt = self.debt(document.customer, document.day, abs(document.gross_currency), kind, due)
        debt.original_pln = debt.remaining_pln = abs(document.gross)
        debt.tax, debt.tax_pln = abs(document.tax_currency), abs(document.tax)
        debt.currency, debt.rate = document.currency, document.rate
        debt.document, debt.number, debt.source = document, document.number, 3
        debt.advance, debt.correction = document.subtype == 3, document.type in {5, 6}
        debt.subtype = 1
        return debt

    def debt(self, customer: Customer, day: date, amount: int, kind: int, due: date) -> Debt:
        """A debt entered by hand, in złoty."""
        return Debt(
            id=self._writer.next_id("nz__Finanse"),
            type=kind,
            object_id=customer.id,
            address=customer.address,
            version=customer.version(day),
            day=day,
            due=due,
            original=amount,
            original_pln=amount,
            remaining=amount,
            remaining_pln=amount,
            source=13,
            subtype=None,
        )

    def payment(self, kind: int, customer: Customer | None, day: date, amount: int) -> Payment:
        """Money that is not assigned to anything yet; nobody's if a receipt named nobody."""
        return Payment(self._writer.next_id("nz__Finanse"), kind, customer, day, amount)

    def assign(self, debt: Debt, payment: Payment, amount: int, *, auto: bool = False) -> None:
        payment.assigned += amount
        self._take(debt, amount, payment.day, payment.id, MATCH, auto)

    def move(self, debt: Debt, operator: Customer, kind: int) -> Debt:
        """A card or an instalment credit: the buyer's debt ends, the operator owes the same."""
        due = debt.day + timedelta(days=3)
        moved = self.debt(operator, debt.day, debt.remaining, debt.type, due)
        moved.document, moved.number = debt.document, debt.number
        moved.subtype, moved.source = (4, 11) if kind == BY_CARD else (5, 12)
        self._take(debt, debt.remaining, debt.day, None, kind, True)
        return moved

    def compensate(self, debt: Debt, credit: Debt, day: date) -> None:
        """Set a correction's liability off against the receivable, as far as both go."""
        amount = min(debt.remaining, credit.remaining)
        if amount:
            self._take(debt, amount, day, credit.id, BY_CORRECTION, False)
            self._reduce(credit, amount, day)

    def _take(
        self, debt: Debt, amount: int, day: date, payment: int | None, kind: int, auto: bool
    ) -> None:
        before = debt.remaining_pln
        self._reduce(debt, amount, day)
        link: Row = {
            "nzs_Id": self._writer.next_id("nz_FinanseSplata"),
            "nzs_IdSplaty": payment,
            "nzs_IdDlugu": debt.id,
            "nzs_WartoscWaluta": money(amount),
            "nzs_IdWaluty": debt.currency,
            "nzs_Data": day_text(day),
            "nzs_Typ": kind,
            "nzs_Auto": int(auto),
            "nzs_WartoscWalutaDlugu": money(amount),
            "nzs_IdWalutyDlugu": debt.currency,
            "nzs_WartoscSplatyPLN": money(before - debt.remaining_pln),
            "nzs_WartoscDluguPLN": money(before - debt.remaining_pln),
            "nzs_Rodzaj": int(debt.type == LIABILITY and not debt.correction),
        }
        debt.links.append(link)

    def _reduce(self, debt: Debt, amount: int, day: date) -> None:
        assert 0 < amount <= debt.remaining
        debt.remaining -= amount
        debt.remaining_pln = share(debt.original_pln, debt.remaining, debt.original)
        debt.last_paid = max(day, debt.last_paid or day)

    def write(self, *entries: Debt | Payment) -> None:
        for entry in entries:
            if isinstance(entry, Debt):
                self._write_debt(entry)
            else:
                self._write_payment(entry)

    def _write_debt(self, debt: Debt) -> None:
        remaining_tax = share(debt.tax_pln, debt.remaining, debt.original)
        document = debt.document
        self._writer.add(
            "nz__Finanse",
            self._common(debt.id, debt.type, debt.day, debt.currency, debt.rate)
            | {
                "nzf_TerminPlatnosci": day_text(debt.due),
                "nzf_WartoscPierwotna": money(debt.original_pln),
                "nzf_WartoscPierwotnaWaluta": money(debt.original),
                "nzf_Wartosc": money(debt.remaining_pln),
                "nzf_WartoscWaluta": money(debt.remaining),
                "nzf_DataOstatniejSplaty": day_text(debt.last_paid) if debt.last_paid else None,
                "nzf_IdDokumentAuto": document.id if document else None,
                "nzf_IdAdresu": debt.address,
                "nzf_IdHistoriiAdresu": debt.version,
                "nzf_IdObiektu": debt.object_id,
                "nzf_TypObiektu": 1,
                "nzf_Status": debt.status,
                "nzf_Podtyp": debt.subtype,
                "nzf_Zrodlo": debt.source,
                "nzf_Tytulem": debt.title or None,
                "nzf_Nota": int(debt.note),
                "nzf_Zaliczka": int(debt.advance),
                "nzf_Korekta": int(debt.correction),
                "nzf_NumerPelny": debt.number,
                "nzf_Transakcja": debt.number,
                "nzf_VATPierwotny": money(debt.tax_pln),
                "nzf_VATPierwotnyWaluta": money(debt.tax),
                "nzf_VATPozostalo": money(remaining_tax),
                "nzf_VATPozostaloWaluta": money(share(debt.tax, debt.remaining, debt.original)),
                "nzf_MechanizmPodzielonejPlatnosci": int(debt.original_pln > 1_500_000),
                "nzf_IdNumerKSeF": document.ksef_id if document else None,
                "nzf_NumerKSeF": document.ksef if document else None,
            },
        )
        self._writer.add_all("nz_FinanseSplata", *debt.links)

    def _write_payment(self, payment: Payment) -> None:
        customer = payment.customer
        code = {CASH_IN: "KP", CASH_OUT: "KW", BANK_IN: "BP", BANK_OUT: "BW"}[payment.type]
        number = f"{code} {payment.id}/{payment.day:%m/%Y}"
        nothing = dict.fromkeys(_ONLY_DEBTS, 0) | {"nzf_TerminPlatnosci": None}
        self._writer.add(
            "nz__Finanse",
            self._common(payment.id, payment.type, payment.day, payment.currency, payment.rate)
            | nothing
            | {
                "nzf_Wartosc": money(share(payment.amount, payment.rate, 10_000)),
                "nzf_WartoscWaluta": money(payment.amount),
                "nzf_Splata": money(share(payment.assigned, payment.rate, 10_000)),
                "nzf_SplataWaluta": money(payment.assigned),
                "nzf_DataOstatniejSplaty": None,
                # A cash document made with an invoice knows it; a bank operation never does.
                "nzf_IdDokumentAuto": payment.document.id if payment.document else None,
                "nzf_IdAdresu": customer.address if customer else None,
                "nzf_IdHistoriiAdresu": customer.version(payment.day) if customer else None,
                "nzf_IdObiektu": customer.id if customer else None,
                "nzf_TypObiektu": 1 if customer else 0,
                "nzf_Status": 1,
                "nzf_Podtyp": None,
                "nzf_Zrodlo": {CASH_IN: 5, CASH_OUT: 6, BANK_IN: 7, BANK_OUT: 8}[payment.type],
                "nzf_Tytulem": "Zapłata za fakturę",
                "nzf_NumerPelny": number,
                "nzf_Transakcja": number,
                "nzf_IdNumerKSeF": None,
                "nzf_NumerKSeF": None,
            },
        )

    def _common(
        self, number: int, kind: int, day: date, currency: str, rate: int
    ) -> dict[str, object]:
        return {
            "nzf_Id": number,
            "nzf_Typ": kind,
            "nzf_Data": day_text(day),
            "nzf_Splata": 0,
            "nzf_SplataWaluta": 0,
            "nzf_IdWaluty": currency,
            "nzf_Kurs": rate / 10_000,
            "nzf_RodzajKursu": 1,
            "nzf_Program": 8,
            "nzf_IdWystawil": self._dictionaries.users[number % len(self._dictionaries.users)],
        }


_ONLY_DEBTS = (
    *("nzf_WartoscPierwotna", "nzf_WartoscPierwotnaWaluta", "nzf_Nota", "nzf_Zaliczka"),
    *("nzf_Korekta", "nzf_VATPierwotny", "nzf_VATPierwotnyWaluta", "nzf_VATPozostalo"),
    *("nzf_VATPozostaloWaluta", "nzf_MechanizmPodzielonejPlatnosci"),
)
