"""Which commands a question is about. Each says what an index has, as the index has it: else it is not used."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Table, TextClause, and_, exists, or_, text

from mostek.hub.commands import TIME_LEFT, TO_RESOLVE, WAITING, State
from mostek.hub.identity import ConnectorId, Reach
from mostek.hub.store.records import CommandFilter, Lane
from mostek.hub.store.tables import HOLDS_BACK, TO_BE_RESOLVED, command

__all__ = ["UNTOLD", "due", "held_back", "listed", "of_connector", "of_lane", "overdue", "within"]

#: Their connectors were not told that the outcome is here.
UNTOLD = and_(command.c.state == State.SUCCEEDED.value, command.c.acknowledged_at.is_(None))


def of_connector(of: ConnectorId) -> ColumnElement[bool]:
    """All of a connector."""
    return and_(command.c.tenant == of.tenant, command.c.connector == of.name)


def of_lane(lane: Lane) -> ColumnElement[bool]:
    """All of a company."""
    return and_(of_connector(lane.connector), command.c.company == lane.company)


def _idle() -> ColumnElement[bool]:
    """Not under way, and without an end."""
    return and_(command.c.finished_at.is_(None), command.c.replica.is_(None))


def due(now: float) -> ColumnElement[bool]:
    """To be sent now, as far as the time goes."""
    return and_(
        _idle(),
        command.c.state.in_([state.value for state in TIME_LEFT]),
        command.c.due_at <= now,
    )


def overdue(now: float) -> ColumnElement[bool]:
    """Not under way, and ended by the time.

    Of those in doubt many may have expired long before that: they must not fill what is looked at.
    """
    ended = (
        and_(command.c.state == state.value, command.c.expires_at <= now - left)
        for state, left in TIME_LEFT.items()
    )
    # Said once more, for the index.
    return and_(_idle(), command.c.expires_at <= now, or_(*ended))


def held_back() -> ColumnElement[bool]:
    """An earlier one of the ordering key has no end, or none that is known."""
    earlier = command.alias("earlier")
    return exists().where(
        earlier.c.tenant == command.c.tenant,
        earlier.c.connector == command.c.connector,
        earlier.c.company == command.c.company,
        earlier.c.ordering_key == command.c.ordering_key,
        earlier.c.number < command.c.number,
        text(f"earlier.{HOLDS_BACK}"),
    )


def listed(wanted: CommandFilter) -> Iterable[ColumnElement[bool] | TextClause]:
    """What a list's filter says."""
    for name in ("connector", "company", "idempotency_key"):
        if value := getattr(wanted, name):
            yield command.c[name] == value
    if wanted.states:
        yield command.c.state.in_([state.value for state in wanted.states])
        # Said once more, each as an index has it: of all commands these are few.
        if wanted.states <= TO_RESOLVE:
            yield text(TO_BE_RESOLVED)
        elif wanted.states <= WAITING:
            yield command.c.finished_at.is_(None)
    if wanted.before:
        yield command.c.number < wanted.before
    yield from within(wanted.reach, command)


def within(reach: Reach, table: Table) -> Iterable[ColumnElement[bool]]:
    """Rows about connectors and operations that a caller so restricted may see."""
    if reach.connectors:
        yield or_(*(_like(table.c.connector, pattern) for pattern in reach.connectors))
    if reach.operations:
        yield table.c.operation.in_(sorted(reach.operation_names))


def _like(column: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
    """A column whose text a pattern with `*` fits; a pattern has none of LIKE's own signs."""
    return column.like(pattern.replace("*", "%"))
