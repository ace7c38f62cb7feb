"""The tree of product groups (TwrGrupy)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from mostek.plugin.converters import whole_number
from mostek.plugin.database import Session

__all__ = ["groups_below"]

_GROUPS = (
    "SELECT g.TwG_GIDNumer, g.TwG_GrONumer FROM CDN.TwrGrupy g"
    " WHERE g.TwG_GIDTyp = -16 AND g.TwG_GrOTyp = -16"
)


def groups_below(session: Session, wanted: str) -> list[int]:
    """The group and all below it; none if it can be no group's id."""
    number = whole_number(wanted)
    if number is None:
        return []
    return _below(number, ((int(row[0]), int(row[1])) for row in session.fetch(_GROUPS)))


def _below(top: int, edges: Iterable[tuple[int, int]]) -> list[int]:
    children: dict[int, list[int]] = defaultdict(list)
    for child, parent in edges:
        children[parent].append(child)
    found: dict[int, None] = {}
    waiting = [top]
    while waiting:
        group = waiting.pop()
        if group not in found:
            found[group] = None
            waiting += children[group]
    return list(found)
