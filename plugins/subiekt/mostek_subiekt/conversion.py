"""What Subiekt's columns mean, in the contract's words. Functions that query files name, all in `CONVERTERS`.

They are given values of columns as the driver returns them, and answer None for what tells nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mostek.erp.v1.common_pb2 import PartyRole, PriceBasis, TransactionKind
from mostek.erp.v1.customer_pb2 import CustomerKind
from mostek.erp.v1.erp_pb2 import PaymentMethodKind
from mostek.erp.v1.invoice_pb2 import (
    CorrectionValues,
    InvoiceKind,
    InvoiceState,
    KsefEnvironment,
    KsefMode,
    KsefState,
)
from mostek.erp.v1.order_pb2 import OrderDocumentKind, OrderState
from mostek.erp.v1.product_pb2 import ProductKind
from mostek.erp.v1.receivable_pb2 import ReceivableDirection, ReceivableKind
from mostek.plugin.conversion import Converter
from mostek.plugin.converters import COMMON

__all__ = [
    "ALL_INVOICES",
    "CONVERTERS",
    "LISTED_INVOICES",
    "invoice_filters",
    "order_filters",
]

# dok_Typ
FS, KFS, WZ, ZW, ZK, PA, FM, KFM = 2, 6, 11, 14, 16, 21, 62, 67
_CORRECTIONS = frozenset({KFS, KFM})
#: Documents whose receivable is of a sale.
_SALES = frozenset({FS, 4, KFS, ZW, PA, 61, FM, KFM})

# dok_Podtyp of FS
_RETAIL, _ADVANCE, _PART_ADVANCE, _FINAL = 1, 3, 4, 5
_OTHER_SUBTYPES = (0, 2, 6, 7, 8, 9)

# Customers


def customer_kind(
    is_person: int | None, is_retail: int | None, has_tax_id: int
) -> CustomerKind.ValueType:
    """`kh_Osoba` is set for sole traders too; they have a tax id."""
    private = not has_tax_id and bool(is_person or is_retail)
    return CustomerKind.CUSTOMER_KIND_CONSUMER if private else CustomerKind.CUSTOMER_KIND_COMPANY


_KSEF_ROLES = {
    0: PartyRole.PARTY_ROLE_OTHER,
    1: PartyRole.PARTY_ROLE_FACTOR,
    2: PartyRole.PARTY_ROLE_RECIPIENT,
    3: PartyRole.PARTY_ROLE_ORIGINAL,
    4: PartyRole.PARTY_ROLE_ADDITIONAL_BUYER,
    5: PartyRole.PARTY_ROLE_ISSUER,
    6: PartyRole.PARTY_ROLE_PAYER,
    7: PartyRole.PARTY_ROLE_JST_ISSUER,
    8: PartyRole.PARTY_ROLE_JST_RECIPIENT,
    9: PartyRole.PARTY_ROLE_GV_ISSUER,
    10: PartyRole.PARTY_ROLE_GV_MEMBER,
}


def recipient_role(role: int | None) -> PartyRole.ValueType:
    """`…RolaOdbiorcyKSeF`; -1 is undefined."""
    return _KSEF_ROLES.get(-1 if role is None else role, PartyRole.PARTY_ROLE_RECIPIENT)


def party_role(position: int, recipient: int | None) -> PartyRole.ValueType:
    return PartyRole.PARTY_ROLE_BUYER if position == 1 else recipient_role(recipient)


# Products and prices

_PRODUCT_KINDS = {
    1: ProductKind.PRODUCT_KIND_GOODS,
    2: ProductKind.PRODUCT_KIND_SERVICE,
    4: ProductKind.PRODUCT_KIND_PACKAGING,
    8: ProductKind.PRODUCT_KIND_SET,
    16: ProductKind.PRODUCT_KIND_FEE,
}


def product_kind(kind: int) -> ProductKind.ValueType | None:
    return _PRODUCT_KINDS.get(kind)


def gtu(group: int) -> str | None:
    return f"GTU_{group:02d}" if 1 <= group <= 13 else None


def vat_percent(percent: Any, code: str | None) -> Any:
    """Exempt (zw), not subject (np) and reverse charge (oo) hold a 0 that is no rate."""
    return percent if code is None or any(c.isdigit() for c in code) else None


def price_basis(kind: int) -> PriceBasis.ValueType:
    return PriceBasis.PRICE_BASIS_NET if kind else PriceBasis.PRICE_BASIS_GROSS


# Payment methods, by fp_Typ and what KSeF is told (fp_FormaPlatnosciWysylajJako)

_BY_TYPE = {
    1: PaymentMethodKind.PAYMENT_METHOD_KIND_CARD,
    3: PaymentMethodKind.PAYMENT_METHOD_KIND_INSTALMENTS,
}
_BY_KSEF = {
    1: PaymentMethodKind.PAYMENT_METHOD_KIND_CASH,
    2: PaymentMethodKind.PAYMENT_METHOD_KIND_CARD,
    6: PaymentMethodKind.PAYMENT_METHOD_KIND_TRANSFER,
}


def payment_method_kind(kind: int, ksef: int | None) -> PaymentMethodKind.ValueType:
    found = _BY_TYPE.get(kind) or _BY_KSEF.get(ksef or 0)
    return found or PaymentMethodKind.PAYMENT_METHOD_KIND_TRADE_CREDIT


# Documents

_FS_KINDS = {
    _RETAIL: InvoiceKind.INVOICE_KIND_RECEIPT_INVOICE,
    _ADVANCE: InvoiceKind.INVOICE_KIND_ADVANCE,
    _PART_ADVANCE: InvoiceKind.INVOICE_KIND_ADVANCE,
    _FINAL: InvoiceKind.INVOICE_KIND_FINAL,
}
_KINDS = {
    FS: InvoiceKind.INVOICE_KIND_INVOICE,
    KFS: InvoiceKind.INVOICE_KIND_CORRECTION,
    PA: InvoiceKind.INVOICE_KIND_RECEIPT,
    FM: InvoiceKind.INVOICE_KIND_MARGIN,
    KFM: InvoiceKind.INVOICE_KIND_CORRECTION,
}
ALL_INVOICES: Mapping[str, Any] = {
    "types": list(_KINDS),
    "subtypes": [*_OTHER_SUBTYPES, *_FS_KINDS],
}
"""Filters that let every kind through."""
LISTED_INVOICES: Mapping[str, Any] = {**ALL_INVOICES, "types": [FS, KFS, FM, KFM]}
"""Filters of a list that asks for no kind: receipts stay out."""


def invoice_filters(kinds: list[int]) -> Mapping[str, Any]:
    """The types and, of FS, the subtypes that are of these kinds; -1 where there are none."""
    types = [kind for kind, found in _KINDS.items() if found in kinds]
    subtypes = [subtype for subtype, found in _FS_KINDS.items() if found in kinds]
    if InvoiceKind.INVOICE_KIND_INVOICE in kinds:
        subtypes += _OTHER_SUBTYPES
    return {
        "types": sorted({*types, FS} if subtypes else types) or [-1],
        "subtypes": subtypes or [-1],
    }


def invoice_kind(kind: int, subtype: int | None) -> InvoiceKind.ValueType | None:
    found = _FS_KINDS.get(subtype or 0) if kind == FS else None
    return found or _KINDS.get(kind)


def invoice_state(status: int) -> InvoiceState.ValueType:
    """`dok_Status` 0 and 3 tell of the stock only: such an invoice is issued."""
    cancelled = status == 2
    return InvoiceState.INVOICE_STATE_CANCELLED if cancelled else InvoiceState.INVOICE_STATE_ISSUED


def correction_values(kind: int) -> CorrectionValues.ValueType | None:
    return CorrectionValues.CORRECTION_VALUES_DIFFERENCE if kind in _CORRECTIONS else None


_TRANSACTIONS = {
    0: TransactionKind.TRANSACTION_KIND_DOMESTIC,
    1: TransactionKind.TRANSACTION_KIND_EXPORT,
    2: TransactionKind.TRANSACTION_KIND_INTRA_EU,
    3: TransactionKind.TRANSACTION_KIND_TRIANGULAR,
    6: TransactionKind.TRANSACTION_KIND_REVERSE_CHARGE,
    12: TransactionKind.TRANSACTION_KIND_OUTSIDE_COUNTRY,
    22: TransactionKind.TRANSACTION_KIND_OSS,
    23: TransactionKind.TRANSACTION_KIND_OSS,
}


def transaction_kind(operation: int) -> TransactionKind.ValueType | None:
    return _TRANSACTIONS.get(operation)


def rate_per_unit(rate: Any, units: int | None) -> Any:
    """Of a rate for 100 units the field's four places would keep two digits: better none."""
    return rate if units in {None, 0, 1} else None


