"""The plugin WAPRO Mag: what its query files (`queries/*.sql`) and `conversion.py` do not say by themselves."""

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
    ValidateOrderRequest,
    ValidateOrderResponse,
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
from mostek.plugin.clarion import day
from mostek.plugin.conversion import Converter
from mostek.plugin.orders.writes import OrderWrites
from mostek.plugin.plugin import Context, Site
from mostek.plugin.query import Query
from mostek.plugin.rights import WriteRights
from mostek.plugin.sql_plugin import SqlConfig
from mostek.plugin.tax_ids import tax_id_country
from mostek.wire.failures import ErpUnavailable
from mostek_wapro.config import WaproConfig
from mostek_wapro.conversion import CONVERTERS, flag
from mostek_wapro.describe import described
from mostek_wapro.orders.rights import write_rights
from mostek_wapro.orders.writes import WaproWriter

__all__ = ["WaproMag"]

PROGRAM = "WAPRO Mag"
_COMPANIES = "SELECT c.ID_FIRMY, c.NAZWA FROM dbo.FIRMA c"
#: Query → the alias of the table that has the own fields (POLE1 to POLE10).
_OWNERS = {"customers": "k", "products": "t", "invoices": "h", "orders": "z"}
_CORRECTIONS = {
    "difference": CorrectionValues.CORRECTION_VALUES_DIFFERENCE,
    "after": CorrectionValues.CORRECTION_VALUES_AFTER,
}


