"""Subiekt GT's reference schema, and the same as older versions had it."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

from mostek.plugin.schema import ReferenceSchema

__all__ = ["older_schema", "reference_schema"]

_DATA = files("mostek_subiekt") / "data"


@cache
def reference_schema() -> ReferenceSchema:
    """The tables of version 1.88 (database 1.8806.6.7059), all of them complete."""
    return ReferenceSchema.load(_DATA / "subiekt-gt-1.88.csv")


@cache
def older_schema() -> ReferenceSchema:
    """The tables as about 2024 had them: no table of KSeF numbers, no VAT in currency, no deposit system."""
    text = (_DATA / "subiekt-gt-older.csv").read_text(encoding="utf-8")
    columns = [f"{row['table']}.{row['column']}" for row in csv.DictReader(text.splitlines())]
    return reference_schema().without(columns)
