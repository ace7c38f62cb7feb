"""What Optima's columns mean, in the contract's words. Functions that query files name, all in `CONVERTERS`.

They are given values of columns as the driver returns them, and answer None for what tells nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from mostek.erp.v1.common_pb2 import PartyRole, PriceBasis, TaxIdKind, TransactionKind
from mostek.erp.v1.customer_pb2 import CustomerKind
from mostek.erp.v1.erp_pb2 import PaymentMethodKind
from mostek.erp.v1.invoice_pb2 import InvoiceState, KsefState
from mostek.erp.v1.product_pb2 import ProductKind
from mostek.erp.v1.receivable_pb2 import ReceivableDirection, ReceivableKind
from mostek.plugin.conversion import Converter
from mostek.plugin.converters import COMMON, tax_country, tax_kind, tax_number
from mostek.plugin.orders.amounts import other_price

__all__ = ["BASE_CURRENCY", "CONVERTERS", "EXEMPT", "NOT_SUBJECT", "vat_code", "vat_percent"]

#: What an empty currency means.
BASE_CURRENCY = "PLN"
#: Twr_Flaga and the like.
EXEMPT, TAXED, REDUCED, NOT_SUBJECT = 1, 2, 3, 4

# Small values


def flag(value: Any) -> bool:
    return int(value or 0) != 0


def whole(value: Any) -> int:
    return int(value)


def currency_or_base(symbol: str) -> str:
    return symbol or BASE_CURRENCY


def ratio(many: Any, of: Any) -> Decimal | None:
    """To as many digits as the contract shows of a factor."""
    if not many or not of:
        return None
    return (_exact(many) / _exact(of)).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def rate_per_unit(value: Any, units: Any, currency: str | None) -> Any:
    """PLN for one unit of the currency."""
    if (currency or BASE_CURRENCY) == BASE_CURRENCY:
        return 1
    return _exact(value) / _exact(units) if value and units else None


def only_foreign(value: Any, currency: str | None) -> Any:
    return value if (currency or BASE_CURRENCY) != BASE_CURRENCY else None


def of_several(value: Any, count: Any) -> int | None:
    """A place among instalments, where there are several."""
    return int(value) if count and int(count) > 1 else None


def total(net: Any, vat: Any) -> Any:
    return None if net is None or vat is None else _exact(net) + _exact(vat)


def _exact(value: Any) -> Decimal:
    return Decimal(str(value))


# Tax ids: the prefix has a column of its own, and may be empty


def nip_number(prefix: str | None, number: str | None, country: str | None) -> str | None:
    return tax_number(_typed(prefix, number), country)


def nip_country(prefix: str | None, number: str | None, country: str | None) -> str | None:
    return tax_country(_typed(prefix, number), country)


def nip_kind(
    prefix: str | None, number: str | None, country: str | None
) -> TaxIdKind.ValueType | None:
    return tax_kind(_typed(prefix, number), country)


def _typed(prefix: str | None, number: str | None) -> str:
    return f"{prefix or ''}{number or ''}" if number else ""


# VAT


def vat_code(flag: Any, rate: Any) -> str | None:
    """`zw`, `np`, or the percentage without zeros that tell nothing."""
    if flag is None:
        return None
    if int(flag) == EXEMPT:
        return "zw"
    if int(flag) == NOT_SUBJECT:
        return "np"
    return f"{_exact(rate).normalize():f}"


def vat_percent(flag: Any, rate: Any) -> Any:
    """Exempt and not subject may hold a 0 that is no rate."""
    return None if flag is None or int(flag) in {EXEMPT, NOT_SUBJECT} else rate


def net_price(kind: Any, price: Any, flag: Any, rate: Any) -> Decimal:
    """The price, or what it is without VAT."""
    percent = vat_percent(flag, rate) or 0
    value = _exact(price)
    return value if int(kind) == 1 else other_price(value, _exact(percent), from_net=False)


def gross_price(kind: Any, price: Any, flag: Any, rate: Any) -> Decimal:
    """The price, or what it is with VAT."""
    percent = vat_percent(flag, rate) or 0
    value = _exact(price)
    return value if int(kind) == 2 else other_price(value, _exact(percent), from_net=True)


def price_basis(kind: Any) -> PriceBasis.ValueType | None:
    return {1: PriceBasis.PRICE_BASIS_NET, 2: PriceBasis.PRICE_BASIS_GROSS}.get(int(kind))


# Cards


def customer_kind(final: Any) -> CustomerKind.ValueType:
    return CustomerKind.CUSTOMER_KIND_CONSUMER if final else CustomerKind.CUSTOMER_KIND_COMPANY


def recipient() -> PartyRole.ValueType:
    return PartyRole.PARTY_ROLE_RECIPIENT


def block_reason(blocked: Any, no_documents: Any, dunned: Any) -> str | None:
    reasons = (
        (blocked, "sprzedaż zablokowana"),
        (no_documents, "nie może być na dokumentach handlowych"),
        (dunned, "zablokowany przez windykację"),
    )
    return ", ".join(text for found, text in reasons if found) or None


def product_kind(kind: Any, packaging: Any) -> ProductKind.ValueType:
    if packaging:
        return ProductKind.PRODUCT_KIND_PACKAGING
    return ProductKind.PRODUCT_KIND_GOODS if kind else ProductKind.PRODUCT_KIND_SERVICE


def deposit(amount: Any, taken: Any) -> Any:
    return amount if taken else None


_METHODS = (
    ("czek", PaymentMethodKind.PAYMENT_METHOD_KIND_OTHER),
    ("kredyt", PaymentMethodKind.PAYMENT_METHOD_KIND_TRADE_CREDIT),
    ("pobranie", PaymentMethodKind.PAYMENT_METHOD_KIND_ON_DELIVERY),
    ("inne", PaymentMethodKind.PAYMENT_METHOD_KIND_OTHER),
)
_METHOD_TYPES = {
    1: PaymentMethodKind.PAYMENT_METHOD_KIND_CASH,
    2: PaymentMethodKind.PAYMENT_METHOD_KIND_TRANSFER,
    3: PaymentMethodKind.PAYMENT_METHOD_KIND_CARD,
}


def payment_method_kind(kind: Any, name: str | None) -> PaymentMethodKind.ValueType:
    """By its type; the names are those that the program comes with."""
    words = (name or "").lower()
    named = next((found for word, found in _METHODS if words.startswith(word)), None)
    other = PaymentMethodKind.PAYMENT_METHOD_KIND_OTHER
    return named or (_METHOD_TYPES.get(int(kind), other) if kind is not None else other)


# Documents


def invoice_state(buffer: Any, cancelled: Any) -> InvoiceState.ValueType:
    """A cancelled document has -1 in TrN_Bufor and a large negative number in TrN_Anulowany."""
    if int(buffer) < 0 or int(cancelled or 0) != 0:
        return InvoiceState.INVOICE_STATE_CANCELLED
    return InvoiceState.INVOICE_STATE_DRAFT if buffer else InvoiceState.INVOICE_STATE_ISSUED


def ksef_state(number: str | None, refused: Any, sent: Any) -> KsefState.ValueType | None:
    """What can be told without the program's own statuses, whose meaning is not known."""
    if number:
        return KsefState.KSEF_STATE_ACCEPTED
    if refused:
        return KsefState.KSEF_STATE_NOT_SUBJECT
    return KsefState.KSEF_STATE_SENT if sent else None


