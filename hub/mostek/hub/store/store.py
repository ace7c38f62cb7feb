"""What the hub keeps, as methods; each is one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Self, TypeVar

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    TextClause,
    and_,
    exists,
    func,
    insert,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mostek.hub.commands import FINAL, TO_RESOLVE, WAITING, Progress, State
from mostek.hub.identity import ConnectorId, Reach
from mostek.hub.keyring import Keyring, Sealed
from mostek.hub.store.engine import StoreError, claim, open_engine
from mostek.hub.store.records import (
    AuditEntry,
    AuditKind,
    Backlog,
    CommandFilter,
    CommandRecord,
    Event,
    Lane,
)
from mostek.hub.store.rows import (
    COLUMNS,
    add_connectors,
    add_entries,
    progress_values,
    record_of,
    record_values,
)
from mostek.hub.store.tables import command, connector, event, replica

__all__ = ["Full", "KeyTaken", "Moved", "Store", "within"]

T = TypeVar("T")

_IDLE = [state.value for state in (State.RECORDED, State.IN_DOUBT)]
#: An earlier command in one of these holds back later ones of its ordering key.
_HOLDS_BACK = [state.value for state in WAITING | {State.UNKNOWN}]
_UNTOLD = and_(command.c.state == State.SUCCEEDED.value, command.c.acknowledged_at.is_(None))
#: What a database that is away, or does not answer, makes of a statement; PoolTimeout: of those that wait behind it.
_UNUSABLE = (DBAPIError, OSError, PoolTimeout)
#: Rows that are encrypted again in one transaction.
_BATCH = 200


class Moved(Exception):
    """The command has moved on since it was read."""


class Full(Exception):
    """As many commands of a lane wait as may."""


class KeyTaken(Exception):
    """Another command stands for the idempotency key by now."""


class Store:
    """Commands, their events, connectors. Payloads are encrypted before they reach the database.

    Every method raises StoreError while the database can't be used.
    """

    def __init__(
        self, engine: AsyncEngine, keyring: Keyring, *, claims: bool, several: bool
    ) -> None:
        self._engine = engine
        self._keyring = keyring
        self._running: set[asyncio.Task[Any]] = set()
        # A SQLite file has one user anyway.
        self._claims = claims and engine.dialect.name == "postgresql"
        self._several = several
        self._claim: AsyncConnection | None = None

    @classmethod
    async def open(
        cls, url: str, keyring: Keyring, *, alone: bool = True, several: bool = False
    ) -> Self:
        """Open the database and migrate it. Raises StoreError.

        `alone`: as the one hub that works on it; with `several` as one of some. `alone` False: beside them.
        """
        engine = await open_engine(url)
        store = cls(engine, keyring, claims=alone or several, several=several)
        try:
            await store.keep_claim()
        except StoreError:
            await engine.dispose()
            raise
        return store

    async def close(self) -> None:
        """Let running transactions end and close the connections."""
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._claim is not None:
            await self._claim.close()
        await self._engine.dispose()

    async def keep_claim(self) -> None:
        """Keep other hubs off: a database that was away has forgotten that there is one. Raises StoreError."""
        try:
            if self._claim is not None:
                await self._claim.execute(text("SELECT 1"))
                await self._claim.commit()
            elif self._claims:
                self._claim = await claim(self._engine, several=self._several)
        except _UNUSABLE as error:
            if self._claim is not None:
                await self._claim.invalidate()
                await self._claim.close()
                self._claim = None
            raise _unusable(error) from error

    async def connect(self) -> AsyncConnection:
        """A connection for whoever keeps it; each statement is a transaction of its own. Raises StoreError."""
        try:
            connection = await self._engine.connect()
            return await connection.execution_options(isolation_level="AUTOCOMMIT")
        except _UNUSABLE as error:
            raise _unusable(error) from error

    async def do(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """One transaction. It is finished even when nobody waits any more: a connection is not left in the middle."""
        task = asyncio.create_task(self._transaction(work))
        self._running.add(task)
        task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            # Who waits for it gets it; if nobody does any more, it is no error of the loop.
            task.exception()

    async def _transaction(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        try:
            async with self._engine.begin() as connection:
                return await work(connection)
        except IntegrityError:
            raise
        except _UNUSABLE as error:
            raise _unusable(error) from error

    async def add(
        self, record: CommandRecord, request: bytes, events: Sequence[Event], *, most: int = 10_000
    ) -> CommandRecord:
        """Record a command; if its key already stands for another, that one is returned and not a second one added.

        Either is in the audit with it, and so is every end that `move` gives to a command.

        Raises Full if so many of its lane wait already.
        """
        sealed = self._keyring.seal(request, _about(record.id, "request"))
        values = record_values(record) | {"request": sealed.data, "request_key": sealed.key_id}

        async def insert_it(connection: AsyncConnection) -> CommandRecord:
            holder = (await connection.execute(_holder(record))).one_or_none()
            if holder is not None:
                await add_entries(connection, [_entry(record, holder.id, "repeated")])
                return record_of(holder)
            if (await connection.execute(_waiting(record.lane))).scalar_one() >= most:
                raise Full(record.lane)
            await connection.execute(insert(command).values(values))
            await _add_events(connection, record.id, events)
            await add_entries(connection, [_entry(record, record.id, "recorded")])
            return record

        try:
            return await self.do(insert_it)
        except IntegrityError:
            # Another replica was faster; now its command can be seen.
            return await self.do(insert_it)

    async def move(
        self,
        record: CommandRecord,
        progress: Progress,
        events: Sequence[Event],
        *,
        outcome: bytes | None = None,
        erp: tuple[str, str] = ("", ""),
    ) -> CommandRecord:
        """Move a command on, with what it came to and its id and number in the ERP. Raises Moved, KeyTaken."""
        values = progress_values(progress)
        if outcome is not None:
            sealed = self._keyring.seal(outcome, _about(record.id, "outcome"))
            values |= {"outcome": sealed.data, "outcome_key": sealed.key_id}
            values |= {"erp_id": erp[0] or None, "erp_number": erp[1] or None}

        async def change(connection: AsyncConnection) -> CommandRecord:
            changed = await connection.execute(_as_read(record).values(values))
            if changed.rowcount != 1:
                raise Moved(record.id)
            await _add_events(connection, record.id, events)
            if progress.state in FINAL:
                at = progress.finished_at or record.recorded_at
                await add_entries(connection, [_entry(record, record.id, progress.state, at)])
            return record.with_progress(progress)

        try:
            return await self.do(change)
        except IntegrityError:
            raise KeyTaken(record.idempotency_key) from None

    async def claim(
        self, record: CommandRecord, progress: Progress, events: Sequence[Event]
    ) -> CommandRecord:
        """Take a command for the replica that is to send it. Raises Moved, also if another of its lane is under way, or
        if the replica was found dead by the others."""
        alive = exists().where(replica.c.name == progress.holder)
        fresh = _as_read(record).where(command.c.replica.is_(None))

        async def change(connection: AsyncConnection) -> CommandRecord:
            taken = await connection.execute(
                (fresh.where(alive) if self._several else fresh).values(progress_values(progress))
            )
            if taken.rowcount != 1:
                raise Moved(record.id)
            await _add_events(connection, record.id, events)
            return record.with_progress(progress)

        try:
            return await self.do(change)
        except IntegrityError:
            raise Moved(record.id) from None

    async def note(self, command_id: str, events: Sequence[Event]) -> None:
        """Add to a command's timeline."""
        await self.do(lambda connection: _add_events(connection, command_id, events))

    async def get(self, tenant: str, command_id: str) -> CommandRecord | None:
        """The tenant's command of that id."""
        found = await self._records(
            _commands().where(command.c.id == command_id, command.c.tenant == tenant)
        )
        return found[0] if found else None

    async def find(self, tenant: str, wanted: CommandFilter, limit: int) -> list[CommandRecord]:
        """The tenant's commands, the newest first."""
        query = _commands().where(command.c.tenant == tenant, *_conditions(wanted))
        return await self._records(query.order_by(command.c.number.desc()).limit(limit))

    async def request(self, command_id: str) -> bytes | None:
        """What was asked, as long as it is kept."""
        return await self._payload(command_id, "request")

    async def outcome(self, command_id: str) -> bytes | None:
        """What it came to, as long as it is kept."""
        return await self._payload(command_id, "outcome")

    async def _payload(self, command_id: str, name: str) -> bytes | None:
        query = select(command.c[name], command.c[f"{name}_key"]).where(command.c.id == command_id)

        async def read(connection: AsyncConnection) -> Any:
            return (await connection.execute(query)).one_or_none()

        row = await self.do(read)
        if row is None or row[0] is None:
            return None
        return self._keyring.open(Sealed(row[1], row[0]), _about(command_id, name))

    async def events(self, command_id: str) -> list[Event]:
        """A command's timeline."""
        query = select(event).where(event.c.command == command_id).order_by(event.c.number)

        async def read(connection: AsyncConnection) -> list[Event]:
            rows = await connection.execute(query)
            return [Event(row.name, row.at, row.detail) for row in rows]

        return await self.do(read)

    async def next_due(self, lane: Lane, now: float) -> CommandRecord | None:
        """The command of the lane to send now: the oldest that is due and held back by none of its ordering key."""
        query = _commands().where(
            _of_lane(lane),
            _due(now),
            or_(command.c.ordering_key == "", ~_held_back()),
        )
        found = await self._records(query.order_by(command.c.number).limit(1))
        return found[0] if found else None

    async def due_lanes(self, now: float) -> set[Lane]:
        """Where something may have to be sent."""
        columns = (command.c.tenant, command.c.connector, command.c.company)
        query = select(*columns).where(_due(now)).distinct()

        async def read(connection: AsyncConnection) -> set[Lane]:
            rows = await connection.execute(query)
            return {Lane(ConnectorId(tenant, name), company) for tenant, name, company in rows}

        return await self.do(read)

    async def overdue(self, now: float, limit: int = 100) -> list[CommandRecord]:
        """Commands that are not under way and whose time is up."""
        due = and_(
            command.c.state.in_(_IDLE),
            command.c.finished_at.is_(None),
            command.c.replica.is_(None),
        )
        query = _commands().where(due, command.c.expires_at <= now)
        return await self._records(query.order_by(command.c.expires_at).limit(limit))

    async def interrupted(self, here: str = "") -> list[CommandRecord]:
        """Commands that are stored as under way, and that no other living replica has."""
        holder = command.c.replica
        lost = or_(holder.is_(None), holder == here, ~exists().where(replica.c.name == holder))
        under_way = or_(command.c.state == State.SENT.value, holder.is_not(None))
        if not self._several:
            lost = true()
        return await self._records(
            _commands().where(under_way, command.c.finished_at.is_(None), lost)
        )

    async def untold(self) -> set[ConnectorId]:
        """Connectors that were not told of some outcome that is here."""
        query = select(command.c.tenant, command.c.connector).where(_UNTOLD).distinct()

        async def read(connection: AsyncConnection) -> set[ConnectorId]:
            return {ConnectorId(*row) for row in await connection.execute(query)}

        return await self.do(read)

    async def unacknowledged(self, of: ConnectorId) -> list[CommandRecord]:
        """Commands whose outcome is here, and whose connector was not told so."""
        return await self._records(_commands().where(_of_connector(of), _UNTOLD))

    async def acknowledge(self, command_id: str, at: float) -> None:
        """The connector was told that the outcome is here."""

        async def change(connection: AsyncConnection) -> None:
            fresh = and_(command.c.id == command_id, command.c.acknowledged_at.is_(None))
            told = await connection.execute(update(command).where(fresh).values(acknowledged_at=at))
            if told.rowcount:
                await _add_events(connection, command_id, [Event("acknowledged", at)])

        await self.do(change)

    async def save_connectors(self, statuses: Mapping[ConnectorId, bytes], at: float) -> None:
        """Remember what connectors serve."""
        await self.do(lambda connection: add_connectors(connection, statuses, at))

    async def connectors(self) -> list[tuple[ConnectorId, bytes, float]]:
        """Every connector that was seen, with its status and the time of the last change."""

        async def read(connection: AsyncConnection) -> list[tuple[ConnectorId, bytes, float]]:
            rows = await connection.execute(select(connector))
            return [(ConnectorId(r.tenant, r.name), r.status, r.changed_at) for r in rows]

        return await self.do(read)

    async def revision(self) -> str:
        """Of the tables."""

        async def read(connection: AsyncConnection) -> str:
            return str(await connection.scalar(text("SELECT version_num FROM alembic_version")))

        return await self.do(read)

    async def backlog(self, now: float) -> Backlog:
        """How many commands have no end, and how many need an operator."""
        waiting = _counted(command.c.finished_at.is_(None))
        # Written as the index has it, or it is not used.
        to_resolve = _counted(text("state IN ('dead', 'unknown')"))

        async def read(connection: AsyncConnection) -> Backlog:
            open_ = (await connection.execute(waiting)).all()
            closed = (await connection.execute(to_resolve)).all()
            return Backlog(
                now,
                dict.fromkeys(sorted(WAITING), 0) | {State(row.state): row.count for row in open_},
                dict.fromkeys(sorted(TO_RESOLVE), 0)
                | {State(row.state): row.count for row in closed},
                min((row.oldest for row in open_), default=None),
            )

        return await self.do(read)

    async def purge(self, before: float) -> int:
        """Forget the payloads of commands that ended before; key, hash and the ERP's id and number stay."""
        old = and_(command.c.finished_at < before, command.c.state != State.UNKNOWN.value)
        kept = or_(command.c.request.is_not(None), command.c.outcome.is_not(None))
        nothing = dict.fromkeys(("request", "request_key", "outcome", "outcome_key"))

        async def change(connection: AsyncConnection) -> int:
            gone = await connection.execute(update(command).where(old, kept).values(nothing))
            return int(gone.rowcount)

        return await self.do(change)

    async def reencrypt(self) -> int:
        """Encrypt all that was encrypted with another key than the current one; how many values."""
        return await self._reencrypt("request") + await self._reencrypt("outcome")

    async def _reencrypt(self, name: str) -> int:
        total = 0
        while changed := await self.do(lambda c: self._reencrypt_some(c, name)):
            total += changed
        return total

    async def _reencrypt_some(self, connection: AsyncConnection, name: str) -> int:
        data, key = command.c[name], command.c[f"{name}_key"]
        other = and_(data.is_not(None), key != self._keyring.current)
        query = select(command.c.id, data, key).where(other).limit(_BATCH).with_for_update()
        rows = (await connection.execute(query)).all()
        for command_id, encrypted, key_id in rows:
            about = _about(command_id, name)
            sealed = self._keyring.seal(self._keyring.open(Sealed(key_id, encrypted), about), about)
            values = {name: sealed.data, f"{name}_key": sealed.key_id}
            await connection.execute(
                update(command).where(command.c.id == command_id).values(values)
            )
        return len(rows)

    async def _records(self, query: Select[Any]) -> list[CommandRecord]:
        async def read(connection: AsyncConnection) -> list[CommandRecord]:
            return [record_of(row) for row in await connection.execute(query)]

        return await self.do(read)


