"""What callers name products and the like by: ids as text, codes and bar codes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from mostek.erp.v1.order_pb2 import ProductChoice
from mostek.plugin.orders.cards import ProductCard, folded

__all__ = ["INT", "Search", "chosen_products", "known_id"]

P = TypeVar("P", bound=ProductCard)

#: The greatest id that an int column holds.
INT = 2**31 - 1

#: Values of a column → rows of value and id.
Search = Callable[[Sequence[str]], Iterable[Sequence[Any]]]


def known_id(wanted: str, greatest: int = INT) -> int | None:
    """The id as the ERP's columns hold it, up to the greatest that they can; None for what can't be one."""
    if not (wanted.isascii() and wanted.isdigit()) or wanted[0] == "0":
        return None
    # A number of any length would take long to read.
    number = int(wanted) if len(wanted) <= len(str(greatest)) else greatest + 1
    return number if number <= greatest else None


def chosen_products(
    choices: Sequence[ProductChoice],
    *,
    codes: Search,
    eans: Search,
    read: Callable[[Sequence[int]], Mapping[int, P]],
    greatest: int = INT,
) -> list[list[P]]:
    """For each choice the products that it means: none, one, or several. All are asked for at once.

    `read`: the products with these ids, without those that may not be found.
    """
    found = {"code": _ids(choices, "code", codes), "ean": _ids(choices, "ean", eans)}
    wanted = [_meant(choice, found, greatest) for choice in choices]
    products = read(list(dict.fromkeys(number for numbers in wanted for number in numbers)))
    return [[products[number] for number in numbers if number in products] for numbers in wanted]


_Ids = Mapping[str, set[int]]


def _ids(choices: Sequence[ProductChoice], kind: str, search: Search) -> _Ids:
    values = [getattr(choice, kind) for choice in choices if choice.WhichOneof("product") == kind]
    ids: dict[str, set[int]] = defaultdict(set)
    for value, number in search(values):
        ids[folded(str(value))].add(int(number))
    return ids


def _meant(choice: ProductChoice, found: Mapping[str, _Ids], greatest: int) -> list[int]:
    kind = choice.WhichOneof("product") or "ean"
    if kind == "id":
        number = known_id(choice.id, greatest)
        return [number] if number else []
    return sorted(found[kind].get(folded(getattr(choice, kind)), ()))
