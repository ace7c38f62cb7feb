"""enova365's reference schema, and the same as an older version had it.

The meaning of each column begins with where it is known from: the vendor's library of 2026 (`DLL 2026`), lists of
columns of about 2016, the vendor's documentation, public programs (`production SQL`, `survey`), or the vendor's rule
for names (`convention`). Amounts, quantities and percentages have no type: which one is not known.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

from mostek.plugin.schema import ReferenceSchema

__all__ = ["older_schema", "reference_schema"]

_DATA = files("mostek_enova") / "data"


@cache
def reference_schema() -> ReferenceSchema:
    """The tables of enova365 as its library of 2026 has them, as far as they are known."""
    return ReferenceSchema.load(_DATA / "enova365.csv")


@cache
def older_schema() -> ReferenceSchema:
    """The tables as a database of about 2016 had them."""
    text = (_DATA / "enova365-older.csv").read_text(encoding="utf-8")
    columns = [f"{row['table']}.{row['column']}" for row in csv.DictReader(text.splitlines())]
    return reference_schema().without(columns)