class WaproMag(OrderWrites):
    """One company of a database of WAPRO Mag: the reads; the writes are in `orders`."""

    config_type = WaproConfig
    erp = PROGRAM
    lock = PROGRAM
    writer: WaproWriter
    folder: ClassVar[Traversable] = files("mostek_wapro") / "queries"
    messages: ClassVar[Mapping[str, type[Message]]] = {
        "erp": Erp,
        "customers": Customer,
        "products": Product,
        "invoices": Invoice,
        "receivables": Receivable,
        "balances": CustomerBalance,
        "document_receivables": Receivable,
        "document_balances": CustomerBalance,
        "orders": Order,
    }

    def __init__(self, config: WaproConfig, site: Site) -> None:
        self.settings = config
        super().__init__(config, site)
        self._company: int | None = None
        self.writer = WaproWriter(self, config.orders, self.company)

    def write_rights(self) -> WriteRights:
        return write_rights(self.settings.orders)

    def refusals(self) -> list[str]:
        if self.settings.orders is None:
            return []
        context = Context(operation="refusals", timeout=self.database.config.statement_timeout)
        self.writer.prepare(context)
        with self.database.reading(context, committed=True) as session:
            found = self.writer.planner(session).refusals
        return [*found, *super().refusals()]

    def converters(self) -> Mapping[str, Converter]:
        return {
            **CONVERTERS,
            "days_overdue": self._days_overdue,
            "correction_values": self._correction_values,
            "now": self.now,
            "program": lambda: PROGRAM,
            "time_zone": lambda: self.site.zone.key,
            "text_encoding": lambda: "windows-1250",
            "operations": self._operations,
        }

    def open(self) -> None:
        super().open()
        self._company = None
        self.writer.forget()
        # Without it nothing can be read, which is to be known before a caller asks.
        self.company(Context(operation="open", timeout=self.database.config.statement_timeout))

    def company(self, context: Context) -> int:
        """The id of the company (FIRMA). Raises ErpUnavailable if the configuration does not tell which."""
        if self._company is None:
            with self.database.reading(context) as session:
                found = {str(row[1]).rstrip(): int(row[0]) for row in session.fetch(_COMPANIES)}
            self._company = _chosen(found, self.settings.company)
        return self._company

    # Operations

    def describe_erp(self, request: DescribeErpRequest, context: Context) -> DescribeErpResponse:
        description = described(self.settings.debts)
        return description.describe(self, request, context, str(self.company(context)))

    def list_customers(
        self, request: ListCustomersRequest, context: Context
    ) -> ListCustomersResponse:
        return self.page(
            "customers",
            request,
            context,
            ListCustomersResponse(),
            company=self.company(context),
            tax_id_country=tax_id_country(request.tax_id) if request.tax_id else None,
        )

    def get_customer(self, request: GetCustomerRequest, context: Context) -> GetCustomerResponse:
        return self.one(
            "customers", request, context, GetCustomerResponse(), **self._by_id(request, context)
        )

    def list_products(self, request: ListProductsRequest, context: Context) -> ListProductsResponse:
        return self.page(
            "products", request, context, ListProductsResponse(), company=self.company(context)
        )

    def get_product(self, request: GetProductRequest, context: Context) -> GetProductResponse:
        return self.one(
            "products", request, context, GetProductResponse(), **self._by_id(request, context)
        )

    def list_invoices(self, request: ListInvoicesRequest, context: Context) -> ListInvoicesResponse:
        """Nothing is known to mark a cancelled document, so none is left out or in."""
        return self.page(
            "invoices",
            request,
            context,
            ListInvoicesResponse(),
            company=self.company(context),
            listed=not request.kinds,
            include_cancelled=None,
            **self.settings.signatures.filters(),
        )

    def get_invoice(self, request: GetInvoiceRequest, context: Context) -> GetInvoiceResponse:
        return self.one(
            "invoices",
            request,
            context,
            GetInvoiceResponse(),
            **self._by_id(request, context),
            **self.settings.signatures.filters(),
        )

    def list_receivables(
        self, request: ListReceivablesRequest, context: Context
    ) -> ListReceivablesResponse:
        query, filters = self._debts("receivables")
        return self.page(
            query,
            request,
            context,
            ListReceivablesResponse(),
            company=self.company(context),
            only_overdue=None,
            overdue_on=self.today() if request.only_overdue else None,
            **filters,
        )

    def get_customer_balance(
        self, request: GetCustomerBalanceRequest, context: Context
    ) -> GetCustomerBalanceResponse:
        today = self.today()
        ages = {f"days_{days}": today - timedelta(days=days) for days in (30, 60, 90)}
        query, filters = self._debts("balances")
        return self.one(
            query,
            request,
            context,
            GetCustomerBalanceResponse(),
            today=today,
            **self._by_id(request, context),
            **ages,
            **filters,
        )

    def list_orders(self, request: ListOrdersRequest, context: Context) -> ListOrdersResponse:
        return self.page(
            "orders",
            request,
            context,
            ListOrdersResponse(),
            company=self.company(context),
            receipt=self.settings.signatures.filters()["receipt"],
            only_valid=not request.states,
        )

    def get_order(self, request: GetOrderRequest, context: Context) -> GetOrderResponse:
        return self.one(
            "orders",
            request,
            context,
            GetOrderResponse(),
            receipt=self.settings.signatures.filters()["receipt"],
            **self._by_id(request, context),
        )

    def validate_order(
        self, request: ValidateOrderRequest, context: Context
    ) -> ValidateOrderResponse:
        self.writer.prepare(context)
        return super().validate_order(request, context)

    def _operations(self) -> list[str]:
        """What is served with this configuration."""
        orders = self.settings.orders
        refused = set() if orders else {"CreateOrder"}
        if not orders or not orders.customers:
            refused.add("CreateCustomer")
        return [operation for operation in self.serves if operation not in refused]

    def _load(self, config: SqlConfig) -> dict[str, Query]:
        """With the program's own fields among the attributes."""
        added: dict[str, dict[str, str]] = {
            query: {name: f"{_OWNERS[query]}.{column}" for name, column in names.items()}
            for query, names in self.settings.own_fields.items()
        }
        return super()._load(config.with_attributes(added, "own_fields"))

    def _debts(self, what: str) -> tuple[str, dict[str, Any]]:
        """The query for receivables or balances, and the filters that it needs."""
        if self.settings.debts == "settlements":
            return what, {}
        return f"document_{what}", {"proforma": self.settings.signatures.filters()["proforma"]}

    def _by_id(self, request: Any, context: Context) -> dict[str, Any]:
        return {"ids": [request.id], "company": self.company(context)}

    def _days_overdue(self, due: Any, remaining: Any) -> int:
        """0 if it is not yet due or settled."""
        last = day(due)
        return max(0, (self.today() - last).days) if last and remaining else 0

    def _correction_values(self, corrects: Any) -> CorrectionValues.ValueType | None:
        chosen = self.settings.correction_values
        return _CORRECTIONS[chosen] if chosen and flag(corrects) else None


def _chosen(companies: Mapping[str, int], wanted: str | None) -> int:
    names = ", ".join(f'"{name}"' for name in companies)
    if wanted is None and len(companies) == 1:
        return next(iter(companies.values()))
    found = {name.casefold(): number for name, number in companies.items()}
    if wanted is None or wanted.rstrip().casefold() not in found:
        raise ErpUnavailable(
            "Which company of the database is meant is not known: set `company` in the connector's configuration to"
            " the short name of one of them (FIRMA.NAZWA).",
            retriable=False,
            # Names of companies are the site's own affair.
            erp_text=f"the database has {names or 'none'}",
        )
    return found[wanted.rstrip().casefold()]
