"""What the hub knows of the journals at the sites. Methods raise StoreError."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, bindparam, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mostek.hub.store.records import JournalRecord
from mostek.hub.store.store import Store
from mostek.hub.store.tables import journal
from mostek.wire.trust import InstanceId

__all__ = ["JournalStore"]

_SAME = and_(*(journal.c[name] == bindparam(f"the_{name}") for name in InstanceId._fields))


class JournalStore:
    """One row for each instance that told of its journal."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def all(self) -> list[JournalRecord]:
        """Everything that is known."""

        async def read(connection: AsyncConnection) -> list[JournalRecord]:
            rows = await connection.execute(select(journal))
            return [
                JournalRecord(
                    of=InstanceId(row.tenant, row.connector, row.instance),
                    number=row.number,
                    hash=row.hash,
                    told_at=row.told_at,
                    fault=row.fault,
                    fault_at=row.fault_at,
                )
                for row in rows
            ]

        return await self._store.do(read)

    async def save(self, records: Sequence[JournalRecord]) -> None:
        """Keep these in place of what was known of their instances."""
        keys = [{f"the_{name}": each for name, each in r.of._asdict().items()} for r in records]
        rows = [_values(record) for record in records]

        async def change(connection: AsyncConnection) -> None:
            await connection.execute(delete(journal).where(_SAME), keys)
            await connection.execute(insert(journal), rows)

        await self._store.do(change)


def _values(record: JournalRecord) -> dict[str, Any]:
    return record.of._asdict() | {
        "number": record.number,
        "hash": record.hash,
        "told_at": record.told_at,
        "fault": record.fault,
        "fault_at": record.fault_at,
    }
