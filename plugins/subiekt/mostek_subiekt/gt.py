"""The plugin Subiekt GT: what its query files (`queries/*.sql`) and `conversion.py` do not say by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, ClassVar

from google.protobuf.message import Message

from mostek.erp.v1.customer_pb2 import (
    Customer,
    GetCustomerRequest,
    GetCustomerResponse,
    ListCustomersRequest,
    ListCustomersResponse,
)
from mostek.erp.v1.erp_pb2 import DescribeErpRequest, DescribeErpResponse, Erp
from mostek.erp.v1.invoice_pb2 import (
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
from mostek.plugin.orders.writes import OrderWriter, OrderWrites
from mostek.plugin.plugin import Context, Site
from mostek.plugin.query import DriftNote, Query
from mostek.plugin.rights import Rights, WriteRights
from mostek.plugin.sql_plugin import SqlConfig
from mostek.plugin.tax_ids import tax_id_country
from mostek_subiekt.config import SubiektConfig
from mostek_subiekt.conversion import (
    ALL_INVOICES,
    CONVERTERS,
    LISTED_INVOICES,
    invoice_filters,
    order_filters,
)
from mostek_subiekt.describe import DESCRIPTION
from mostek_subiekt.orders.config import OrdersConfig, SferaConfig
from mostek_subiekt.orders.rights import write_rights
from mostek_subiekt.orders.writes import DirectWriter
from mostek_subiekt.own_fields import TABLES, OwnFields, find_own_fields
from mostek_subiekt.sfera.writer import SferaWriter

__all__ = ["SubiektGt"]

PROGRAM = "Subiekt GT"


class SubiektGt(OrderWrites):
    """One company database of Subiekt GT: the reads; the writes are in `orders` and `sfera`."""

    config_type = SubiektConfig
    erp = PROGRAM
    lock = PROGRAM
    folder: ClassVar[Traversable] = files("mostek_subiekt") / "queries"
    messages: ClassVar[Mapping[str, type[Message]]] = {
        "erp": Erp,
        "customers": Customer,
        "products": Product,
        "invoices": Invoice,
        "receivables": Receivable,
        "balances": CustomerBalance,
        "orders": Order,
    }

    def __init__(self, config: SubiektConfig, site: Site) -> None:
        self._own_fields = OwnFields({})
        super().__init__(config, site)
        self.writer = self._writer(config.orders)

    def open(self) -> None:
        super().open()
        if self.config.fields:
            self._find_own_fields()

    def _find_own_fields(self) -> None:
        """Read the queries anew when the own fields that the configuration names have moved."""
        context = Context(operation="fields", timeout=self.database.config.statement_timeout)
        with self.database.reading(context, committed=True) as session:
            found = find_own_fields(session, self.config.fields)
        moved, self._own_fields = found.attributes != self._own_fields.attributes, found
        if moved:
            self.queries = self._load(self.config)
            super().open()

    def drift_notes(self) -> list[DriftNote]:
        return [*super().drift_notes(), *self._own_fields.missing]

    def rights(self) -> Rights:
        needed = super().rights()
        more = dict.fromkeys(TABLES if self.config.fields else (), frozenset[str]())
        return Rights({**more, **needed.reads}, needed.write)

    def _load(self, config: SqlConfig) -> dict[str, Query]:
        """With the own fields that were found among the attributes."""
        own = self._own_fields.attributes
        names = {*config.attributes, *own}
        both = {name: {**config.attributes.get(name, {}), **own.get(name, {})} for name in names}
        return super()._load(config.model_copy(update={"attributes": both}))

    def _writer(self, orders: OrdersConfig | SferaConfig | None) -> OrderWriter:
        if isinstance(orders, SferaConfig):
            return SferaWriter(self, orders)
        return DirectWriter(self, orders)

    def write_rights(self) -> WriteRights:
        return write_rights(self.config.orders)

    def converters(self) -> Mapping[str, Converter]:
        return {
            **CONVERTERS,
            "days_overdue": self._days_overdue,
            "now": self.now,
            "program": lambda: PROGRAM,
            "time_zone": lambda: self.site.zone.key,
            "text_encoding": lambda: "windows-1250",
            "operations": self._operations,
        }

    # Operations

    def describe_erp(self, request: DescribeErpRequest, context: Context) -> DescribeErpResponse:
        return DESCRIPTION.describe(self, request, context)

    def list_customers(
        self, request: ListCustomersRequest, context: Context
    ) -> ListCustomersResponse:
        changes = Changes.of(request, self.now())
        response = self.page(
            "customers",
            changes.request,
            context,
            ListCustomersResponse(),
            change_token=None,
            changed_since=changes.since,
            tax_id_country=tax_id_country(request.tax_id) if request.tax_id else None,
        )
        return changes.finished(response)

    def get_customer(self, request: GetCustomerRequest, context: Context) -> GetCustomerResponse:
        return self.one("customers", request, context, GetCustomerResponse())

    def list_products(self, request: ListProductsRequest, context: Context) -> ListProductsResponse:
        filters: dict[str, Any] = {}
        if request.only_in_stock and request.warehouse_id:
            filters = {"only_in_stock": None, "in_stock_of": request.warehouse_id}
        return self.page("products", request, context, ListProductsResponse(), **filters)

    def get_product(self, request: GetProductRequest, context: Context) -> GetProductResponse:
        return self.one("products", request, context, GetProductResponse())

    def list_invoices(self, request: ListInvoicesRequest, context: Context) -> ListInvoicesResponse:
        kinds = invoice_filters(list(request.kinds)) if request.kinds else LISTED_INVOICES
        filters = {"kinds": None, **kinds}
        if not request.ksef_number:
            return self.page("invoices", request, context, ListInvoicesResponse(), **filters)
        return self._by_ksef_number(request, context, filters)

    def _by_ksef_number(
        self, request: ListInvoicesRequest, context: Context, filters: Mapping[str, Any]
    ) -> ListInvoicesResponse:
        """By the table of numbers, where it exists; then in the documents, where older versions kept them."""
        if self.database.catalogue().has_table("dbo.ksef_NumerKSeF"):
            response = self.page("invoices", request, context, ListInvoicesResponse(), **filters)
            if response.invoices:
                return response
        of_old = {"ksef_number": None, "ksef_number_of_old": request.ksef_number}
        return self.page("invoices", request, context, ListInvoicesResponse(), **filters, **of_old)

    def get_invoice(self, request: GetInvoiceRequest, context: Context) -> GetInvoiceResponse:
        filters = {**ALL_INVOICES, "include_cancelled": True}
        return self.one(
            "invoices", request, context, GetInvoiceResponse(), ids=[request.id], **filters
        )

    def list_receivables(
        self, request: ListReceivablesRequest, context: Context
    ) -> ListReceivablesResponse:
        overdue_on = self.today() if request.only_overdue else None
        return self.page(
            "receivables",
            request,
            context,
            ListReceivablesResponse(),
            only_overdue=None,
            overdue_on=overdue_on,
        )

    def get_customer_balance(
        self, request: GetCustomerBalanceRequest, context: Context
    ) -> GetCustomerBalanceResponse:
        today = self.today()
        ages = {f"days_{days}": today - timedelta(days=days) for days in (30, 60, 90)}
        return self.one(
            "balances",
            request,
            context,
            GetCustomerBalanceResponse(),
            ids=[request.id],
            today=today,
            **ages,
        )

    def list_orders(self, request: ListOrdersRequest, context: Context) -> ListOrdersResponse:
        states = order_filters(list(request.states)) if request.states else {"only_valid": True}
        return self.page("orders", request, context, ListOrdersResponse(), **states)

    def get_order(self, request: GetOrderRequest, context: Context) -> GetOrderResponse:
        return self.one("orders", request, context, GetOrderResponse())

    def _operations(self) -> list[str]:
        """What is served with this configuration."""
        orders = self.config.orders
        refused = set() if orders else {"CreateOrder"}
        if not orders or not orders.customers:
            refused.add("CreateCustomer")
        return [operation for operation in self.serves if operation not in refused]

    def _days_overdue(self, due: Any, remaining: Any) -> int:
        """0 if it is not yet due or settled."""
        return max(0, (self.today() - as_day(due)).days) if due and remaining else 0
