"""The plugin Subiekt nexo: what its query files (`queries/*.sql`) and `conversion.py` do not say by themselves."""

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
from mostek.plugin.converters import as_day
from mostek.plugin.orders.writes import OrderWrites
from mostek.plugin.plugin import Context, Site
from mostek.plugin.rights import WriteRights
from mostek.plugin.tax_ids import tax_id_country
from mostek.wire.failures import Drift
from mostek_subiekt.nexo.config import NexoConfig
from mostek_subiekt.nexo.conversion import CONVERTERS, is_correction
from mostek_subiekt.nexo.describe import described, versioned_lists
from mostek_subiekt.nexo.orders.rights import write_rights
from mostek_subiekt.nexo.orders.writer import NexoWriter

__all__ = ["SubiektNexo"]

PROGRAM = "Subiekt nexo"
_OWN_COMPANY = (
    "SELECT MIN(p.Id) FROM ModelDanychContainer.Podmioty p WHERE p.Typ = 2 AND p.Podtyp = 11"
)
_KINDS = (
    *("sales", "correction", "receipt", "receipt_invoice"),
    *("advance", "final", "margin", "proforma"),
)
_CORRECTIONS = {
    "difference": CorrectionValues.CORRECTION_VALUES_DIFFERENCE,
    "after": CorrectionValues.CORRECTION_VALUES_AFTER,
}


class SubiektNexo(OrderWrites):
    """One company database of Subiekt nexo: the reads; the writes are in `orders`."""

    config_type = NexoConfig
    erp = PROGRAM
    lock = PROGRAM
    folder: ClassVar[Traversable] = files("mostek_subiekt") / "nexo" / "queries"
    messages: ClassVar[Mapping[str, type[Message]]] = {
        "erp": Erp,
        "customers": Customer,
        "products": Product,
        "invoices": Invoice,
        "receivables": Receivable,
        "balances": CustomerBalance,
        "orders": Order,
    }

    def __init__(self, config: NexoConfig, site: Site) -> None:
        self.settings = config
        super().__init__(config, site)
        self.writer = NexoWriter(self, config)

    def converters(self) -> Mapping[str, Converter]:
        return {
            **CONVERTERS,
            "days_overdue": self._days_overdue,
            "correction_values": self._correction_values,
            "now": self.now,
            "program": lambda: PROGRAM,
            "time_zone": lambda: self.site.zone.key,
            "operations": self._operations,
        }

    def write_rights(self) -> WriteRights:
        return write_rights(self.settings.orders)

    # Operations

    def describe_erp(self, request: DescribeErpRequest, context: Context) -> DescribeErpResponse:
        with self.database.reading(context) as session:
            found = session.one(_OWN_COMPANY)
        if found is None or found[0] is None:
            raise Drift(
                "The own company is not found: no entity (Podmioty) has type 2 and subtype 11, as those of other"
                " databases have."
            )
        description = described(versioned_lists(self.database).queries())
        return description.describe(self, request, context, str(found[0]))

    def list_customers(
        self, request: ListCustomersRequest, context: Context
    ) -> ListCustomersResponse:
        return versioned_lists(self.database).page(
            self,
            "customers",
            request,
            context,
            ListCustomersResponse(),
            tax_id_country=tax_id_country(request.tax_id) if request.tax_id else None,
            **self._customers(),
        )

    def get_customer(self, request: GetCustomerRequest, context: Context) -> GetCustomerResponse:
        return self.one(
            "customers",
            request,
            context,
            GetCustomerResponse(),
            ids=[request.id],
            **self._customers(),
        )

    def list_products(self, request: ListProductsRequest, context: Context) -> ListProductsResponse:
        filters: dict[str, Any] = {}
        if request.only_in_stock and request.warehouse_id:
            filters = {"only_in_stock": None, "in_stock_of": request.warehouse_id}
        return versioned_lists(self.database).page(
            self, "products", request, context, ListProductsResponse(), **filters
        )

    def get_product(self, request: GetProductRequest, context: Context) -> GetProductResponse:
        return self.one("products", request, context, GetProductResponse())

    def list_invoices(self, request: ListInvoicesRequest, context: Context) -> ListInvoicesResponse:
        return versioned_lists(self.database).page(
            self,
            "invoices",
            request,
            context,
            ListInvoicesResponse(),
            listed=not request.kinds,
            **self._symbols(*_KINDS, "order"),
        )

    def get_invoice(self, request: GetInvoiceRequest, context: Context) -> GetInvoiceResponse:
        return self.one(
            "invoices",
            request,
            context,
            GetInvoiceResponse(),
            ids=[request.id],
            include_cancelled=True,
            **self._symbols(*_KINDS, "order"),
        )

    def list_receivables(
        self, request: ListReceivablesRequest, context: Context
    ) -> ListReceivablesResponse:
        return versioned_lists(self.database).page(
            self,
            "receivables",
            request,
            context,
            ListReceivablesResponse(),
            only_overdue=None,
            overdue_on=self.today() if request.only_overdue else None,
            only_open=not request.include_settled_since and not request.change_token,
            **self._symbols("sales"),
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
            **self._customers(),
            **self._symbols("sales"),
        )

    def list_orders(self, request: ListOrdersRequest, context: Context) -> ListOrdersResponse:
        return versioned_lists(self.database).page(
            self,
            "orders",
            request,
            context,
            ListOrdersResponse(),
            only_valid=not request.states,
            **self._order_symbols(),
        )

    def get_order(self, request: GetOrderRequest, context: Context) -> GetOrderResponse:
        return self.one(
            "orders",
            request,
            context,
            GetOrderResponse(),
            ids=[request.id],
            **self._order_symbols(),
        )

    def _customers(self) -> dict[str, Any]:
        return {"marked": self.settings.customers == "contractors"}

    def _order_symbols(self) -> dict[str, Any]:
        return self._symbols("order", "sales", "receipt", "advance", "stock_issue")

    def _symbols(self, *kinds: str) -> dict[str, Any]:
        return self.settings.symbols.of(*kinds)

    def _operations(self) -> list[str]:
        """What is served with this configuration; CreateCustomer tells one that is there and creates none."""
        refused = {"CreateCustomer"} if self.settings.orders else {"CreateCustomer", "CreateOrder"}
        return [operation for operation in self.serves if operation not in refused]

    def _days_overdue(self, due: Any, remaining: Any) -> int:
        """0 if it is not yet due or settled."""
        return max(0, (self.today() - as_day(due)).days) if due and remaining else 0

    def _correction_values(self, kind: Any) -> CorrectionValues.ValueType | None:
        chosen = self.settings.correction_values
        return _CORRECTIONS[chosen] if chosen and is_correction(kind) else None
