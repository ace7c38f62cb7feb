"""WAPRO Mag's reference schema, and the same as an older version had it."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

from mostek.plugin.schema import ReferenceSchema

__all__ = ["older_schema", "reference_schema"]

_DATA = files("mostek_wapro") / "data"


@cache
def reference_schema() -> ReferenceSchema:
    """The tables of WAPRO Mag 8, with the newer columns that are known."""
    return ReferenceSchema.load(_DATA / "wapro-mag-8.x.csv")


@cache
def older_schema() -> ReferenceSchema:
    """The tables as the database of 2017 had them."""
    text = (_DATA / "wapro-mag-older.csv").read_text(encoding="utf-8")
    columns = [f"{row['table']}.{row['column']}" for row in csv.DictReader(text.splitlines())]
    return reference_schema().without(columns)
