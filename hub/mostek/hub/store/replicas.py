"""What replicas of the hub tell each other through a PostgreSQL database.

Methods of `ReplicaStore` are one transaction each and raise StoreError, as those of `Store`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Double, Row, Select, Table, delete, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from mostek.hub.identity import ConnectorId
from mostek.hub.store.engine import StoreError
from mostek.hub.store.journals import journal_of
from mostek.hub.store.records import JournalRecord, ReplicaRecord, SessionRecord, SessionState
from mostek.hub.store.rows import add_connectors
from mostek.hub.store.store import Store
from mostek.hub.store.tables import connector, journal, replica, session

__all__ = ["Line", "ReplicaStore", "Seen"]

T = TypeVar("T")

_CHANNEL = "mostek"
_NOTIFY = text("SELECT pg_notify('mostek', payload) FROM unnest(CAST(:told AS text[])) AS payload")
#: Transactions that are not seen yet have this number or a later one: who reads from it on again misses none.
_OLDEST_OPEN = text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
_TRANSACTION = text("pg_current_xact_id()::text::bigint")
#: Of the database, seconds since 1970.
_NOW = func.extract("epoch", func.clock_timestamp()).cast(Double)
_BEAT = text(
    "INSERT INTO replica (name, address, beat, sessions) VALUES (:name, :address, 1, :sessions) "
    "ON CONFLICT (name) DO UPDATE SET beat = replica.beat + 1, sessions = excluded.sessions "
    "RETURNING beat = 1 AS fresh, extract(epoch FROM clock_timestamp())::float8 AS now"
)
#: Sessions that one statement is about.
_BATCH = 500
#: Seconds for which it is told that a session has ended; whoever did not look for so long reads everything anew.
_TOLD_FOR = 600


@dataclass(frozen=True)
class Seen:
    """What has changed since `upto` of the look before; at a first look (`whole`) all that there is.

    `connectors`: the status that each told last, serialised, and when.
    """

    upto: int
    whole: bool
    replicas: Sequence[ReplicaRecord]
    sessions: Sequence[SessionRecord]
    connectors: Sequence[tuple[ConnectorId, bytes, float]]
    journals: Sequence[JournalRecord]


class ReplicaStore:
    """Sessions and replicas of a store on PostgreSQL."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def save(
        self,
        arrivals: Iterable[SessionRecord],
        states: Mapping[str, SessionState],
        statuses: Mapping[ConnectorId, bytes],
        at: float,
        *,
        admitted: bool = False,
    ) -> dict[str, list[SessionRecord]]:
        """Add sessions, change the states of others, and tell that; the rivals of those that were not added.

        `statuses`: what connectors serve since a moment: nobody is to know of a session and not of that.

        A rival is an active session of the same instance that another process runs at another replica. `admitted`: add
        sessions although they have some. One that is there already is left as it is.
        """
        wanted = list(arrivals)

        async def change(connection: AsyncConnection) -> dict[str, list[SessionRecord]]:
            await add_connectors(connection, statuses, at)
            rivals: dict[str, list[SessionRecord]] = {}
            for some in _batches(wanted):
                rivals |= {} if admitted else await _rivals(connection, some)
            values = [_values(each) for each in wanted if each.id not in rivals]
            if values:
                await connection.execute(_ADD_SESSION, values)
            for state in SessionState:
                for ids in _batches([name for name, now in states.items() if now is state]):
                    await connection.execute(
                        update(session)
                        .where(session.c.id.in_(ids))
                        .values(state=state.value, changed=_TRANSACTION, told_at=_NOW)
                    )
            await connection.execute(_NOTIFY, {"told": ["registry"]})
            return rivals

        return await self._store.do(change)

    async def notify(self, payloads: Sequence[str]) -> None:
        """Tell all replicas, this one too; it may be lost."""

        async def tell(connection: AsyncConnection) -> None:
            # Nothing is to be kept, so nobody need wait for a disk.
            await connection.execute(text("SET LOCAL synchronous_commit = off"))
            await connection.execute(_NOTIFY, {"told": list(payloads)})

        await self._store.do(tell)

    async def leave(self, name: str) -> None:
        """A replica ends: it and its sessions are gone."""
        await self._store.do(lambda connection: _void(connection, name, None))

    async def bury(self, dead: ReplicaRecord) -> bool:
        """Take a replica for dead, unless it shows life meanwhile; whether it was. Its sessions are void."""
        return await self._store.do(lambda c: _void(c, dead.name, dead.beat))

    @contextlib.asynccontextmanager
    async def line(self, heard: Callable[[str], None], within: float) -> AsyncIterator[Line]:
        """A connection that hears what others tell. Raises StoreError, also if something takes `within` seconds."""
        try:
            async with asyncio.timeout(within):
                connection = await self._store.connect()
        except TimeoutError:
            raise StoreError("The database does not answer.") from None
        try:
            async with asyncio.timeout(within):
                raw = (await connection.get_raw_connection()).driver_connection
                assert raw is not None
                await raw.add_listener(_CHANNEL, lambda *told: heard(told[-1]))
            yield Line(connection, within)
        except (DBAPIError, OSError, TimeoutError) as error:
            raise StoreError(f"The database can't be used: {type(error).__name__}") from error
        finally:
            # Not back into the pool: it listens.
            await connection.invalidate()
            await connection.close()


