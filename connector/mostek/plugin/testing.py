"""For a plugin's tests: a context to call operations with, and what statements were sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from mostek.plugin.database import Database
from mostek.plugin.plugin import Context
from mostek.plugin.sql_types import Param

__all__ = ["Sent", "context", "recorded"]

#: Statements as they were sent, with their parameters.
Sent = list[tuple[str, Sequence[Param]]]


def context(
    operation: str = "ListCustomers",
    *,
    company: str = "demo",
    denied: frozenset[str] = frozenset(),
    timeout: float = 30.0,
    idempotency_key: str = "",
) -> Context:
    """A running command."""
    return Context(
        operation=operation,
        company=company,
        command_id="test",
        caller="test",
        denied=denied,
        timeout=timeout,
        idempotency_key=idempotency_key,
    )


@contextmanager
def recorded(database: Database) -> Iterator[Sent]:
    """Within the block, every statement that the database is sent is added to the list."""
    sent: Sent = []
    before, database.observer = database.observer, lambda sql, params: sent.append((sql, params))
    try:
        yield sent
    finally:
        database.observer = before
