"""The configuration of a company in Optima: the table `[companies.<name>]` of the connector's file."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mostek.plugin.sql_plugin import SqlConfig
from mostek_optima.orders.config import ComConfig, WriteMode

__all__ = ["DocumentKinds", "OptimaConfig"]


class DocumentKinds(BaseModel):
    """Kinds (TrN_Rodzaj) of invoices that are not plain ones. Which numbers these are is not known: none by default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    advance: tuple[int, ...] = ()
    final: tuple[int, ...] = ()

    def filters(self) -> dict[str, list[int]]:
        """The parameters of the query files; a list without any holds a kind that no document has."""
        return {name: list(value) or [-1] for name, value in self.model_dump().items()}


class OptimaConfig(SqlConfig):
    """`[database]` (that of the company), the site's own queries, attributes and rows, what Optima leaves open; with
    `[orders]`, how is written."""

    company: str | None = Field(
        default=None,
        description="The company's name as the login window has it (Baz_Nazwa of the configuration database).",
    )
    one_off: str = Field(
        default="!NIEOKRE_LONY!",
        max_length=20,
        description="Code (a pattern of LIKE) of the contractor that stands for one-off customers.",
    )
    document_kinds: DocumentKinds = DocumentKinds()
    correction_values: Literal["difference", "after"] | None = Field(
        default="difference",
        description="What the amounts of corrections are; by all that is known, the difference.",
    )
    orders: WriteMode | None = None

    @model_validator(mode="after")
    def _names_its_company(self) -> Self:
        if isinstance(self.orders, ComConfig) and not self.company:
            raise ValueError(
                'orders with mode = "com" need `company`, the name in the login window'
            )
        return self