def _unusable(error: Exception) -> StoreError:
    return StoreError(f"The database can't be used: {type(error).__name__}")


def _about(command_id: str, name: str) -> str:
    return f"{command_id}/{name}"


def _commands() -> Select[Any]:
    return select(*COLUMNS)


def _counted(which: ColumnElement[bool] | TextClause) -> Select[Any]:
    oldest = func.min(command.c.recorded_at).label("oldest")
    counted = select(command.c.state, func.count().label("count"), oldest)
    return counted.where(which).group_by(command.c.state)


def _holder(record: CommandRecord) -> Select[Any]:
    return _commands().where(
        _of_lane(record.lane),
        command.c.idempotency_key == record.idempotency_key,
        command.c.keeps_key,
    )


def _waiting(lane: Lane) -> Select[Any]:
    return select(func.count()).where(_of_lane(lane), command.c.finished_at.is_(None))


def _of_connector(of: ConnectorId) -> ColumnElement[bool]:
    return and_(command.c.tenant == of.tenant, command.c.connector == of.name)


def _of_lane(lane: Lane) -> ColumnElement[bool]:
    return and_(_of_connector(lane.connector), command.c.company == lane.company)


def _as_read(record: CommandRecord) -> Any:
    """An update that changes the command only if it is as it was read."""
    return update(command).where(
        command.c.id == record.id,
        command.c.state == record.state.value,
        command.c.attempts == record.progress.attempts,
    )


