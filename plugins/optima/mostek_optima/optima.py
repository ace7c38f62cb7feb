"""The plugin Optima: what its query files (`queries/*.sql`) and `conversion.py` do not say by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, ClassVar, TypeVar

from google.protobuf.message import Message

from mostek.erp.v1.erp_pb2 import DescribeErpRequest, DescribeErpResponse
from mostek.erp.v1.invoice_pb2 import CorrectionValues
from mostek.plugin.conversion import Converter
from mostek.plugin.database_config import SqliteConfig
from mostek.plugin.orders.writes import OrderWriter, OrderWrites
from mostek.plugin.plugin import Context, Site
from mostek.plugin.query import Query
from mostek.plugin.reads import ErpReads, Filters, correction_values, in_stock
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
R = TypeVar("R", bound=Message)


class Optima(OrderWrites, ErpReads):
    """One company database of Optima: the reads; the writes are in `orders`, `com` and `direct`."""

    config_type = OptimaConfig
    erp = PROGRAM
    lock = PROGRAM
    edited_at = frozenset({"customers", "products", "invoices", "orders"})
    folder: ClassVar[Traversable] = files("mostek_optima") / "queries"

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
            **super().converters(),
            **CONVERTERS,
            "company_name": lambda database: self.settings.company or database,
            "correction_values": self._correction_values,
            "is_default_series": self._is_default_series,
            "is_default_warehouse": self._is_default_warehouse,
            "text_encoding": lambda: "windows-1250",
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

    # Reads

    def describe_erp(self, request: DescribeErpRequest, context: Context) -> DescribeErpResponse:
        return DESCRIPTION.describe(self, request, context)

    def parameters(self, query: str, context: Context) -> Filters:
        one_off: dict[str, Any] = {"one_off": self.settings.one_off}
        kinds = self.settings.document_kinds.filters()
        match query:
            case "products":
                return {"before": self._tomorrow()}
            case "invoices":
                return one_off | kinds
            case "orders":
                return one_off | {"advance": kinds["advance"]}
            case "customers" | "receivables" | "balances":
                return one_off
        return {}

    def list_parameters(self, query: str, request: Any, context: Context) -> Filters:
        match query:
            case "customers":
                countries = _vat_countries(request.tax_id) if request.tax_id else None
                return {"tax_id_country": countries}
            case "products":
                return in_stock(request) | self._group(request.group_id, context)
            case "invoices":
                return {"issued": True, "listed": not request.kinds}
        return {}

    def _group(self, wanted: str, context: Context) -> dict[str, Any]:
        """A group has those below it."""
        if not wanted:
            return {}
        with self.database.reading(context) as session:
            return {"group_id": None, "groups": groups_below(session, wanted)}

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

    def _correction_values(self, corrects: Any) -> CorrectionValues.ValueType | None:
        chosen = self.settings.correction_values
        return correction_values(chosen, corrects=flag(corrects))


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
