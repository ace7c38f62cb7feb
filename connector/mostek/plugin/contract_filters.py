"""What the contract's filters mean, so that every plugin's can be tried alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from mostek.erp.v1.common_pb2 import PartyRole

__all__ = ["FILTERS", "FilterCase"]


@dataclass(frozen=True)
class FilterCase:
    """How a filter is tried: with a value made of an item that the unfiltered list has."""

    #: The filter's value that must find this item again; None if the item can't serve.
    value: Callable[[Any], Any]
    #: Whether an item that was found may be: (item, value).
    holds: Callable[[Any, Any], bool]
    #: No index serves the filter (it finds most rows, or a text anywhere in them): the list is walked along its key,
    #: from where the last page ended until the page is full.
    walks: bool = False


def _same(path: str, *, walks: bool = False) -> FilterCase:
    """The item's own value at a path, met exactly (texts in any case, as ERPs compare them)."""

    def value(item: Any) -> Any:
        found = _at(item, path)
        return None if found in ("", None) else found

    def holds(item: Any, wanted: Any) -> bool:
        found = _at(item, path)
        return str(found).casefold() == str(wanted).casefold()

    return FilterCase(value, holds, walks)


def _at(item: Any, path: str) -> Any:
    *above, last = path.split(".")
    for name in above:
        item = getattr(item, name)
    return getattr(item, last) if item.HasField(last) else None


def _on(holds: Callable[[Any], bool]) -> FilterCase:
    """A switch."""
    return FilterCase(lambda item: holds(item) or None, lambda item, _: holds(item), walks=True)


def _from(path: str) -> FilterCase:
    return FilterCase(lambda item: _at(item, path), lambda item, day: _at(item, path) >= day, True)


def _to(path: str) -> FilterCase:
    return FilterCase(lambda item: _at(item, path), lambda item, day: _at(item, path) <= day, True)


def _before(path: str) -> FilterCase:
    """Earlier than a day: tried with the day after the item's own."""

    def value(item: Any) -> str | None:
        day = _at(item, path)
        return str(date.fromisoformat(day) + timedelta(days=1)) if day else None

    return FilterCase(value, lambda item, day: _at(item, path) < day, walks=True)


def _text(*paths: str) -> FilterCase:
    def holds(item: Any, wanted: str) -> bool:
        texts = [str(_at(item, path) or "") for path in paths]
        return any(wanted.casefold() in text.casefold() for text in texts)

    return FilterCase(lambda item: (_at(item, paths[0]) or "")[1:] or None, holds, walks=True)


def _party(item: Any) -> str | None:
    return next((party.customer_id for party in item.parties if party.customer_id), None)


def _is_party(item: Any, wanted: str) -> bool:
    roles = {PartyRole.PARTY_ROLE_BUYER, PartyRole.PARTY_ROLE_PAYER}
    return any(p.customer_id == wanted and p.role in roles for p in item.parties)


_PARTY = FilterCase(_party, _is_party)

#: Operation → filter → how it is tried.
FILTERS: Mapping[str, Mapping[str, FilterCase]] = {
    "ListCustomers": {
        "ids": _same("id"),
        "codes": _same("code"),
        "tax_id": _same("tax_id.number"),
        "text": _text("name", "full_name", "code"),
        "group_id": _same("group.id", walks=True),
        "active": _same("active", walks=True),
    },
    "ListProducts": {
        "ids": _same("id"),
        "codes": _same("code"),
        "eans": FilterCase(
            lambda item: item.eans[0].code if item.eans else None,
            lambda item, ean: any(e.code == ean for e in item.eans),
        ),
        "text": _text("name", "code"),
        "group_id": _same("group.id", walks=True),
        "warehouse_id": FilterCase(
            lambda item: item.stock[0].warehouse.id if item.stock else None,
            lambda item, wanted: all(s.warehouse.id == wanted for s in item.stock),
            walks=True,
        ),
        "price_list_id": FilterCase(
            lambda item: item.prices[0].price_list.id if item.prices else None,
            lambda item, wanted: all(p.price_list.id == wanted for p in item.prices),
            walks=True,
        ),
        "only_in_stock": _on(lambda item: any(Decimal(s.on_hand or 0) > 0 for s in item.stock)),
        "active": _same("active", walks=True),
    },
    "ListInvoices": {
        "ids": _same("id"),
        "numbers": _same("number"),
        "ksef_number": _same("ksef.number"),
        "customer_id": _PARTY,
        "kinds": _same("kind", walks=True),
        "issue_date_from": _from("issue_date"),
        "issue_date_to": _to("issue_date"),
        "due_date_before": _before("due_date"),
        "only_unpaid": _on(lambda item: Decimal(item.remaining or 0) != 0),
        "include_cancelled": FilterCase(lambda item: True, lambda item, _: True, walks=True),
    },
    "ListReceivables": {
        "customer_id": _same("payer.id"),
        "due_date_before": _before("due_date"),
        "only_overdue": _on(lambda item: item.days_overdue > 0),
        "currency": _same("currency", walks=True),
        "include_settled_since": FilterCase(lambda item: "2000-01-01", lambda item, _: True, True),
    },
    "ListOrders": {
        "ids": _same("id"),
        "numbers": _same("number"),
        "external_numbers": _same("external_number"),
        "customer_id": _PARTY,
        "states": _same("state", walks=True),
        "order_date_from": _from("order_date"),
        "order_date_to": _to("order_date"),
    },
}
