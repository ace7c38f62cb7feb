"""The plugin Subiekt GT: what its query files (`queries/*.sql`) and `conversion.py` do not say by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, ClassVar

from mostek.erp.v1.erp_pb2 import DescribeErpRequest, DescribeErpResponse
from mostek.erp.v1.invoice_pb2 import ListInvoicesRequest, ListInvoicesResponse
from mostek.plugin.conversion import Converter
from mostek.plugin.orders.writes import OrderWriter, OrderWrites
from mostek.plugin.plugin import Context, Site
from mostek.plugin.query import DriftNote, Query
from mostek.plugin.reads import ErpReads, Filters, in_stock
from mostek.plugin.rights import Rights, WriteRights
from mostek.plugin.sql_plugin import SqlConfig
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


class SubiektGt(OrderWrites, ErpReads):
    """One company database of Subiekt GT: the reads; the writes are in `orders` and `sfera`."""

    config_type = SubiektConfig
    erp = PROGRAM
    lock = PROGRAM
    edited_at = frozenset({"customers"})
    folder: ClassVar[Traversable] = files("mostek_subiekt") / "queries"

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
            **super().converters(),
            **CONVERTERS,
            "text_encoding": lambda: "windows-1250",
        }

    # Reads

    def describe_erp(self, request: DescribeErpRequest, context: Context) -> DescribeErpResponse:
        return DESCRIPTION.describe(self, request, context)

    def parameters(self, query: str, context: Context) -> Filters:
        return ALL_INVOICES if query == "invoices" else {}

    def list_parameters(self, query: str, request: Any, context: Context) -> Filters:
        match query:
            case "products":
                return in_stock(request)
            case "orders" if request.states:
                return order_filters(list(request.states))
        return {}

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
