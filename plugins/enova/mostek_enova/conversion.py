"""What enova365's columns mean, in the contract's words. Functions that query files name, all in `CONVERTERS`.

They are given values of columns as the driver returns them, and answer None for what tells nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from mostek.erp.v1.common_pb2 import PriceBasis, TaxIdKind
from mostek.erp.v1.customer_pb2 import CustomerKind
from mostek.erp.v1.erp_pb2 import PaymentMethodKind
from mostek.erp.v1.invoice_pb2 import InvoiceState, KsefEnvironment, KsefMode, KsefState
from mostek.erp.v1.product_pb2 import ProductKind
from mostek.erp.v1.receivable_pb2 import ReceivableDirection, ReceivableKind
from mostek.plugin.conversion import Converter
from mostek.plugin.converters import COMMON, as_day, tax_country, tax_kind, tax_number

__all__ = ["CONVERTERS", "NEVER", "UNSET", "day", "rate_percent", "typed"]

#: Days up to the first are `1900-01-01`, which an empty date is stored as; those from the second on are the program's
#: greatest, which says "never".
UNSET, NEVER = date(1900, 12, 31), date(2090, 1, 1)
_HUNDRED = Decimal(100)
_TAXED = {0, 1}
_NET, _GROSS = PriceBasis.PRICE_BASIS_NET, PriceBasis.PRICE_BASIS_GROSS

# Small values


def flag(value: Any) -> bool:
    return int(value or 0) != 0


def not_flag(value: Any) -> bool:
    return not flag(value)


def whole(value: Any) -> int:
    return int(value)


def first_line(text: str) -> str | None:
    """Names may have several lines."""
    lines = text.strip().splitlines()
    return lines[0].rstrip() if lines else None


def one_line(text: str) -> str:
    return " ".join(text.split())


def day(value: Any) -> date | None:
    """The day of a datetime column; None for the two that mean no day."""
    found = as_day(value)
    return found if UNSET < found < NEVER else None


def moment(value: Any) -> Any:
    """A moment, unless it is one of the two days that mean none."""
    return value if day(value) else None


def fraction_percent(fraction: Any) -> Decimal | None:
    """Percentages are stored as fractions: 0.05 is 5 %."""
    return _percent(fraction) or None


def _percent(fraction: Any) -> Decimal:
    return _exact(fraction) * _HUNDRED


def _exact(value: Any) -> Decimal:
    return Decimal(str(value))


# Currencies


def currency_or_base(symbol: str) -> str | None:
    return symbol or "PLN"


def _is_base(symbol: str | None) -> bool:
    return (symbol or "PLN") == "PLN"


def base_amount(amount: Any, symbol: str | None) -> Any:
    """An amount of the base currency; 0 is none."""
    if amount is None or not _is_base(symbol):
        return None
    return amount if _exact(amount) else None


def rate(value: Any, symbol: str | None) -> Any:
    return 1 if _is_base(symbol) else value or None


def rate_day(value: Any, symbol: str | None) -> date | None:
    return None if _is_base(symbol) or value is None else day(value)


# Tax ids: a card has a NIP, with dashes or without, and a number with the country's prefix


def typed(nip: str | None, eu_vat: str | None) -> str:
    """The one that tells more: that of another country, else the NIP."""
    foreign = (eu_vat or "").strip().upper()
    return foreign if foreign[:2].isalpha() and foreign[:2] != "PL" else (nip or foreign)


def typed_number(nip: str | None, eu_vat: str | None, country: str | None) -> str | None:
    return tax_number(typed(nip, eu_vat), country)


def typed_country(nip: str | None, eu_vat: str | None, country: str | None) -> str | None:
    return tax_country(typed(nip, eu_vat), country)


def typed_kind(nip: str | None, eu_vat: str | None, country: str | None) -> Any:
    found: TaxIdKind.ValueType | None = tax_kind(typed(nip, eu_vat), country)
    return found


# Cards


def customer_kind(status: Any) -> CustomerKind.ValueType | None:
    return {
        0: CustomerKind.CUSTOMER_KIND_COMPANY,
        1: CustomerKind.CUSTOMER_KIND_CONSUMER,
    }.get(int(status))


def in_the_eu(kind: Any) -> bool | None:
    """RodzajPodmiotu: EU and triangular ones are; of others nothing tells."""
    return True if int(kind) in {3, 4} else None


def postal_code(digits: Any, foreign: str | None) -> str | None:
    """Poland's is a number, which has lost its leading zeros."""
    if foreign:
        return foreign
    number = int(digits or 0)
    return f"{number // 1000:02d}-{number % 1000:03d}" if 0 < number < 100_000 else None


def product_kind(kind: Any) -> ProductKind.ValueType | None:
    """A recipe (8) is none of the contract's."""
    return {
        1: ProductKind.PRODUCT_KIND_GOODS,
        2: ProductKind.PRODUCT_KIND_SERVICE,
        4: ProductKind.PRODUCT_KIND_GOODS,
    }.get(int(kind))


def rate_percent(fraction: Any, status: Any) -> Decimal | None:
    """Only taxed rates have a percentage: exempt ones store 0, too."""
    return None if fraction is None or int(status or 0) not in _TAXED else _percent(fraction)


def kilograms(value: Any, unit: str | None) -> Decimal | None:
    factor = {"kg": Decimal(1), "g": Decimal("0.001")}.get((unit or "").lower())
    return _exact(value) * factor if value and factor else None


