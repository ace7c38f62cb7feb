"""The plugin Subiekt nexo: what its query files (`queries/*.sql`) and `conversion.py` do not say by themselves."""

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
from mostek.plugin.reads import ErpReads, Filters, correction_values, in_stock
from mostek.plugin.rights import WriteRights
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

R = TypeVar("R", bound=Message)


class SubiektNexo(OrderWrites, ErpReads):
    """One company database of Subiekt nexo: the reads; the writes are in `orders`."""

    config_type = NexoConfig
    erp = PROGRAM
    lock = PROGRAM
    folder: ClassVar[Traversable] = files("mostek_subiekt") / "nexo" / "queries"

    def __init__(self, config: NexoConfig, site: Site) -> None:
        self.settings = config
        super().__init__(config, site)
        self.writer = NexoWriter(self, config)

    def converters(self) -> Mapping[str, Converter]:
        return {
            **super().converters(),
            **CONVERTERS,
            "correction_values": self._correction_values,
        }

    def write_rights(self) -> WriteRights:
        return write_rights(self.settings.orders)

    # Reads

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

    def list_page(
        self, query: str, request: Any, context: Context, response: R, **filters: Any
    ) -> R:
        lists = versioned_lists(self.database)
        return lists.page(self, query, request, context, response, **filters)

    def parameters(self, query: str, context: Context) -> Filters:
        marked = {"marked": self.settings.customers == "contractors"}
        symbols = self.settings.symbols
        match query:
            case "customers":
                return marked
            case "invoices":
                return symbols.of(*_KINDS, "order")
            case "receivables":
                return symbols.of("sales")
            case "balances":
                return marked | symbols.of("sales")
            case "orders":
                return symbols.of("order", "sales", "receipt", "advance", "stock_issue")
        return {}

    def list_parameters(self, query: str, request: Any, context: Context) -> Filters:
        match query:
            case "products":
                return in_stock(request)
            case "invoices":
                return {"listed": not request.kinds}
            case "receivables":
                settled_too = request.include_settled_since or request.change_token
                return {"only_open": not settled_too}
        return {}

    def _correction_values(self, kind: Any) -> CorrectionValues.ValueType | None:
        chosen = self.settings.correction_values
        return correction_values(chosen, corrects=is_correction(kind))
