"""What the site added to a plugin's queries, and which fields of the contract it shows.

A list or an attribute of the site's own has names of its own, but what it reads may be what the policy keeps back under
the contract's name. It is told by the columns of the database: what the plugin feeds a field with shows that field.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mostek.plugin.lineage import Column
from mostek.plugin.query_part import Part
from mostek.wire.fields import identities

if TYPE_CHECKING:
    from mostek.plugin.query import Query

__all__ = ["Feeds", "SiteParts", "feeds_of", "site_parts"]

#: Column of the database, in lower case → the fields that the plugin feeds with it: `Customer.pesel`.
Feeds = Mapping[Column, frozenset[str]]


@dataclass(frozen=True)
class SiteParts:
    """Fields of the contract that the site's parts of a query show: its items, its filters, and what orders it."""

    shows: Mapping[str, frozenset[str]] = field(default_factory=dict)
    asks: Mapping[str, frozenset[str]] = field(default_factory=dict)
    ordered_by: frozenset[str] = frozenset()


def feeds_of(queries: Iterable[Query]) -> Feeds:
    """Which fields the columns feed. Columns that items are named by are left out: everybody has them."""
    found: dict[Column, set[str]] = {}
    for query in queries:
        for part in query.parts:
            for path, inputs in part.fed.items():
                for column in _columns(part, inputs):
                    found.setdefault(column, set()).add(f"{query.message}.{path}")
    return {
        column: frozenset(paths)
        for column, paths in found.items()
        if identities().isdisjoint(paths)
    }


def site_parts(query: Query, feeds: Feeds, plain: Query | None = None) -> SiteParts:
    """What of a query is the site's. `plain`: the query as the plugin has it; None: all of it is the site's."""
    files = {part.file.name: part for part in plain.parts} if plain else {}
    replaced = {part.prefix: part for part in plain.parts} if plain else {}
    shows: dict[str, frozenset[str]] = {}
    asks: dict[str, frozenset[str]] = {}
    for part in query.parts:
        ours = files.get(part.file.name)
        for path, inputs in part.fed.items():
            if ours is None or path not in ours.fed:
                shows[path] = _told(query, part, path, _columns(part, inputs), feeds)
        if ours is None:
            asks |= _asks(query, part, replaced.get(part.prefix), feeds)
    shows = {path: told for path, told in shows.items() if told}
    return SiteParts(shows, asks, _ordered_by(query, feeds) if plain is None else frozenset())


def _asks(query: Query, part: Part, plain: Part | None, feeds: Feeds) -> dict[str, frozenset[str]]:
    """What the filters and parameters of a file tell of; those of the plugin's own file are known to be right."""
    asks = {}
    for name in part.file.filters | part.file.parameters.keys():
        columns = frozenset(map(_folded, part.file.asked(name)))
        if plain is None:
            asks[name] = _fields(columns, feeds) | frozenset(_same(query, part, columns))
        else:
            other = columns - frozenset(map(_folded, plain.file.asked(name)))
            asks[name] = _of_row(query, part, other, feeds)
    return asks


def _told(
    query: Query, part: Part, path: str, columns: frozenset[Column], feeds: Feeds
) -> frozenset[str]:
    """What the file says that the item feeds; if it says nothing, what its columns tell."""
    alias = path[len(part.prefix) + 1 :] if part.prefix else path
    if alias in part.file.feeds:
        return part.file.feeds[alias]
    # What the plugin reads for the same field is that field.
    own = f"{query.message}.{path}"
    return _of_row(query, part, (c for c in columns if own not in feeds.get(c, ())), feeds)


def _of_row(query: Query, part: Part, columns: Iterable[Column], feeds: Feeds) -> frozenset[str]:
    told = (feeds.get(column, frozenset()) for column in columns)
    return frozenset().union(*(_beside(query, part, fields) or fields for fields in told))


def _beside(query: Query, part: Part, fields: frozenset[str]) -> frozenset[str]:
    """Those of the fields that the same row feeds: it is of them that its column tells, whatever others it feeds."""
    return frozenset(
        field
        for field in fields
        for message, _, path in [field.partition(".")]
        if message == query.message and _prefix_of(query, path) == part.prefix
    )


def _prefix_of(query: Query, path: str) -> str:
    prefixes = (one.prefix for one in query.parts if path.startswith(f"{one.prefix}."))
    return max(prefixes, key=len, default="")


def _columns(part: Part, inputs: Iterable[str]) -> frozenset[Column]:
    """The columns that the items of these aliases show; the aliases led by the part's prefix."""
    aliases = {one[len(part.prefix) + 1 :] if part.prefix else one for one in inputs}
    items = (item for item in part.file.items if item.alias in aliases)
    return frozenset(_folded(column) for item in items for column in item.shown)


def _ordered_by(query: Query, feeds: Feeds) -> frozenset[str]:
    """Of a list of the site's own: what its key shows, of the contract and of its columns."""
    part = query.parts[0]
    keys = frozenset(map(_folded, part.file.ordered_by))
    own = frozenset(_same(query, part, keys))
    return _fields(keys, feeds) | own


def _same(query: Query, part: Part, columns: frozenset[Column]) -> Iterator[str]:
    """The items of a list that show some of the columns, as the policy names them."""
    for path, inputs in part.fed.items():
        if _columns(part, inputs) & columns:
            yield f"{query.message}.{path}"


def _fields(columns: Iterable[Column], feeds: Feeds) -> frozenset[str]:
    return frozenset(path for column in columns for path in feeds.get(column, ()))


def _folded(column: Column) -> Column:
    return column[0].lower(), column[1].lower()
