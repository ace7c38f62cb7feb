"""The configuration of a company in Subiekt nexo: the table `[companies.<name>]` of the connector's file."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from mostek.plugin.orders.site import OrderConfig
from mostek_subiekt.nexo.orders.config import NexoOrders

__all__ = ["NexoConfig", "Symbols"]


class Symbols(BaseModel):
    """Symbols (`Dokumenty.Symbol`) of the kinds of document. The defaults are the ones that are known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    invoice: tuple[str, ...] = ("FS",)
    correction: tuple[str, ...] = ("KFS",)
    receipt: tuple[str, ...] = ("PA",)
    receipt_invoice: tuple[str, ...] = ()
    advance: tuple[str, ...] = ()
    final: tuple[str, ...] = ()
    margin: tuple[str, ...] = ()
    proforma: tuple[str, ...] = ()
    order: tuple[str, ...] = ("ZK",)
    stock_issue: tuple[str, ...] = ("WZ",)

    def of(self, *kinds: str) -> dict[str, list[str]]:
        """The parameters of the query files; a list without any holds a symbol that no document has. `sales` are
        those of all kinds of invoice."""
        named = {name: list(value) or ["-"] for name, value in self.model_dump().items()}
        others = named.keys() - {"order", "stock_issue"}
        named["sales"] = sorted({symbol for name in others for symbol in named[name]})
        return {kind: named[kind] for kind in kinds}


class NexoConfig(OrderConfig):
    """`[database]`, the site's own queries, attributes and rows, what nexo leaves open; `[orders]`: how orders are
    written, without it they are not."""

    orders: NexoOrders | None = None
    symbols: Symbols = Symbols()
    customers: Literal["contractors", "all"] = Field(
        default="contractors",
        description="Whose entities are customers: those marked as contractors (Podmioty.Kontrahent), or all.",
    )
    correction_values: Literal["difference", "after"] | None = Field(
        default=None, description="What the amounts of corrections are; nothing known tells."
    )
