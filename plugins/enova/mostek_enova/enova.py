"""The plugin enova365: what its query files (`queries/*.sql`) and `conversion.py` do not say by themselves."""

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
from mostek.plugin.conversion import Converter
from mostek.plugin.orders.writes import OrderWrites
from mostek.plugin.plugin import Context, Site
from mostek.plugin.query import Query
from mostek.plugin.rights import WriteRights
from mostek.plugin.sql_plugin import SqlConfig
from mostek.plugin.tax_ids import tax_id_country
from mostek_enova.config import EnovaConfig
from mostek_enova.conversion import CONVERTERS, NEVER, UNSET, day, remaining
from mostek_enova.definitions import Definitions
from mostek_enova.describe import described
from mostek_enova.features import attributes
from mostek_enova.limits import field_limits
from mostek_enova.orders.rights import write_rights
from mostek_enova.orders.writer import EnovaWriter
from mostek_enova.versions import versioned_lists

__all__ = ["Enova365"]

PROGRAM = "enova365"
_CORRECTIONS = {
    "difference": CorrectionValues.CORRECTION_VALUES_DIFFERENCE,
    "after": CorrectionValues.CORRECTION_VALUES_AFTER,
}
_CORRECTION = 3


class Enova365(OrderWrites):
    """One company's database of enova365: the reads; the writes are in `orders`."""

    config_type = EnovaConfig
    erp = PROGRAM
    lock = PROGRAM
    folder: ClassVar[Traversable] = files("mostek_enova") / "queries"
    messages: ClassVar[Mapping[str, type[Message]]] = {
        "erp": Erp,
        "customers": Customer,
        "products": Product,
        "invoices": Invoice,
        "receivables": Receivable,
        "balances": CustomerBalance,
        "orders": Order,
    }

    def __init__(self, config: EnovaConfig, site: Site) -> None:
        self.settings = config
        super().__init__(config, site)
        self._definitions: Definitions | None = None
        self.writer = EnovaWriter(self, config)

    def converters(self) -> Mapping[str, Converter]:
        orders = self.settings.orders
        return {
            **CONVERTERS,
            "days_overdue": self._days_overdue,
            "correction_values": self._correction_values,
            "is_default_warehouse": lambda symbol: (
                orders is not None and symbol == orders.warehouse
            ),
            "is_default_series": lambda symbol: orders is not None and symbol == orders.definition,
            "now": self.now,
            "program": lambda: PROGRAM,
            "company_name": lambda: self.settings.company_name,
            "time_zone": lambda: self.site.zone.key,
            "operations": self._operations,
        }

    def write_rights(self) -> WriteRights:
        return write_rights(self.settings.orders)

    def open(self) -> None:
        super().open()
        self._definitions = None

    def definitions(self, context: Context) -> Definitions:
        """Which definitions make receipts and the like."""
        if self._definitions is None:
            self._definitions = Definitions.read(self.database, self.settings.definitions, context)
        return self._definitions

    # Operations

    def describe_erp(self, request: DescribeErpRequest, context: Context) -> DescribeErpResponse:
        versioned = versioned_lists(self.database).queries()
        limits = field_limits(self.database.catalogue())
        return described(versioned, limits).describe(self, request, context)

    def list_customers(
        self, request: ListCustomersRequest, context: Context
    ) -> ListCustomersResponse:
        lists = versioned_lists(self.database)
        return lists.page(
            self,
            "customers",
            request,
            context,
            ListCustomersResponse(),
            one_off=self._one_off,
            tax_id_country=tax_id_country(request.tax_id) if request.tax_id else None,
        )

    def get_customer(self, request: GetCustomerRequest, context: Context) -> GetCustomerResponse:
        return self.one(
            "customers",
            request,
            context,
            GetCustomerResponse(),
            ids=[request.id],
            one_off=self._one_off,
        )

    def list_products(self, request: ListProductsRequest, context: Context) -> ListProductsResponse:
        filters: dict[str, Any] = {}
        if request.only_in_stock and request.warehouse_id:
            filters = {"only_in_stock": None, "in_stock_of": request.warehouse_id}
        lists = versioned_lists(self.database)
        return lists.page(
            self,
            "products",
            request,
            context,
            ListProductsResponse(),
            today=self.today(),
            unset=UNSET,
            **filters,
        )

    def get_product(self, request: GetProductRequest, context: Context) -> GetProductResponse:
        return self.one(
            "products",
            request,
            context,
            GetProductResponse(),
            ids=[request.id],
            today=self.today(),
            unset=UNSET,
        )

    def list_invoices(self, request: ListInvoicesRequest, context: Context) -> ListInvoicesResponse:
        definitions = self.definitions(context)
        return versioned_lists(self.database).page(
            self,
            "invoices",
            request,
            context,
            ListInvoicesResponse(),
            hidden=None if request.kinds else definitions.hidden,
            **self._documents(definitions),
        )

    def get_invoice(self, request: GetInvoiceRequest, context: Context) -> GetInvoiceResponse:
        return self.one(
            "invoices",
            request,
            context,
            GetInvoiceResponse(),
            ids=[request.id],
            include_cancelled=True,
            **self._documents(self.definitions(context)),
        )

    def list_receivables(
        self, request: ListReceivablesRequest, context: Context
    ) -> ListReceivablesResponse:
        return self.page(
            "receivables",
            request,
            context,
            ListReceivablesResponse(),
            one_off=self._one_off,
            unset=UNSET,
            never=NEVER,
            only_overdue=None,
            overdue_on=self.today() if request.only_overdue else None,
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
            one_off=self._one_off,
            unset=UNSET,
            today=today,
            **ages,
        )

    def list_orders(self, request: ListOrdersRequest, context: Context) -> ListOrdersResponse:
        definitions = self.definitions(context)
        return versioned_lists(self.database).page(
            self,
            "orders",
            request,
            context,
            ListOrdersResponse(),
            only_valid=not request.states,
            **self._order_documents(definitions),
        )

    def get_order(self, request: GetOrderRequest, context: Context) -> GetOrderResponse:
        return self.one(
            "orders",
            request,
            context,
            GetOrderResponse(),
            ids=[request.id],
            **self._order_documents(self.definitions(context)),
        )

    # What the operations share

    @property
    def _one_off(self) -> list[str]:
        return list(self.settings.one_off)

    def _documents(self, definitions: Definitions) -> dict[str, Any]:
        """What the queries of invoices need to be told."""
        return {
            **{name: list(getattr(definitions, name)) for name in definitions.__match_args__},
            "one_off": self._one_off,
            "unset": UNSET,
            # The lines of a correction hold the state after it.
            "without_corrections": self.settings.correction_values == "difference",
        }

    def _order_documents(self, definitions: Definitions) -> dict[str, Any]:
        return {
            "receipt": list(definitions.receipt),
            "advance": list(definitions.advance),
            "one_off": self._one_off,
        }

    def _operations(self) -> list[str]:
        """What is served with this configuration."""
        orders = self.settings.orders
        refused = set() if orders else {"CreateOrder"}
        if not orders or not orders.customers:
            refused.add("CreateCustomer")
        return [operation for operation in self.serves if operation not in refused]

    def _days_overdue(self, due: Any, amount: Any, settled: Any) -> int:
        """0 if it is not yet due or settled."""
        last = day(due) if due else None
        return max(0, (self.today() - last).days) if last and remaining(amount, settled) else 0

    def _correction_values(self, category: Any) -> CorrectionValues.ValueType | None:
        chosen = self.settings.correction_values
        return _CORRECTIONS[chosen] if chosen and int(category) == _CORRECTION else None

    def _load(self, config: SqlConfig) -> dict[str, Query]:
        """With the features among the attributes."""
        added = {name: attributes(name, found) for name, found in self.settings.features.items()}
        return super()._load(config.with_attributes(added, "features"))
