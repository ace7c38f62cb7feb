"""Asks the plugin as a caller would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mostek.erp.v1.invoice_pb2 import Invoice
from mostek.erp.v1.receivable_pb2 import ReceivableDirection
from mostek.plugin.testing import read
from mostek_subiekt.nexo.plugin import SubiektNexo

from .conftest import Frozen

OWED = ReceivableDirection.RECEIVABLE_DIRECTION_OWED_BY_CUSTOMER
ALL = {"paths": [field.name for field in Invoice.DESCRIPTOR.fields]}
LISTS = ("ListCustomers", "ListProducts", "ListInvoices", "ListReceivables", "ListOrders")

Changed = Callable[..., Frozen]


def by_id(plugin: SubiektNexo, operation: str, number: Any) -> Any:
    response = read(plugin, operation, id=str(number))
    field = next(f for f in response.DESCRIPTOR.fields if f.message_type and not f.is_repeated)
    return getattr(response, field.name)
