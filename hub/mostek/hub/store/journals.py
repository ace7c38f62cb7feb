"""What the hub knows of the journals at the sites. Methods raise StoreError."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from mostek.hub.store.records import JournalRecord
from mostek.hub.store.store import Store
from mostek.hub.store.tables import journal
from mostek.wire.trust import InstanceId

__all__ = ["JournalStore", "journal_of"]

_SAVE = text(
    "INSERT INTO journal (tenant, connector, instance, number, hash, told_at, fault, fault_at) "
    "VALUES (:tenant, :connector, :instance, :number, :hash, :told_at, :fault, :fault_at) "
    "ON CONFLICT (tenant, connector, instance) DO UPDATE SET number = excluded.number, hash = excluded.hash, "
    "told_at = excluded.told_at, fault = excluded.fault, fault_at = excluded.fault_at, changed = excluded.changed"
)


class JournalStore:
    """One row for each instance that told of its journal."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def all(self) -> list[JournalRecord]:
        """Everything that is known."""

        async def read(connection: AsyncConnection) -> list[JournalRecord]:
            return [journal_of(row) for row in await connection.execute(select(journal))]

        return await self._store.do(read)

    async def save(self, records: Sequence[JournalRecord]) -> None:
        """Keep these in place of what was known of their instances."""
        # In one order for all replicas, so that none waits for another that waits for it.
        rows = [_values(record) for record in sorted(records, key=lambda record: record.of)]

        async def change(connection: AsyncConnection) -> None:
            await connection.execute(_SAVE, rows)

        await self._store.do(change)


def journal_of(row: Row[Any]) -> JournalRecord:
    """The record of a row."""
    return JournalRecord(
        of=InstanceId(row.tenant, row.connector, row.instance),
        number=row.number,
        hash=row.hash,
        told_at=row.told_at,
        fault=row.fault,
        fault_at=row.fault_at,
    )


def _values(record: JournalRecord) -> dict[str, Any]:
    return record.of._asdict() | {
        "number": record.number,
        "hash": record.hash,
        "told_at": record.told_at,
        "fault": record.fault,
        "fault_at": record.fault_at,
    }
