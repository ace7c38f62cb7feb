"""Rows of the table of commands as records, and back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from mostek.hub.commands import KEEPS_KEY, Progress, State
from mostek.hub.identity import ConnectorId
from mostek.hub.store.records import CommandRecord, Lane
from mostek.hub.store.tables import command
from mostek.link.v1.failure_pb2 import FailureKind

__all__ = ["COLUMNS", "progress_values", "record_of", "record_values"]

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
    }
