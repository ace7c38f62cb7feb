"""Optima's reference schema, and the same as older versions had it."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

from mostek.plugin.schema import ReferenceSchema

__all__ = ["VERSIONS", "older_schema", "reference_schema"]

_DATA = files("mostek_optima") / "data"
#: The older versions that are told apart, the newest first.
VERSIONS = ("2024", "2021")


@cache
def reference_schema() -> ReferenceSchema:
    """The tables of Optima 2026.4."""
    return ReferenceSchema.load(_DATA / "optima-2026.4.csv")


@cache
def older_schema(version: str) -> ReferenceSchema:
    """The tables without what came after a version of `VERSIONS`."""
    text = (_DATA / "optima-older.csv").read_text(encoding="utf-8")
    columns = [
        f"{row['table']}.{row['column']}"
        for row in csv.DictReader(text.splitlines())
        if row["version"] >= version
    ]
    return reference_schema().without(columns)
