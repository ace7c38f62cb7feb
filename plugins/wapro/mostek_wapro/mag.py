"""The plugin WAPRO Mag: what its query files (`queries/*.sql`) and `conversion.py` do not say by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, ClassVar

from google.protobuf.message import Message

from mostek.erp.v1.erp_pb2 import DescribeErpRequest, DescribeErpResponse
from mostek.erp.v1.invoice_pb2 import CorrectionValues
from mostek.erp.v1.order_pb2 import ValidateOrderRequest, ValidateOrderResponse
from mostek.erp.v1.receivable_pb2 import CustomerBalance, Receivable
from mostek.plugin.clarion import day
from mostek.plugin.conversion import Converter
from mostek.plugin.orders.writes import OrderWrites
from mostek.plugin.plugin import Context, Site
from mostek.plugin.query import Query
from mostek.plugin.reads import ErpReads, Filters, correction_values
from mostek.plugin.rights import WriteRights
from mostek.plugin.sql_plugin import SqlConfig
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


class WaproMag(OrderWrites, ErpReads):
    """One company of a database of WAPRO Mag: the reads; the writes are in `orders`."""

    config_type = WaproConfig
    erp = PROGRAM
    lock = PROGRAM
    writer: WaproWriter
    folder: ClassVar[Traversable] = files("mostek_wapro") / "queries"
    messages: ClassVar[Mapping[str, type[Message]]] = {
        **ErpReads.messages,
        "document_receivables": Receivable,
        "document_balances": CustomerBalance,
    }

    def __init__(self, config: WaproConfig, site: Site) -> None:
        self.settings = config
        if config.debts != "settlements":
            self.receivables, self.balances = "document_receivables", "document_balances"
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
            **super().converters(),
            **CONVERTERS,
            "days_overdue": lambda due, remaining: self.days_overdue(day(due), remaining),
            "correction_values": self._correction_values,
            "text_encoding": lambda: "windows-1250",
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

    def parameters(self, query: str, context: Context) -> Filters:
        company: dict[str, Any] = {"company": self.company(context)}
        kinds = self.settings.signatures.filters()
        match query:
            case "invoices":
                # Nothing is known to mark a cancelled document, so none is left out or in.
                return company | {"include_cancelled": None} | kinds
            case "receivables" | "balances":
                return company | {"contractor_cards": list(self.settings.contractor_cards) or ["*"]}
            case "document_receivables" | "document_balances":
                return company | {"proforma": kinds["proforma"]}
            case "orders":
                return company | {"receipt": kinds["receipt"]}
        return company

    def list_parameters(self, query: str, request: Any, context: Context) -> Filters:
        return {"listed": not request.kinds} if query == "invoices" else {}

    def validate_order(
        self, request: ValidateOrderRequest, context: Context
    ) -> ValidateOrderResponse:
        self.writer.prepare(context)
        return super().validate_order(request, context)

    def _load(self, config: SqlConfig) -> dict[str, Query]:
        """With the program's own fields among the attributes."""
        added: dict[str, dict[str, str]] = {
            query: {name: f"{_OWNERS[query]}.{column}" for name, column in names.items()}
            for query, names in self.settings.own_fields.items()
        }
        return super()._load(config.with_attributes(added, "own_fields"))

    def _correction_values(self, corrects: Any) -> CorrectionValues.ValueType | None:
        chosen = self.settings.correction_values
        return correction_values(chosen, corrects=flag(corrects))


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
