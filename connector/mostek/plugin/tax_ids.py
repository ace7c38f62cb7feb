"""Tax ids: `adr_NIP` holds what somebody typed, with or without dashes, spaces and the country's prefix."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from stdnum import get_cc_module
from stdnum.eu.vat import MEMBER_STATES
from stdnum.pl import nip

from mostek.erp.v1.common_pb2 import TaxIdKind

__all__ = [
    "TypedTaxId",
    "compact_notations",
    "compact_sql",
    "tax_id_country",
    "tax_id_notations",
    "typed_tax_id",
]

_SEPARATORS = re.compile(r"[^0-9A-Za-z]")
_PREFIX = re.compile(r"[A-Z]{2}")
#: What VAT numbers call some countries otherwise than ISO 3166.
_ISO = {"EL": "GR", "XI": "GB"}
_EU = frozenset(code.upper() for code in MEMBER_STATES) - {"XI"}
_DASHES = ((3, 3, 2, 2), (3, 2, 2, 3))


@dataclass(frozen=True)
class TypedTaxId:
    """A tax id as it is understood. `country` is "" if nothing tells it."""

    country: str
    number: str

    @property
    def kind(self) -> TaxIdKind.ValueType:
        if self.country == "PL":
            return TaxIdKind.TAX_ID_KIND_NIP
        if self.country in _EU:
            return TaxIdKind.TAX_ID_KIND_EU_VAT
        return TaxIdKind.TAX_ID_KIND_OTHER


@lru_cache(maxsize=4096)
def typed_tax_id(text: str, country: str = "") -> TypedTaxId | None:
    """What was typed, understood; `country` is that of the address, in ISO 3166. None if there is no number in it.

    A prefix of two letters tells whose it is. Without one it belongs to the address's country, unless only Poland's
    check digit fits: foreign companies registered in Poland have a NIP.
    """
    compact = _SEPARATORS.sub("", text).upper()
    if not any(character.isdigit() for character in compact):
        return None
    if _PREFIX.match(compact):
        return TypedTaxId(_ISO.get(compact[:2], compact[:2]), compact[2:])
    foreign = country not in {"", "PL"} and _fits(compact, country)
    return TypedTaxId("PL" if not foreign and nip.is_valid(compact) else country, compact)


def tax_id_notations(text: str) -> list[str]:
    """Every notation in which the column may hold the tax id that a request names, for an IN list."""
    wanted = _wanted(text)
    number = wanted.number
    if wanted.country == "PL":
        grouped = [sep.join(_groups(number, sizes)) for sizes in _DASHES for sep in ("-", " ")]
        return [prefix + one for prefix in ("", "PL", "PL ") for one in (number, *grouped)]
    codes = [wanted.country, *(code for code, iso in _ISO.items() if iso == wanted.country)]
    separated = [f"{code}{sep}{number}" for code in codes for sep in ("", " ", "-")]
    return [number, *separated]


def compact_notations(text: str) -> list[str]:
    """The same without separators, for a column that has none, or is compared without them (`compact_sql`)."""
    return sorted({_SEPARATORS.sub("", notation).upper() for notation in tax_id_notations(text)})


def compact_sql(column: str) -> str:
    """A column as it is compared without separators: no index serves this, and only this finds all that was typed."""
    for separator in "- ./":
        column = f"REPLACE({column}, '{separator}', '')"
    return f"UPPER({column})"


def tax_id_country(text: str) -> str | None:
    """The country that a row typed without prefix must lie in; None for a NIP, whose check digit is proof enough."""
    country = _wanted(text).country
    return None if country == "PL" else country


def _wanted(text: str) -> TypedTaxId:
    compact = _SEPARATORS.sub("", text).upper()
    if _PREFIX.match(compact):
        return TypedTaxId(_ISO.get(compact[:2], compact[:2]), compact[2:])
    return TypedTaxId("PL", compact)


def _groups(number: str, sizes: tuple[int, ...]) -> list[str]:
    ends = [sum(sizes[:count]) for count in range(len(sizes) + 1)]
    parts = [number[start:end] for start, end in pairwise(ends)]
    return [part for part in [*parts, number[ends[-1] :]] if part]


def _fits(number: str, country: str) -> bool:
    module = get_cc_module(country, "vat")
    return module is not None and bool(module.is_valid(number))
