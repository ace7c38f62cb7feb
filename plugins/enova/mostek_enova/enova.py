"""The plugin enova365: what its query files (`queries/*.sql`) and `conversion.py` do not say by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, ClassVar, TypeVar

from google.protobuf.message import Message

from mostek.erp.v1.erp_pb2 import DescribeErpRequest, DescribeErpResponse
from mostek.erp.v1.invoice_pb2 import CorrectionValues
from mostek.plugin.conversion import Converter
from mostek.plugin.orders.writes import OrderWrites
from mostek.plugin.plugin import Context, Site
from mostek.plugin.query import Query
from mostek.plugin.reads import ErpReads, Filters, correction_values, in_stock
from mostek.plugin.rights import WriteRights
from mostek.plugin.sql_plugin import SqlConfig
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
_CORRECTION = 3

R = TypeVar("R", bound=Message)


class Enova365(OrderWrites, ErpReads):
    """One company's database of enova365: the reads; the writes are in `orders`."""

    config_type = EnovaConfig
    erp = PROGRAM
    lock = PROGRAM
    folder: ClassVar[Traversable] = files("mostek_enova") / "queries"

    def __init__(self, config: EnovaConfig, site: Site) -> None:
        self.settings = config
        super().__init__(config, site)
        self._definitions: Definitions | None = None
        self.writer = EnovaWriter(self, config)

    def converters(self) -> Mapping[str, Converter]:
        orders = self.settings.orders
        return {
            **super().converters(),
            **CONVERTERS,
            "days_overdue": self._days_overdue,
            "correction_values": self._correction_values,
            "is_default_warehouse": lambda symbol: (
                orders is not None and symbol == orders.warehouse
            ),
            "is_default_series": lambda symbol: orders is not None and symbol == orders.definition,
            "company_name": lambda: self.settings.company_name,
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

    # Reads

    def describe_erp(self, request: DescribeErpRequest, context: Context) -> DescribeErpResponse:
        versioned = versioned_lists(self.database).queries()
        limits = field_limits(self.database.catalogue())
        return described(versioned, limits).describe(self, request, context)

    def list_page(
        self, query: str, request: Any, context: Context, response: R, **filters: Any
    ) -> R:
        if query == "receivables":
            return self.page(query, request, context, response, **filters)
        lists = versioned_lists(self.database)
        return lists.page(self, query, request, context, response, **filters)

    def parameters(self, query: str, context: Context) -> Filters:
        match query:
            case "customers":
                return {"one_off": self._one_off}
            case "products":
                return {"today": self.today(), "unset": UNSET}
            case "invoices":
                return self._documents(self.definitions(context))
            case "receivables":
                return {"one_off": self._one_off, "unset": UNSET, "never": NEVER}
            case "balances":
                return {"one_off": self._one_off, "unset": UNSET}
            case "orders":
                return self._order_documents(self.definitions(context))
        return {}

    def list_parameters(self, query: str, request: Any, context: Context) -> Filters:
        if query == "products":
            return in_stock(request)
        if query == "invoices":
            return {"hidden": None if request.kinds else self.definitions(context).hidden}
        return {}

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

    def _days_overdue(self, due: Any, amount: Any, settled: Any) -> int:
        return self.days_overdue(day(due) if due else None, remaining(amount, settled))

    def _correction_values(self, category: Any) -> CorrectionValues.ValueType | None:
        chosen = self.settings.correction_values
        return correction_values(chosen, corrects=int(category) == _CORRECTION)

    def _load(self, config: SqlConfig) -> dict[str, Query]:
        """With the features among the attributes."""
        added = {name: attributes(name, found) for name, found in self.settings.features.items()}
        return super()._load(config.with_attributes(added, "features"))