def _due(now: float) -> ColumnElement[bool]:
    return and_(
        command.c.finished_at.is_(None),
        command.c.state.in_(_IDLE),
        command.c.due_at <= now,
        command.c.replica.is_(None),
    )


def _held_back() -> ColumnElement[bool]:
    earlier = command.alias("earlier")
    return exists().where(
        earlier.c.tenant == command.c.tenant,
        earlier.c.connector == command.c.connector,
        earlier.c.company == command.c.company,
        earlier.c.ordering_key == command.c.ordering_key,
        earlier.c.number < command.c.number,
        earlier.c.state.in_(_HOLDS_BACK),
    )


def _conditions(wanted: CommandFilter) -> Iterable[ColumnElement[bool]]:
    for name in ("connector", "company", "idempotency_key"):
        if value := getattr(wanted, name):
            yield command.c[name] == value
    if wanted.states:
        yield command.c.state.in_([state.value for state in wanted.states])
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


def _entry(
    record: CommandRecord, command_id: str, outcome: str, at: float | None = None
) -> AuditEntry:
    return AuditEntry(
        at=record.recorded_at if at is None else at,
        tenant=record.lane.connector.tenant,
        kind=AuditKind.WRITE,
        caller=record.caller,
        operation=record.operation,
        outcome=outcome,
        connector=record.lane.connector.name,
        company=record.lane.company,
        command_id=command_id,
    )


async def _add_events(
    connection: AsyncConnection, command_id: str, events: Sequence[Event]
) -> None:
    if events:
        rows = [
            {"command": command_id, "at": e.at, "name": e.name, "detail": e.detail} for e in events
        ]
        await connection.execute(insert(event), rows)
