"""Subiekt nexo's reference schema."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from mostek.plugin.schema import ReferenceSchema

__all__ = ["OWNER", "reference_schema"]

#: The schema that all tables are in.
OWNER = "ModelDanychContainer"


@cache
def reference_schema() -> ReferenceSchema:
    """The tables of version 59."""
    return ReferenceSchema.load(files("mostek_subiekt") / "data" / "subiekt-nexo-59.csv")
