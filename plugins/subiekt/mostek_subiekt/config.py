"""The configuration of a company in Subiekt GT: the table `[companies.<name>]` of the connector's file."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from mostek.plugin.orders.site import OrderConfig
from mostek_subiekt.orders.config import WriteMode
from mostek_subiekt.own_fields import OBJECTS

__all__ = ["SubiektConfig"]


class SubiektConfig(OrderConfig):
    """`[database]`, the site's own queries, attributes and rows; `[orders]`: how orders are written.

    `fields` adds the program's own fields (pola własne) to attributes, by their visible names:

        [fields.customers]
        route = "Trasa"
    """

    orders: WriteMode | None = None
    fields: dict[str, dict[str, str]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known_fields(self) -> Self:
        for query, names in self.fields.items():
            if query not in OBJECTS:
                there = ", ".join(OBJECTS)
                raise ValueError(f"fields: {query} has no own fields; there are those of {there}")
            if twice := sorted(names.keys() & self.attributes.get(query, {}).keys()):
                raise ValueError(f"{twice[0]} is both in attributes.{query} and fields.{query}")
            for attribute, name in names.items():
                if not name.strip():
                    raise ValueError(
                        f"fields.{query}.{attribute}: the field's visible name is empty"
                    )
        return self