_TRANSACTIONS = {
    0: TransactionKind.TRANSACTION_KIND_DOMESTIC,
    1: TransactionKind.TRANSACTION_KIND_EXPORT,
    2: TransactionKind.TRANSACTION_KIND_EXPORT,
    3: TransactionKind.TRANSACTION_KIND_INTRA_EU,
    4: TransactionKind.TRANSACTION_KIND_TRIANGULAR,
    5: TransactionKind.TRANSACTION_KIND_REVERSE_CHARGE,
    6: TransactionKind.TRANSACTION_KIND_OUTSIDE_COUNTRY,
    7: TransactionKind.TRANSACTION_KIND_OUTSIDE_COUNTRY,
    10: TransactionKind.TRANSACTION_KIND_OSS,
}


def transaction_kind(value: Any) -> TransactionKind.ValueType | None:
    return _TRANSACTIONS.get(int(value))


def fulfilled(issued: Any, state: Any, base: Any, printed: Any) -> Any:
    """What was issued, in the unit of the line. Completed (3) tells more than the rows of issues, which may be absent;
    in the buffer nothing is."""
    if printed is None or state is None:
        return None
    if int(state) == 3:
        return printed
    if not issued or not base:
        return 0
    return (_exact(issued) * _exact(printed) / _exact(base)).quantize(Decimal("0.0001"))


# Settlements

_SOURCES = {
    1: ReceivableKind.RECEIVABLE_KIND_INVOICE,
    2: ReceivableKind.RECEIVABLE_KIND_INVOICE,
    11: ReceivableKind.RECEIVABLE_KIND_NOTE,
    27: ReceivableKind.RECEIVABLE_KIND_MANUAL,
    28: ReceivableKind.RECEIVABLE_KIND_MANUAL,
    39: ReceivableKind.RECEIVABLE_KIND_OPENING,
    40: ReceivableKind.RECEIVABLE_KIND_OPENING,
    101: ReceivableKind.RECEIVABLE_KIND_DEPOSIT,
}


def receivable_kind(source: Any, _: Any = None) -> ReceivableKind.ValueType:
    """By BZd_DokumentTyp; none: entered by hand."""
    if source is None:
        return ReceivableKind.RECEIVABLE_KIND_MANUAL
    return _SOURCES.get(int(source), ReceivableKind.RECEIVABLE_KIND_OTHER)


def direction(way: Any) -> ReceivableDirection.ValueType:
    if int(way) > 0:
        return ReceivableDirection.RECEIVABLE_DIRECTION_OWED_BY_CUSTOMER
    return ReceivableDirection.RECEIVABLE_DIRECTION_OWED_TO_CUSTOMER


CONVERTERS: Mapping[str, Converter] = COMMON | {
    function.__name__: function
    for function in (
        *(flag, whole, currency_or_base, ratio, rate_per_unit, only_foreign, of_several, total),
        *(nip_number, nip_country, nip_kind, vat_code, vat_percent, net_price, gross_price),
        *(price_basis, customer_kind, recipient, block_reason, product_kind, deposit),
        *(payment_method_kind, invoice_state, ksef_state, transaction_kind, fulfilled),
        *(receivable_kind, direction),
    )
}
"""By the names that the query files use."""
