"""The configuration of a company in Optima: the table `[companies.<name>]` of the connector's file."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from mostek.plugin.sql_plugin import SqlConfig

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
    """`[database]` (that of the company), the site's own queries, attributes and rows, and what Optima leaves open."""

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
