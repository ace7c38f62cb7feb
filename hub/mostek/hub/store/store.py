"""What the hub keeps, as methods; each is one transaction."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Self, TypeVar

from sqlalchemy import (
    ColumnElement,
    Select,
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
from mostek.hub.identity import ConnectorId
from mostek.hub.keyring import Keyring, Sealed
from mostek.hub.store.conditions import (
    UNTOLD,
    due,
    held_back,
    listed,
    of_connector,
    of_lane,
    overdue,
)
from mostek.hub.store.engine import StoreError, claim, distrust, open_engine
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
from mostek.hub.store.tables import (
    TO_BE_RESOLVED,
    command,
    connector,
    event,
    replica,
)

__all__ = ["Full", "KeyTaken", "Moved", "Store"]

T = TypeVar("T")

#: What a database that is away, or does not answer, makes of a statement; PoolTimeout: of those that wait behind it.
_UNUSABLE = (DBAPIError, OSError, PoolTimeout)
#: Seconds that a transaction on PostgreSQL may take: a connection to a machine that is gone is silent for long, and
#: every one of them would be waited for.
ANSWERS_WITHIN = 20.0
CLOSES_WITHIN = 3.0
#: Events that are told of one command: one that is tried for weeks has more than a message takes.
_FIRST_EVENTS, _LAST_EVENTS = 10, 990
#: Rows that are purged or encrypted again in one transaction.
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
        self._remote = engine.dialect.name == "postgresql"
        # A SQLite file has one user anyway.
        self._claims = claims and self._remote
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
        # Each connection says goodbye, and waits for an answer.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSES_WITHIN if self._remote else None):
                if self._claim is not None:
                    await self._claim.close()
                await self._engine.dispose()

    @contextlib.asynccontextmanager
    async def _answered(self) -> AsyncIterator[None]:
        """Within the block the database has so long to answer; raises TimeoutError, which is an OSError."""
        try:
            # A file's answers can't be given up.
            async with asyncio.timeout(ANSWERS_WITHIN if self._remote else None):
                yield
        except TimeoutError:
            distrust(self._engine)
            raise

    async def keep_claim(self) -> None:
        """Keep other hubs off: a database that was away has forgotten that there is one. Raises StoreError."""
        try:
            async with self._answered():
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
            async with self._answered():
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
            async with self._answered(), self._engine.begin() as connection:
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
            # As the site says them, and PostgreSQL refuses NUL.
            erp_id, erp_number = (name.replace("\0", "") or None for name in erp)
            values |= {"erp_id": erp_id, "erp_number": erp_number}

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
        query = _commands().where(command.c.tenant == tenant, *listed(wanted))
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
        """A command's timeline; where it is long, how it began and how it went on at last."""
        of = select(event).where(event.c.command == command_id)
        first = of.order_by(event.c.number).limit(_FIRST_EVENTS)
        last = of.order_by(event.c.number.desc()).limit(_LAST_EVENTS)

        async def read(connection: AsyncConnection) -> list[Event]:
            rows = [*await connection.execute(first), *await connection.execute(last)]
            told = {row.number: Event(row.name, row.at, row.detail) for row in rows}
            return [told[number] for number in sorted(told)]

        return await self.do(read)

    async def next_due(self, lane: Lane, now: float) -> CommandRecord | None:
        """The command of the lane to send now: the oldest that is due and held back by none of its ordering key."""
        query = _commands().where(
            of_lane(lane),
            due(now),
            or_(command.c.ordering_key == "", ~held_back()),
        )
        found = await self._records(query.order_by(command.c.number).limit(1))
        return found[0] if found else None

    async def due_lanes(self, now: float) -> set[Lane]:
        """Where something may have to be sent."""
        columns = (command.c.tenant, command.c.connector, command.c.company)
        query = select(*columns).where(due(now)).distinct()

        async def read(connection: AsyncConnection) -> set[Lane]:
            rows = await connection.execute(query)
            return {Lane(ConnectorId(tenant, name), company) for tenant, name, company in rows}

        return await self.do(read)

    async def overdue(self, now: float, limit: int = 100) -> list[CommandRecord]:
        """Commands that are not under way and that the time has ended, the oldest of them."""
        query = _commands().where(overdue(now))
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
        query = select(command.c.tenant, command.c.connector).where(UNTOLD).distinct()

        async def read(connection: AsyncConnection) -> set[ConnectorId]:
            return {ConnectorId(*row) for row in await connection.execute(query)}

        return await self.do(read)

    async def unacknowledged(self, of: ConnectorId) -> list[CommandRecord]:
        """Commands whose outcome is here, and whose connector was not told so."""
        return await self._records(_commands().where(of_connector(of), UNTOLD))

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
        to_resolve = _counted(text(TO_BE_RESOLVED))

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
        some = select(command.c.number).where(old, kept).limit(_BATCH)
        nothing = dict.fromkeys(("request", "request_key", "outcome", "outcome_key"))

        async def change(connection: AsyncConnection) -> int:
            gone = await connection.execute(
                update(command).where(command.c.number.in_(some)).values(nothing)
            )
            return int(gone.rowcount)

        return await self.in_batches(change)

    async def in_batches(self, change: Callable[[AsyncConnection], Awaitable[int]]) -> int:
        """One transaction after the other, so that others get their turn, until one changes nothing; how many rows."""
        total = 0
        while changed := await self.do(change):
            total += changed
        return total

    async def reencrypt(self) -> int:
        """Encrypt all that was encrypted with another key than the current one; how many values."""
        return await self._reencrypt("request") + await self._reencrypt("outcome")

    async def _reencrypt(self, name: str) -> int:
        """Again from the first command until none is left: others write meanwhile."""
        total = 0
        while changed := await self._reencrypt_all(name):
            total += changed
        return total

    async def _reencrypt_all(self, name: str) -> int:
        after = 0

        async def change(connection: AsyncConnection) -> int:
            nonlocal after
            numbers = await self._reencrypt_some(connection, name, after)
            after = max(numbers, default=after)
            return len(numbers)

        return await self.in_batches(change)

    async def _reencrypt_some(
        self, connection: AsyncConnection, name: str, after: int
    ) -> list[int]:
        """The numbers of the next commands that had another key."""
        data, key = command.c[name], command.c[f"{name}_key"]
        other = and_(data.is_not(None), key != self._keyring.current, command.c.number > after)
        query = select(command.c.number, command.c.id, data, key).where(other)
        query = query.order_by(command.c.number).limit(_BATCH).with_for_update()
        rows = (await connection.execute(query)).all()
        for number, command_id, encrypted, key_id in rows:
            about = _about(command_id, name)
            sealed = self._keyring.seal(self._keyring.open(Sealed(key_id, encrypted), about), about)
            values = {name: sealed.data, f"{name}_key": sealed.key_id}
            await connection.execute(
                update(command).where(command.c.number == number).values(values)
            )
        return [row.number for row in rows]

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
        of_lane(record.lane),
        command.c.idempotency_key == record.idempotency_key,
        command.c.keeps_key,
    )


def _waiting(lane: Lane) -> Select[Any]:
    return select(func.count()).where(of_lane(lane), command.c.finished_at.is_(None))


def _as_read(record: CommandRecord) -> Any:
    """An update that changes the command only if it is as it was read."""
    return update(command).where(
        command.c.id == record.id,
        command.c.state == record.state.value,
        command.c.attempts == record.progress.attempts,
    )


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
