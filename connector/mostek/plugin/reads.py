"""`ErpReads`: the reads of a plugin that has a query file for every message that the contract lists or gets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, ClassVar, TypeVar

from google.protobuf.message import Message

from mostek.erp.v1.customer_pb2 import (
    Customer,
    GetCustomerRequest,
    GetCustomerResponse,
    ListCustomersRequest,
    ListCustomersResponse,
)
from mostek.erp.v1.erp_pb2 import Erp
from mostek.erp.v1.invoice_pb2 import (
    CorrectionValues,
    GetInvoiceRequest,
    GetInvoiceResponse,
    Invoice,
    ListInvoicesRequest,
    ListInvoicesResponse,
)
from mostek.erp.v1.order_pb2 import (
    GetOrderRequest,
    GetOrderResponse,
    ListOrdersRequest,
    ListOrdersResponse,
    Order,
)
from mostek.erp.v1.product_pb2 import (
    GetProductRequest,
    GetProductResponse,
    ListProductsRequest,
    ListProductsResponse,
    Product,
)
from mostek.erp.v1.receivable_pb2 import (
    CustomerBalance,
    GetCustomerBalanceRequest,
    GetCustomerBalanceResponse,
    ListReceivablesRequest,
    ListReceivablesResponse,
    Receivable,
)
from mostek.plugin.changes import Changes
from mostek.plugin.conversion import Converter
from mostek.plugin.converters import as_day
from mostek.plugin.plugin import Context
from mostek.plugin.sql_plugin import SqlPlugin
from mostek.plugin.tax_ids import tax_id_country

__all__ = ["ErpReads", "Filters", "correction_values", "in_stock"]

R = TypeVar("R", bound=Message)

#: Filter or parameter of a query's files → its value, as `SqlPlugin.page` takes them.
Filters = Mapping[str, Any]

#: A debt of so many days and more is told apart.
_AGES = (30, 60, 90)
_CORRECTIONS = {
    "difference": CorrectionValues.CORRECTION_VALUES_DIFFERENCE,
    "after": CorrectionValues.CORRECTION_VALUES_AFTER,
}


class ErpReads(SqlPlugin):
    """Every list and item, by the queries of these names. A plugin says what its files are told beside the request.

    class Erp(ErpReads):
        def parameters(self, query, context):
            return {"one_off": self.settings.one_off} if query == "customers" else {}
    """

    messages: ClassVar[Mapping[str, type[Message]]] = {
        "erp": Erp,
        "customers": Customer,
        "products": Product,
        "invoices": Invoice,
        "receivables": Receivable,
        "balances": CustomerBalance,
        "orders": Order,
    }
    #: The lists whose rows have a time of their last edit, by which their change tokens are.
    edited_at: ClassVar[frozenset[str]] = frozenset()
    #: The queries of receivables and of balances.
    receivables = "receivables"
    balances = "balances"

    # What a plugin says

    def parameters(self, query: str, context: Context) -> Filters:
        """What the query's files are told beside the request, by a list and by an item alike."""
        return {}

    def list_parameters(self, query: str, request: Any, context: Context) -> Filters:
        """What they are told by a list alone, of what its request asks for."""
        return {}

    def list_page(
        self, query: str, request: Any, context: Context, response: R, **filters: Any
    ) -> R:
        """A page of a list, with a change token where it has one."""
        if query not in self.edited_at:
            return self.page(query, request, context, response, **filters)
        changes = Changes.of(request, self.now())
        filters |= {"change_token": None, "changed_since": changes.since}
        return changes.finished(self.page(query, changes.request, context, response, **filters))

    def converters(self) -> Mapping[str, Converter]:
        return {
            "days_overdue": lambda due, remaining: self.days_overdue(
                due and as_day(due), remaining
            ),
            "now": self.now,
            "program": lambda: self.erp,
            "time_zone": lambda: self.site.zone.key,
            "operations": self.operations,
        }

    def operations(self) -> list[str]:
        """What is served with this configuration."""
        return list(self.serves)

    def days_overdue(self, due: date | None, remaining: Any) -> int:
        """0 if it is not yet due or settled."""
        return max(0, (self.today() - due).days) if due and remaining else 0

    # Operations

    def list_customers(
        self, request: ListCustomersRequest, context: Context
    ) -> ListCustomersResponse:
        country = tax_id_country(request.tax_id) if request.tax_id else None
        return self._list(
            "customers", request, context, ListCustomersResponse(), tax_id_country=country
        )

    def get_customer(self, request: GetCustomerRequest, context: Context) -> GetCustomerResponse:
        return self._item("customers", request, context, GetCustomerResponse())

    def list_products(self, request: ListProductsRequest, context: Context) -> ListProductsResponse:
        return self._list("products", request, context, ListProductsResponse())

    def get_product(self, request: GetProductRequest, context: Context) -> GetProductResponse:
        return self._item("products", request, context, GetProductResponse())

    def list_invoices(self, request: ListInvoicesRequest, context: Context) -> ListInvoicesResponse:
        return self._list("invoices", request, context, ListInvoicesResponse())

    def get_invoice(self, request: GetInvoiceRequest, context: Context) -> GetInvoiceResponse:
        return self._item(
            "invoices", request, context, GetInvoiceResponse(), include_cancelled=True
        )

    def list_receivables(
        self, request: ListReceivablesRequest, context: Context
    ) -> ListReceivablesResponse:
        return self._list(
            self.receivables,
            request,
            context,
            ListReceivablesResponse(),
            only_overdue=None,
            overdue_on=self.today() if request.only_overdue else None,
        )

    def get_customer_balance(
        self, request: GetCustomerBalanceRequest, context: Context
    ) -> GetCustomerBalanceResponse:
        today = self.today()
        ages: dict[str, date] = {f"days_{days}": today - timedelta(days=days) for days in _AGES}
        response = GetCustomerBalanceResponse()
        return self._item(self.balances, request, context, response, today=today, **ages)

    def list_orders(self, request: ListOrdersRequest, context: Context) -> ListOrdersResponse:
        return self._list(
            "orders", request, context, ListOrdersResponse(), only_valid=not request.states
        )

    def get_order(self, request: GetOrderRequest, context: Context) -> GetOrderResponse:
        return self._item("orders", request, context, GetOrderResponse())

    def _list(self, query: str, request: Any, context: Context, response: R, **filters: Any) -> R:
        filters |= self.parameters(query, context)
        filters |= self.list_parameters(query, request, context)
        return self.list_page(query, request, context, response, **filters)

    def _item(self, query: str, request: Any, context: Context, response: R, **filters: Any) -> R:
        filters |= {"ids": [request.id], **self.parameters(query, context)}
        return self.one(query, request, context, response, **filters)


def in_stock(request: ListProductsRequest) -> dict[str, Any]:
    """What is in stock in one warehouse, where that is a filter of its own."""
    if request.only_in_stock and request.warehouse_id:
        return {"only_in_stock": None, "in_stock_of": request.warehouse_id}
    return {}


def correction_values(
    configured: str | None, *, corrects: bool
) -> CorrectionValues.ValueType | None:
    """What the values of a correction are; None for another document, and where it is not configured."""
    return _CORRECTIONS[configured] if configured and corrects else None
