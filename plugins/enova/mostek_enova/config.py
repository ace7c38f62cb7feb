"""The configuration of a company in enova365: the table `[companies.<name>]` of the connector's file."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mostek.plugin.orders.site import OrderConfig
from mostek_enova.features import TABLES
from mostek_enova.orders.config import OrdersConfig

__all__ = ["DefinitionsConfig", "EnovaConfig"]


class DefinitionsConfig(BaseModel):
    """Symbols of definitions (DefDokHandlowych.Symbol) whose documents are no plain invoices, though of their category.

    Which ones a company has only it knows.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    receipt: tuple[str, ...] | None = Field(
        default=None, description="None: those for a fiscal printer (Fiskalizowany), and PAR."
    )
    proforma: tuple[str, ...] = ()
    advance: tuple[str, ...] = ()
    final: tuple[str, ...] = ()
    margin: tuple[str, ...] = ()


class EnovaConfig(OrderConfig):
    """`[database]`, the site's own queries, attributes and rows, and what enova365 leaves open.

    `features` adds the program's features (cechy) to attributes, by their names; with `[orders]`, orders are written:

        [features.customers]
        region = "Region handlowy"
    """

    company_name: str | None = Field(
        default=None, description="The company's name, for DescribeErp: the database does not tell."
    )
    one_off: tuple[str, ...] = Field(
        default=("!INCYDENTALNY",),
        min_length=1,
        description="Codes of contractors that stand for one-off customers.",
    )
    definitions: DefinitionsConfig = DefinitionsConfig()
    correction_values: Literal["difference", "after"] | None = Field(
        default=None, description="What the sums of corrections are; nothing known tells."
    )
    features: dict[str, dict[str, str]] = Field(default_factory=dict)
    orders: OrdersConfig | None = None

    @model_validator(mode="after")
    def _known_features(self) -> Self:
        for query, names in self.features.items():
            if query not in TABLES:
                raise ValueError(
                    f"features: there is no query {query} that has features; there are {', '.join(TABLES)}"
                )
            for attribute, feature in names.items():
                if not feature.strip() or len(feature) > 30 or "\n" in feature:
                    raise ValueError(
                        f"features.{query}.{attribute}: the name of a feature has 1 to 30 characters"
                    )
        return self
