"""Rows as records, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from itertools import islice
from typing import Any

from sqlalchemy import Row, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from mostek.hub.commands import KEEPS_KEY, Progress, State
from mostek.hub.identity import ConnectorId, Reach, Scope
from mostek.hub.keys import ApiKey
from mostek.hub.store.records import AuditEntry, AuditKind, CommandRecord, Lane
from mostek.hub.store.tables import audit, command
from mostek.link.v1.failure_pb2 import FailureKind

__all__ = [
    "COLUMNS",
    "add_connectors",
    "add_entries",
    "entry_of",
    "key_of",
    "key_values",
    "progress_values",
    "record_of",
    "record_values",
]

#: All but the payloads, which can be large.
COLUMNS = [
    column
    for column in command.c
    if column.name not in ("request", "request_key", "outcome", "outcome_key")
]


def record_of(row: Row[Any]) -> CommandRecord:
    """The record of a row of COLUMNS."""
    return CommandRecord(
        id=row.id,
        lane=Lane(ConnectorId(row.tenant, row.connector), row.company),
        operation=row.operation,
        caller=row.caller,
        idempotency_key=row.idempotency_key,
        content=row.content,
        progress=Progress(
            state=State(row.state),
            due_at=row.due_at,
            expires_at=row.expires_at,
            attempts=row.attempts,
            kind=FailureKind.ValueType(row.kind),
            finished_at=row.finished_at,
            holder=row.replica or "",
        ),
        recorded_at=row.recorded_at,
        expire_after=row.expire_after,
        ordering_key=row.ordering_key,
        acknowledged_at=row.acknowledged_at,
        erp_id=row.erp_id or "",
        erp_number=row.erp_number or "",
        number=row.number,
    )


def record_values(record: CommandRecord) -> dict[str, Any]:
    """The columns of a new command."""
    return {
        "id": record.id,
        "tenant": record.lane.connector.tenant,
        "connector": record.lane.connector.name,
        "company": record.lane.company,
        "operation": record.operation,
        "caller": record.caller,
        "idempotency_key": record.idempotency_key,
        "content": record.content,
        "ordering_key": record.ordering_key,
        "recorded_at": record.recorded_at,
        "expire_after": record.expire_after,
    } | progress_values(record.progress)


def progress_values(progress: Progress) -> dict[str, Any]:
    """The columns that change as a command moves on."""
    return {
        "state": progress.state.value,
        "keeps_key": progress.state in KEEPS_KEY,
        "attempts": progress.attempts,
        "kind": int(progress.kind),
        "due_at": progress.due_at,
        "expires_at": progress.expires_at,
        "finished_at": progress.finished_at,
        "replica": progress.holder or None,
    }


def key_of(row: Row[Any]) -> ApiKey:
    """The key of a row, its hash included."""
    reach = {name: tuple(given) for name, given in json.loads(row.reach).items()}
    return ApiKey(
        id=row.id,
        tenant=row.tenant,
        name=row.name,
        scopes=frozenset(map(Scope, row.scopes.split())),
        reach=Reach(**reach),
        made_at=row.made_at,
        made_by=row.made_by,
        hash=row.hash,
        expires_at=row.expires_at,
        rate=row.rate,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )


def key_values(key: ApiKey) -> dict[str, Any]:
    """The columns of a new key."""
    values = {name: getattr(key, name) for name in ("id", "tenant", "name", "hash", "made_at")}
    return values | {
        "scopes": " ".join(sorted(key.scopes)),
        "reach": json.dumps(asdict(key.reach)),
        "made_by": key.made_by,
        "expires_at": key.expires_at,
        "rate": key.rate,
    }


_SAVE_CONNECTOR = text(
    "INSERT INTO connector (tenant, name, status, changed_at) VALUES (:tenant, :name, :status, :changed_at) "
    "ON CONFLICT (tenant, name) DO UPDATE SET status = excluded.status, changed_at = excluded.changed_at, "
    "changed = excluded.changed"
)


async def add_connectors(
    connection: AsyncConnection, statuses: Mapping[ConnectorId, bytes], at: float
) -> None:
    """Keep what connectors serve."""
    # In one order for all replicas, so that none waits for another that waits for it.
    rows = [
        of._asdict() | {"status": status, "changed_at": at}
        for of, status in sorted(statuses.items())
    ]
    if rows:
        await connection.execute(_SAVE_CONNECTOR, rows)


#: Entries that are made ready at once: while that goes on nobody else has the loop.
_BATCH = 250
#: Longest text of a detail; callers make some of it up.
_DETAIL = 500


async def add_entries(connection: AsyncConnection, entries: Iterable[AuditEntry]) -> None:
    """Add to the audit, in the transaction of what it tells of."""
    rest = iter(entries)
    while some := [_entry_values(entry) for entry in islice(rest, _BATCH)]:
        await connection.execute(insert(audit), some)


def _entry_values(entry: AuditEntry) -> dict[str, Any]:
    return {
        "at": entry.at,
        "tenant": entry.tenant,
        "kind": entry.kind.value,
        "caller": _short(entry.caller, 200),
        "operation": _short(entry.operation, 100),
        "connector": _short(entry.connector, 63),
        "company": _short(entry.company, 63),
        "command": _short(entry.command_id, 32),
        "outcome": _short(entry.outcome, 32),
        "detail": _short(entry.detail, _DETAIL),
    }


def _short(text: str, most: int) -> str:
    """What fits the column: some of it is as callers wrote it, and PostgreSQL refuses NUL."""
    if len(text) > most:
        text = text[:most]
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def entry_of(row: Row[Any]) -> AuditEntry:
    """The entry of a row."""
    return AuditEntry(
        at=row.at,
        tenant=row.tenant,
        kind=AuditKind(row.kind),
        caller=row.caller,
        operation=row.operation,
        outcome=row.outcome,
        connector=row.connector,
        company=row.company,
        command_id=row.command,
        detail=row.detail,
        number=row.number,
    )
