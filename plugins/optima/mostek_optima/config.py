"""The configuration of a company in Optima: the table `[companies.<name>]` of the connector's file."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mostek.plugin.orders.site import OrderConfig
from mostek_optima.attributes import TABLES
from mostek_optima.orders.config import ComConfig, WriteMode

__all__ = ["DocumentKinds", "OptimaConfig"]

#: Of DeA_Nazwa.
_LONGEST_NAME = 40


class DocumentKinds(BaseModel):
    """Kinds (TrN_Rodzaj) of invoices that are not plain ones. Which numbers these are is not known: none by default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    advance: tuple[int, ...] = ()
    final: tuple[int, ...] = ()

    def filters(self) -> dict[str, list[int]]:
        """The parameters of the query files; a list without any holds a kind that no document has."""
        return {name: list(value) or [-1] for name, value in self.model_dump().items()}


class OptimaConfig(OrderConfig):
    """`[database]` (that of the company), the site's own queries, attributes and rows, what Optima leaves open; with
    `[orders]`, how is written.

    `own_fields` adds the program's attributes to those of a query, by the code or the name of their definition:

        [own_fields.customers]
        region = "REGION"
    """

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
    own_fields: dict[str, dict[str, str]] = Field(default_factory=dict)
    orders: WriteMode | None = None

    @model_validator(mode="after")
    def _known_fields(self) -> Self:
        for query, names in self.own_fields.items():
            if query not in TABLES:
                known = ", ".join(TABLES)
                raise ValueError(
                    f"own_fields: {query} has no attributes of the program; {known} have"
                )
            for name, wanted in names.items():
                if not wanted.isprintable() or not 0 < len(wanted.strip()) <= _LONGEST_NAME:
                    raise ValueError(
                        f"own_fields.{query}.{name}: a code or name of an attribute has 1 to {_LONGEST_NAME} characters"
                    )
        return self

    @model_validator(mode="after")
    def _names_its_company(self) -> Self:
        if isinstance(self.orders, ComConfig) and not self.company:
            raise ValueError(
                'orders with mode = "com" need `company`, the name in the login window'
            )
        return self
