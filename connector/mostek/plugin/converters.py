"""What the columns of any ERP may need: functions that query files name, all in `COMMON`.

They are given values of columns as the driver returns them, and answer None for what tells nothing.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from mostek.erp.v1.common_pb2 import TaxIdKind
from mostek.plugin.conversion import Converter
from mostek.plugin.tax_ids import tax_id_notations, typed_tax_id

__all__ = ["COMMON", "as_day", "whole_number"]

_COUNTRY = re.compile(r"[A-Z]{2}")
_CURRENCY = re.compile(r"[A-Z]{3}")


# Texts and small values


def negated(value: Any) -> bool:
    return not value


def country(code: str) -> str | None:
    """ISO 3166; the EU calls Greece EL."""
    found = code.upper().replace("EL", "GR")
    return found if _COUNTRY.fullmatch(found) else None


def currency(symbol: str) -> str | None:
    return symbol if _CURRENCY.fullmatch(symbol) else None


def joined(*parts: str | None) -> str | None:
    return " ".join(filter(None, parts)) or None


def paragraphs(*parts: str | None) -> str | None:
    return "\n".join(filter(None, parts)) or None


def latest(*moments: Any) -> Any:
    return max(filter(None, moments), default=None)


def not_zero(amount: Any) -> Any:
    return amount if Decimal(str(amount)) else None


def whole_number(text: str) -> int | None:
    """An id that an int column can hold; None if it can't be one."""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def as_day(value: Any) -> date:
    """The day of a datetime column."""
    return date.fromisoformat(value[:10]) if isinstance(value, str) else datetime.date(value)


def days_between(first: Any, last: Any) -> int | None:
    return (as_day(last) - as_day(first)).days if first and last else None


# Tax ids, of what was typed and the address's country


def tax_number(typed: str | None, code: str | None) -> str | None:
    found = typed_tax_id(typed or "", country(code or "") or "")
    return found.number if found else None


def tax_country(typed: str | None, code: str | None) -> str | None:
    found = typed_tax_id(typed or "", country(code or "") or "")
    return (found.country or None) if found else None


def tax_kind(typed: str | None, code: str | None) -> TaxIdKind.ValueType | None:
    found = typed_tax_id(typed or "", country(code or "") or "")
    return found.kind if found else None


COMMON: dict[str, Converter] = {
    function.__name__: function
    for function in (
        *(negated, country, currency, joined, paragraphs, latest, days_between),
        *(not_zero, whole_number),
        *(tax_number, tax_country, tax_kind, tax_id_notations),
    )
}
"""By the names that the query files use."""