class Line:
    """One replica's own connection, for what must not wait behind its calls. To be used by one coroutine at a time."""

    def __init__(self, connection: AsyncConnection, within: float) -> None:
        self._connection = connection
        self._within = within

    async def beat(self, me: ReplicaRecord) -> tuple[bool, float]:
        """Show life; whether this replica was not known (any more), and the database's time, seconds since 1970."""
        values = {"name": me.name, "address": me.address, "sessions": me.sessions}
        async with asyncio.timeout(self._within):
            row = (await self._connection.execute(_BEAT, values)).one()
        return row.fresh, row.now

    async def look(self, since: int) -> Seen:
        """What has changed; `since` 0: everything."""
        async with asyncio.timeout(self._within):
            upto = (await self._connection.execute(_OLDEST_OPEN)).scalar_one()
            # Numbers that went back are of another server: a backup, say.
            since = since if since <= upto else 0
            replicas = await self._connection.execute(select(replica))
            sessions = await self._connection.execute(_sessions(since))
            connectors = await self._connection.execute(_since(connector, since))
            journals = await self._connection.execute(_since(journal, since))
        return Seen(
            upto,
            since == 0,
            [
                ReplicaRecord(r.name, r.address, r.sessions, r.beat, r.since)
                for r in replicas.fetchall()
            ],
            [_record(row) for row in sessions.fetchall()],
            [(ConnectorId(r.tenant, r.name), r.status, r.changed_at) for r in connectors],
            [journal_of(row) for row in journals],
        )

    async def tidy(self) -> None:
        """Forget sessions that ended long ago, and those of replicas that are dead."""
        ended = session.c.state == SessionState.ENDED.value
        old = session.c.told_at < _NOW - _TOLD_FOR
        dead = session.c.replica.not_in(select(replica.c.name))
        async with asyncio.timeout(self._within):
            await self._connection.execute(delete(session).where((ended & old) | dead))


_ADD_SESSION = insert(session).on_conflict_do_nothing(index_elements=["id"])


def _batches(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """A statement has so many parameters and not more."""
    for start in range(0, len(rows), _BATCH):
        yield rows[start : start + _BATCH]


def _sessions(since: int) -> Select[Any]:
    if since:
        return _since(session, since)
    return select(session).where(session.c.state != SessionState.ENDED.value)


def _since(table: Table, since: int) -> Select[Any]:
    return select(table).where(table.c.changed >= since)


async def _rivals(
    connection: AsyncConnection, wanted: Sequence[SessionRecord]
) -> dict[str, list[SessionRecord]]:
    """By the id of the session that they are rivals of."""
    asking = [each for each in wanted if each.process]
    if not asking:
        return {}
    instance = tuple_(session.c.tenant, session.c.connector, session.c.instance)
    known = await connection.execute(
        select(session).where(
            instance.in_([(*each.of, each.instance) for each in asking]),
            session.c.state == SessionState.ACTIVE.value,
            session.c.process != "",
            session.c.replica.in_(select(replica.c.name)),
        )
    )
    rivals: dict[str, list[SessionRecord]] = {}
    records = [_record(row) for row in known]
    for each in asking:
        for other in records:
            same = (other.of, other.instance) == (each.of, each.instance)
            if same and other.process != each.process and other.replica != each.replica:
                rivals.setdefault(each.id, []).append(other)
    return rivals


async def _void(connection: AsyncConnection, name: str, beat: int | None) -> bool:
    gone = delete(replica).where(replica.c.name == name)
    if beat is not None:
        gone = gone.where(replica.c.beat == beat)
    if not (await connection.execute(gone)).rowcount:
        return False
    await connection.execute(delete(session).where(session.c.replica == name))
    await connection.execute(_NOTIFY, {"told": ["registry"]})
    return True


def _record(row: Row[Any]) -> SessionRecord:
    return SessionRecord(
        id=row.id,
        of=ConnectorId(row.tenant, row.connector),
        instance=row.instance,
        process=row.process,
        replica=row.replica,
        software=row.software,
        slots=row.slots,
        connected_at=row.connected_at,
        state=SessionState(row.state),
        number=row.number,
    )


def _values(record: SessionRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "tenant": record.of.tenant,
        "connector": record.of.name,
        "instance": record.instance,
        "process": record.process,
        "replica": record.replica,
        "software": record.software,
        "slots": record.slots,
        "connected_at": record.connected_at,
        "state": record.state.value,
    }