def signed(quantity: Any, sign: int | None) -> Any:
    return -quantity if sign == -1 else quantity


# KSeF

_KSEF_STATES = {
    1: KsefState.KSEF_STATE_WAITING,
    2: KsefState.KSEF_STATE_SENT,
    3: KsefState.KSEF_STATE_SENT,
    4: KsefState.KSEF_STATE_REJECTED,
    5: KsefState.KSEF_STATE_ACCEPTED,
    6: KsefState.KSEF_STATE_FAILED,
    7: KsefState.KSEF_STATE_WAITING,
}
_KSEF_MODES = {
    1: KsefMode.KSEF_MODE_ONLINE,
    2: KsefMode.KSEF_MODE_EMERGENCY,
    3: KsefMode.KSEF_MODE_OFFLINE,
}
_KSEF_ENVIRONMENTS = {
    0: KsefEnvironment.KSEF_ENVIRONMENT_TEST,
    1: KsefEnvironment.KSEF_ENVIRONMENT_TEST,
    2: KsefEnvironment.KSEF_ENVIRONMENT_DEMO,
    3: KsefEnvironment.KSEF_ENVIRONMENT_PRODUCTION,
}


def ksef_state(status: int | None, waits: int | None) -> KsefState.ValueType | None:
    """`dok_StatusKSeF` 0 is a document that nothing was done with."""
    return _KSEF_STATES.get(status or 0) or (KsefState.KSEF_STATE_WAITING if waits else None)


