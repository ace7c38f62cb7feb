"""The configuration of a company in WAPRO Mag: the table `[companies.<name>]` of the connector's file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from mostek.plugin.orders.site import OrderConfig
from mostek_wapro.orders.config import OrdersConfig

__all__ = ["Signatures", "WaproConfig"]


class Signatures(BaseModel):
    """Signatures (TYP_DOKUMENTU_HANDLOWEGO.SYGNATURA) of documents that are not plain invoices.

    Which ones a company uses only it knows; the defaults are the usual ones, not verified.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    receipt: tuple[str, ...] = ("PA", "PAR")
    proforma: tuple[str, ...] = ("PRO",)
    receipt_invoice: tuple[str, ...] = ()
    advance: tuple[str, ...] = ()
    final: tuple[str, ...] = ()

    def filters(self) -> dict[str, list[str]]:
        """The parameters of the query files; a list without any holds a signature that no type has."""
        return {name: list(value) or ["-"] for name, value in self.model_dump().items()}


OwnField = Literal[
    "POLE1", "POLE2", "POLE3", "POLE4", "POLE5", "POLE6", "POLE7", "POLE8", "POLE9", "POLE10"
]
Owner = Literal["customers", "products", "invoices", "orders"]


class WaproConfig(OrderConfig):
    """`[database]`, the site's own queries, attributes and rows, what WAPRO Mag leaves open, and `[orders]`."""

    company: str | None = Field(
        default=None, description="FIRMA.NAZWA; needed where the database has several companies."
    )
    signatures: Signatures = Signatures()
    debts: Literal["settlements", "documents"] = Field(
        default="settlements",
        description="What receivables are read from: ROZRACHUNEK, which Fakir shares, or the documents themselves.",
    )
    contractor_cards: tuple[Annotated[str, Field(min_length=1, max_length=1)], ...] = Field(
        default=(),
        description="ROZRACHUNEK.TYP_KARTOTEKI of entries of contractors; none: entries of any kind of card.",
    )
    correction_values: Literal["difference", "after"] | None = Field(
        default=None, description="What the amounts of corrections are; nothing known tells."
    )
    own_fields: dict[Owner, dict[str, OwnField]] = Field(
        default_factory=dict,
        description="The program's own fields as attributes: name of the attribute → POLE1 to POLE10.",
    )
    orders: OrdersConfig | None = None
