"""Which columns of the database's tables a part of a statement tells of, through derived tables too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar, cast

from sqlglot import exp

__all__ = ["Column", "Lineage", "parts_of"]

#: (`dbo.table`, column); of a table named without a column: (`dbo.table`, "").
Column = tuple[str, str]


_E = TypeVar("_E", bound=exp.Expr)

_KINDS = (exp.Column, exp.Literal, exp.Order, exp.Subquery, exp.Table)
_PARTS = "mostek.parts"


def parts_of(tree: exp.Expr, kind: type[_E]) -> list[_E]:
    """As `find_all`, for one of a few kinds: a tree is walked once, however many of them are asked for."""
    found = tree.meta.get(_PARTS)
    if found is None:
        found = tree.meta[_PARTS] = {one: [] for one in _KINDS}
        for node in tree.walk():
            for one in _KINDS:
                if isinstance(node, one):
                    found[one].append(node)
    return cast("list[_E]", found[kind])


class Lineage:
    """The columns behind the names of one statement. What can't be told for sure tells of more, never of less."""

    def __init__(self, tree: exp.Expr) -> None:
        self._tables: dict[tuple[int, str], str] = {}
        self._derived: dict[tuple[int, str], exp.Subquery] = {}
        #: What is known already: the same names stand in many parts.
        self._found: dict[tuple[tuple[int, str], str], frozenset[Column]] = {}
        for table in parts_of(tree, exp.Table):
            place = (id(table.parent_select), table.alias_or_name.lower())
            self._tables[place] = f"{table.db}.{table.name}"
        for derived in parts_of(tree, exp.Subquery):
            if derived.alias:
                self._derived[id(derived.parent_select), derived.alias.lower()] = derived

    def of(self, part: exp.Expr) -> frozenset[Column]:
        """The columns that a part of the statement tells of."""
        return frozenset(found for one in parts_of(part, exp.Column) for found in self._of(one))

    def named(self, names: Iterable[tuple[str, str]]) -> frozenset[Column]:
        """The same of (alias, column), wherever in the statement the alias is."""
        return frozenset(
            found
            for alias, name in names
            for place in {*self._tables, *self._derived}
            if place[1] == alias.lower()
            for found in self._at(place, name)
        )

    def _of(self, column: exp.Column) -> frozenset[Column]:
        """Each is looked up in its own SELECT and then in those around it."""
        scope = column.parent_select
        while scope is not None:
            place = (id(scope), column.table.lower())
            if place in self._tables or place in self._derived:
                return self._at(place, column.name)
            scope = scope.parent_select
        return frozenset()

    def _at(self, place: tuple[int, str], name: str) -> frozenset[Column]:
        if place in self._tables:
            return frozenset({(self._tables[place], name)})
        if (place, name) not in self._found:
            parts = _made_of(self._derived[place].this, name)
            self._found[place, name] = frozenset().union(*map(self.of, parts))
        return self._found[place, name]


def _made_of(query: Any, name: str) -> list[exp.Expr]:
    """The items that a column of a derived table is made of, one of each SELECT; the whole where it is not named."""
    selects = list(_selects(query))
    names = [item.alias_or_name.lower() for item in selects[0].expressions] if selects else []
    if name.lower() not in names:
        return [query]
    place = names.index(name.lower())
    return [one.expressions[place] if place < len(one.expressions) else one for one in selects]


def _selects(query: Any) -> Iterator[exp.Select]:
    if isinstance(query, exp.SetOperation):
        yield from _selects(query.left)
        yield from _selects(query.right)
    elif isinstance(query, exp.Subquery):
        yield from _selects(query.this)
    elif isinstance(query, exp.Select):
        yield query