def ksef_mode(form: int) -> KsefMode.ValueType | None:
    return _KSEF_MODES.get(form)


def ksef_environment(environment: int) -> KsefEnvironment.ValueType | None:
    return _KSEF_ENVIRONMENTS.get(environment)


# Settlements


def receivable_kind(
    source: int | None, is_note: int | None, document_type: int | None
) -> ReceivableKind.ValueType:
    """`nzf_Zrodlo`, `nzf_Nota`, and the type of the document that made it."""
    if is_note:
        return ReceivableKind.RECEIVABLE_KIND_NOTE
    if document_type in _SALES:
        return ReceivableKind.RECEIVABLE_KIND_INVOICE
    if document_type is None and source == 1:
        return ReceivableKind.RECEIVABLE_KIND_OPENING
    if document_type is None and source == 13:
        return ReceivableKind.RECEIVABLE_KIND_MANUAL
    return ReceivableKind.RECEIVABLE_KIND_OTHER


def direction(kind: int) -> ReceivableDirection.ValueType:
    """`nzf_Typ`: 39 is a receivable, 40 a liability."""
    if kind == 39:
        return ReceivableDirection.RECEIVABLE_DIRECTION_OWED_BY_CUSTOMER
    return ReceivableDirection.RECEIVABLE_DIRECTION_OWED_TO_CUSTOMER


def uncollectible(status: int) -> bool:
    """`nzf_Status` of a receivable."""
    return status == 2


# Orders

_PARTLY = 3
"""Bits of `dok_StatusEx`: partly, differentially."""
_ORDER_STATES = {
    2: OrderState.ORDER_STATE_CANCELLED,
    5: OrderState.ORDER_STATE_OPEN,
    6: OrderState.ORDER_STATE_OPEN,
    7: OrderState.ORDER_STATE_RESERVED,
    8: OrderState.ORDER_STATE_DONE,
}
_UNFINISHED = (5, 6, 7)


def order_state(status: int, extended: int | None) -> OrderState.ValueType | None:
    if status in _UNFINISHED and (extended or 0) & _PARTLY:
        return OrderState.ORDER_STATE_PARTLY
    return _ORDER_STATES.get(status)


def order_filters(states: list[int]) -> Mapping[str, Any]:
    """The statuses of orders in these states, where nothing is fulfilled and where some is; -1 where there are none."""
    found = [status for status, state in _ORDER_STATES.items() if state in states]
    partly = list(_UNFINISHED) if OrderState.ORDER_STATE_PARTLY in states else []
    finished = [status for status in found if status not in _UNFINISHED]
    return {"states": found or [-1], "partly_states": partly + finished or [-1]}


def order_document_kind(kind: int, subtype: int | None) -> OrderDocumentKind.ValueType:
    if kind == FS and subtype in {_ADVANCE, _PART_ADVANCE}:
        return OrderDocumentKind.ORDER_DOCUMENT_KIND_ADVANCE
    return _ORDER_DOCUMENTS.get(kind, OrderDocumentKind.ORDER_DOCUMENT_KIND_OTHER)


_ORDER_DOCUMENTS = {
    FS: OrderDocumentKind.ORDER_DOCUMENT_KIND_INVOICE,
    FM: OrderDocumentKind.ORDER_DOCUMENT_KIND_INVOICE,
    PA: OrderDocumentKind.ORDER_DOCUMENT_KIND_RECEIPT,
    WZ: OrderDocumentKind.ORDER_DOCUMENT_KIND_STOCK_ISSUE,
}


CONVERTERS: Mapping[str, Converter] = COMMON | {
    function.__name__: function
    for function in (
        *(customer_kind, recipient_role),
        *(party_role, product_kind, gtu, vat_percent, price_basis, payment_method_kind),
        *(invoice_kind, invoice_state, correction_values, transaction_kind, rate_per_unit, signed),
        *(ksef_state, ksef_mode, ksef_environment, receivable_kind, direction, uncollectible),
        *(order_state, order_document_kind),
    )
}
"""By the names that the query files use."""