def list_basis(algorithm: Any) -> PriceBasis.ValueType | None:
    """AlgorytmTyp: from base prices, expressions and features; a price entered by hand has no such thing."""
    return {1: _NET, 3: _NET, 6: _NET, 2: _GROSS, 4: _GROSS, 7: _GROSS}.get(int(algorithm))


def payment_method_kind(kind: Any) -> PaymentMethodKind.ValueType:
    return {
        1: PaymentMethodKind.PAYMENT_METHOD_KIND_CASH,
        2: PaymentMethodKind.PAYMENT_METHOD_KIND_TRANSFER,
        3: PaymentMethodKind.PAYMENT_METHOD_KIND_CARD,
    }.get(int(kind), PaymentMethodKind.PAYMENT_METHOD_KIND_OTHER)


# Documents


def invoice_state(state: Any) -> InvoiceState.ValueType | None:
    return {
        0: InvoiceState.INVOICE_STATE_DRAFT,
        1: InvoiceState.INVOICE_STATE_ISSUED,
        2: InvoiceState.INVOICE_STATE_ISSUED,
        3: InvoiceState.INVOICE_STATE_CANCELLED,
    }.get(int(state))


def price_basis(counted_from: Any) -> PriceBasis.ValueType | None:
    """LiczonaOd: what 3 (gross less net) and 4 (by the contractor) make of prices is not known."""
    return {1: _NET, 2: _GROSS}.get(int(counted_from))


def if_net(price: Any, basis: Any) -> Any:
    return price if basis is not None and int(basis) == 1 else None


def if_gross(price: Any, basis: Any) -> Any:
    return price if basis is not None and int(basis) == 2 else None


def line_net(net: Any, value: Any, basis: Any, symbol: str | None) -> Any:
    return net if _is_base(symbol) else if_net(value, basis)


def line_gross(gross: Any, value: Any, basis: Any, symbol: str | None) -> Any:
    return gross if _is_base(symbol) else if_gross(value, basis)


# KSeF


def ksef_number(number: str | None, account: Any) -> str | None:
    """Of the production environment: others' numbers are worth nothing."""
    return number if number and account is not None and int(account) == 1 else None


def ksef_state(number: str | None, error: str | None, sent: Any) -> KsefState.ValueType | None:
    if number:
        return KsefState.KSEF_STATE_ACCEPTED
    if error:
        return KsefState.KSEF_STATE_REJECTED
    return KsefState.KSEF_STATE_SENT if sent and moment(sent) else None


def ksef_mode(offline: Any) -> KsefMode.ValueType:
    return KsefMode.KSEF_MODE_OFFLINE if flag(offline) else KsefMode.KSEF_MODE_ONLINE


def ksef_environment(account: Any) -> KsefEnvironment.ValueType | None:
    return {
        0: KsefEnvironment.KSEF_ENVIRONMENT_TEST,
        1: KsefEnvironment.KSEF_ENVIRONMENT_PRODUCTION,
        2: KsefEnvironment.KSEF_ENVIRONMENT_DEMO,
    }.get(int(account))


# Settlements


def receivable_kind(_type: Any, category: Any) -> ReceivableKind.ValueType:
    """Of a sales document, or of what the ledger, cash desk or a note made."""
    if category is not None and int(category) in {2, 3}:
        return ReceivableKind.RECEIVABLE_KIND_INVOICE
    return ReceivableKind.RECEIVABLE_KIND_OTHER


def direction(kind: Any, amount: Any, is_return: Any) -> ReceivableDirection.ValueType:
    if int(kind) == 11 or _exact(amount or 0) < 0 or flag(is_return):
        return ReceivableDirection.RECEIVABLE_DIRECTION_OWED_TO_CUSTOMER
    return ReceivableDirection.RECEIVABLE_DIRECTION_OWED_BY_CUSTOMER


def size(amount: Any) -> Decimal:
    return abs(_exact(amount))


def remaining(amount: Any, settled: Any) -> Decimal | None:
    return None if amount is None else abs(_exact(amount) - _exact(settled or 0))


def in_base(amount: Any, symbol: str | None, base: Any) -> Decimal | None:
    """The whole amount in złoty: of a foreign one what the payment has been booked with."""
    if amount is None or _is_base(symbol):
        return None if amount is None else size(amount)
    return size(base) if base else None


def remaining_in_base(amount: Any, settled: Any, symbol: str | None, base: Any) -> Decimal | None:
    """What remains, in złoty. A part of a foreign amount has no value of its own in the books."""
    left = remaining(amount, settled)
    if left is None or _is_base(symbol) or not left:
        return left
    return in_base(amount, symbol, base) if left == size(amount) else None


def instalment(number: Any, count: Any) -> int | None:
    return int(number) if int(count or 0) > 1 else None


def instalment_count(count: Any) -> int | None:
    return int(count) if int(count) > 1 else None


CONVERTERS: Mapping[str, Converter] = COMMON | {
    function.__name__: function
    for function in (
        *(flag, not_flag, whole, first_line, one_line, day, moment, fraction_percent),
        *(currency_or_base, base_amount, rate, rate_day),
        *(typed_number, typed_country, typed_kind, customer_kind, in_the_eu, postal_code),
        *(product_kind, rate_percent, kilograms, list_basis, payment_method_kind),
        *(invoice_state, price_basis, if_net, if_gross, line_net, line_gross),
        *(ksef_number, ksef_state, ksef_mode, ksef_environment),
        *(receivable_kind, direction, size, remaining, in_base, remaining_in_base),
        *(instalment, instalment_count),
    )
}
"""By the names that the query files use."""
