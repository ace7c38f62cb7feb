"""The plugin Optima: what its query files (`queries/*.sql`) and `conversion.py` do not say by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, ClassVar, TypeVar

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
from mostek.plugin.changes import Changes
from mostek.plugin.conversion import Converter
from mostek.plugin.converters import as_day
from mostek.plugin.database_config import SqliteConfig
from mostek.plugin.orders.writes import OrderWriter, OrderWrites
from mostek.plugin.plugin import Context, Site
from mostek.plugin.query import Query
from mostek.plugin.rights import WriteRights
from mostek.plugin.sql_plugin import SqlConfig
from mostek.plugin.tax_ids import tax_id_country
from mostek.wire.failures import ErpUnavailable
from mostek_optima.attributes import attributes, dates, tell_dates
from mostek_optima.com.writer import ComWriter, machine_refusals
from mostek_optima.config import OptimaConfig
from mostek_optima.conversion import CONVERTERS, flag
from mostek_optima.describe import DESCRIPTION
from mostek_optima.direct.writer import DirectWriter
from mostek_optima.groups import groups_below
from mostek_optima.orders.config import ComConfig
from mostek_optima.orders.planner import OptimaPlanner
from mostek_optima.orders.rights import write_rights

__all__ = ["Optima"]

PROGRAM = "Comarch ERP Optima"
_CORRECTIONS = {
    "difference": CorrectionValues.CORRECTION_VALUES_DIFFERENCE,
    "after": CorrectionValues.CORRECTION_VALUES_AFTER,
}

R = TypeVar("R", bound=Message)


class Optima(OrderWrites):
    """One company database of Optima: the reads; the writes are in `orders`, `com` and `direct`."""

    config_type = OptimaConfig
    erp = PROGRAM
    lock = PROGRAM
    folder: ClassVar[Traversable] = files("mostek_optima") / "queries"
    messages: ClassVar[Mapping[str, type[Message]]] = {
        "erp": Erp,
        "customers": Customer,
        "products": Product,
        "invoices": Invoice,
        "receivables": Receivable,
        "balances": CustomerBalance,
        "orders": Order,
    }

    def __init__(self, config: OptimaConfig, site: Site) -> None:
        self.settings = config
        #: Query → the attributes that are dates.
        self._dates: dict[str, frozenset[str]] = {}
        super().__init__(config, site)
        self.writer = self._writer()

    def _writer(self) -> OrderWriter:
        orders, one_off = self.settings.orders, self.settings.one_off
        if isinstance(orders, ComConfig):
            return ComWriter(self, orders, self.settings.company or "", one_off)
        return DirectWriter(self, orders, one_off)

    def write_rights(self) -> WriteRights:
        return write_rights(self.settings.orders)

    def refusals(self) -> list[str]:
        orders = self.settings.orders
        if orders is None:
            return []
        on_sandbox = isinstance(self.database.config, SqliteConfig)
        if isinstance(orders, ComConfig) and not on_sandbox and (found := machine_refusals(orders)):
            return found
        context = Context(operation="refusals", timeout=self.database.config.statement_timeout)
        with self.database.reading(context, committed=True) as session:
            planner = self.writer.planner(session)
            assert isinstance(planner, OptimaPlanner)
            return planner.refusals()

    def converters(self) -> Mapping[str, Converter]:
        return {
            **CONVERTERS,
            "company_name": lambda database: self.settings.company or database,
            "correction_values": self._correction_values,
            "days_overdue": self._days_overdue,
            "is_default_series": self._is_default_series,
            "is_default_warehouse": self._is_default_warehouse,
            "now": self.now,
            "operations": self._operations,
            "program": lambda: PROGRAM,
            "text_encoding": lambda: "windows-1250",
            "time_zone": lambda: self.site.zone.key,
        }

    def open(self) -> None:
        """Raises ErpUnavailable for the configuration database, which companies are listed in."""
        catalogue = self.database.catalogue(refresh=True)
        if catalogue.has_table("CDN.Bazy") and not catalogue.has_table("CDN.TraNag"):
            raise ErpUnavailable(
                "This is Optima's configuration database, not a company's: set `database` in the connector's"
                " configuration to the name that CDN.Bazy has for the company (Baz_NazwaBazy).",
                retriable=False,
            )
        super().open()
        self._dates = self._read_dates()

    def _read_dates(self) -> dict[str, frozenset[str]]:
        own = self.settings.own_fields
        if not own or not self.database.catalogue().has_table("CDN.DefAtrybuty"):
            return {}
        context = Context(operation="open", timeout=self.database.config.statement_timeout)
        with self.database.reading(context) as session:
            return dates(session, own)

    def page(
        self, query: str, request: Message, context: Context, response: R, **filters: Any
    ) -> R:
        """With dates among the attributes."""
        filled = super().page(query, request, context, response, **filters)
        if names := self._dates.get(query):
            tell_dates(_items_of(filled), names)
        return filled

    def one(self, query: str, request: Message, context: Context, response: R, **filters: Any) -> R:
        """With dates among the attributes."""
        filled = super().one(query, request, context, response, **filters)
        if names := self._dates.get(query):
            tell_dates([_item_of(filled)], names)
        return filled

    def _load(self, config: SqlConfig) -> dict[str, Query]:
        """With the program's attributes among those of the site."""
        own = self.settings.own_fields
        added = {query: attributes(query, names) for query, names in own.items()}
        return super()._load(config.with_attributes(added, "own_fields"))

    # Operations

    def describe_erp(self, request: DescribeErpRequest, context: Context) -> DescribeErpResponse:
        return DESCRIPTION.describe(self, request, context)

    def list_customers(
        self, request: ListCustomersRequest, context: Context
    ) -> ListCustomersResponse:
        countries = _vat_countries(request.tax_id) if request.tax_id else None
        return self._changed(
            "customers",
            request,
            context,
            ListCustomersResponse(),
            one_off=self.settings.one_off,
            tax_id_country=countries,
        )

    def get_customer(self, request: GetCustomerRequest, context: Context) -> GetCustomerResponse:
        return self.one(
            "customers",
            request,
            context,
            GetCustomerResponse(),
            ids=[request.id],
            one_off=self.settings.one_off,
        )

    def list_products(self, request: ListProductsRequest, context: Context) -> ListProductsResponse:
        filters: dict[str, Any] = {"before": self._tomorrow(), "group_id": None}
        if request.group_id:
            with self.database.reading(context) as session:
                filters["groups"] = groups_below(session, request.group_id)
        if request.only_in_stock and request.warehouse_id:
            filters |= {"only_in_stock": None, "in_stock_of": request.warehouse_id}
        return self._changed("products", request, context, ListProductsResponse(), **filters)

    def get_product(self, request: GetProductRequest, context: Context) -> GetProductResponse:
        return self.one(
            "products",
            request,
            context,
            GetProductResponse(),
            ids=[request.id],
            before=self._tomorrow(),
        )

    def list_invoices(self, request: ListInvoicesRequest, context: Context) -> ListInvoicesResponse:
        return self._changed(
            "invoices",
            request,
            context,
            ListInvoicesResponse(),
            issued=True,
            listed=not request.kinds,
            one_off=self.settings.one_off,
            **self.settings.document_kinds.filters(),
        )

    def get_invoice(self, request: GetInvoiceRequest, context: Context) -> GetInvoiceResponse:
        return self.one(
            "invoices",
            request,
            context,
            GetInvoiceResponse(),
            ids=[request.id],
            include_cancelled=True,
            one_off=self.settings.one_off,
            **self.settings.document_kinds.filters(),
        )

    def list_receivables(
        self, request: ListReceivablesRequest, context: Context
    ) -> ListReceivablesResponse:
        return self.page(
            "receivables",
            request,
            context,
            ListReceivablesResponse(),
            only_overdue=None,
            overdue_on=self.today() if request.only_overdue else None,
            one_off=self.settings.one_off,
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
            one_off=self.settings.one_off,
            today=today,
            **ages,
        )

    def list_orders(self, request: ListOrdersRequest, context: Context) -> ListOrdersResponse:
        return self._changed(
            "orders",
            request,
            context,
            ListOrdersResponse(),
            only_valid=not request.states,
            **self._order_filters(),
        )

    def get_order(self, request: GetOrderRequest, context: Context) -> GetOrderResponse:
        return self.one(
            "orders",
            request,
            context,
            GetOrderResponse(),
            ids=[request.id],
            **self._order_filters(),
        )

    def _order_filters(self) -> dict[str, Any]:
        kinds = self.settings.document_kinds.filters()
        return {"one_off": self.settings.one_off, "advance": kinds["advance"]}

    def _changed(
        self, query: str, request: Any, context: Context, response: R, **filters: Any
    ) -> R:
        """A page, of what changed since the request's change token if it has one."""
        changes = Changes.of(request, self.now())
        filters |= {"change_token": None, "changed_since": changes.since}
        return changes.finished(self.page(query, changes.request, context, response, **filters))

    def _operations(self) -> list[str]:
        """What is served with this configuration."""
        orders = self.settings.orders
        refused = set() if orders else {"CreateOrder"}
        if not isinstance(orders, ComConfig) or not orders.customers:
            refused.add("CreateCustomer")
        return [operation for operation in self.serves if operation not in refused]

    def _is_default_series(self, symbol: str) -> bool | None:
        """None where the program or the template decides."""
        orders = self.settings.orders
        chosen = orders.series if isinstance(orders, ComConfig) else None
        return symbol.casefold() == chosen.casefold() if chosen else None

    def _is_default_warehouse(self, number: int) -> bool | None:
        orders = self.settings.orders
        chosen = orders.warehouse if orders else None
        return number == chosen if chosen is not None else None

    def _tomorrow(self) -> datetime:
        """Stock of a day may have a time of that day."""
        return datetime.combine(self.today() + timedelta(days=1), time())

    def _days_overdue(self, due: Any, remaining: Any) -> int:
        """0 if it is not yet due or settled."""
        return max(0, (self.today() - as_day(due)).days) if due and remaining else 0

    def _correction_values(self, corrects: Any) -> CorrectionValues.ValueType | None:
        chosen = self.settings.correction_values
        return _CORRECTIONS[chosen] if chosen and flag(corrects) else None


def _items_of(response: Message) -> Any:
    """The items of a list's response, which come first."""
    field = next(f for f in response.DESCRIPTOR.fields if f.is_repeated and f.message_type)
    return getattr(response, field.name)


def _item_of(response: Message) -> Any:
    """The item of a get response."""
    field = next(f for f in response.DESCRIPTOR.fields if f.message_type and not f.is_repeated)
    return getattr(response, field.name)


def _vat_countries(tax_id: str) -> list[str] | None:
    """How a row may name the country that gave it; VAT numbers call Greece EL."""
    country = tax_id_country(tax_id)
    return [country, "EL"] if country == "GR" else [country] if country else None
