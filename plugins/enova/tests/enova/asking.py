"""Asks the plugin as a caller would."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from mostek.erp.v1.invoice_pb2 import (
    Invoice,
    InvoiceKind,
)
from mostek.erp.v1.receivable_pb2 import ReceivableDirection
from mostek.plugin.testing import listed, read
from mostek_enova.enova import Enova365

from .conftest import Frozen

OWED = ReceivableDirection.RECEIVABLE_DIRECTION_OWED_BY_CUSTOMER
BACK = ReceivableDirection.RECEIVABLE_DIRECTION_OWED_TO_CUSTOMER
NIP = "5252248481"
WARSAW = {"street": "Długa", "house_number": "7", "postal_code": "00-950", "city": "Warszawa"}
ALL = {"paths": [field.name for field in Invoice.DESCRIPTOR.fields]}
Changed = Callable[..., Frozen]


def invoices(plugin: Enova365, *kinds: InvoiceKind.ValueType, **fields: Any) -> list[Any]:
    return listed(plugin, "ListInvoices", kinds=list(kinds), read_mask=ALL, **fields)


def balance(plugin: Enova365, customer: str) -> Any:
    return read(plugin, "GetCustomerBalance", id=customer).customer_balance


def exact(value: Any) -> Decimal:
    return Decimal(f"{value or 0:.2f}")
