"""The hub's audit: who did what, per tenant. What matters is kept before it is answered, reads a moment later."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence

import structlog

from mostek.hub.identity import Caller
from mostek.hub.store import AuditEntry, AuditKind, AuditStore, StoreError

__all__ = ["FLUSH_EVERY", "Audit"]

log = structlog.get_logger()

#: Seconds that an entry of a read waits for others, at most.
FLUSH_EVERY = 0.5
#: Of so many callers at a moment it is told who was refused.
_COUNTED_APART = 200
#: Seconds between looks at what has reached the end of its retention.
_PURGE_EVERY = 3600.0


class Audit:
    """Entries go to the store at once (`record`) or in batches (`note`).

    Writes to the ERP are not recorded here: the store does that in the transaction that records the command.
    """

    def __init__(
        self,
        store: AuditStore,
        *,
        most: int = 10_000,
        retention: float = 365 * 24 * 3600.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._most = most
        self._retention = retention
        self._clock = clock
        self._noted: list[AuditEntry] = []
        self._lost: Counter[str] = Counter()
        self._counted: Counter[tuple[str, str, str]] = Counter()

    @property
    def waiting(self) -> Sequence[AuditEntry]:
        """The entries that wait to be written."""
        return tuple(self._noted)

    async def record(
        self,
        kind: AuditKind,
        caller: Caller,
        operation: str,
        outcome: str,
        *,
        connector: str = "",
        command_id: str = "",
        detail: str = "",
    ) -> None:
        """Keep an entry: it is in the database when this returns. Raises StoreError: then nothing may be done."""
        entry = AuditEntry(
            at=self._clock(),
            tenant=caller.tenant,
            kind=kind,
            caller=caller.name,
            operation=operation,
            outcome=outcome,
            connector=connector,
            command_id=command_id,
            detail=detail,
        )
        await self._store.add([entry])

    async def refuse(
        self, caller: Caller, operation: str, outcome: str, *, connector: str = "", detail: str = ""
    ) -> None:
        """Keep that somebody was refused. Whoever is refused is so even if it can't be kept: it counts as lost then."""
        try:
            await self.record(
                AuditKind.REFUSAL, caller, operation, outcome, connector=connector, detail=detail
            )
        except StoreError:
            log.warning(
                "a refusal is missing in the audit", tenant=caller.tenant, operation=operation
            )
            self._lost[caller.tenant] += 1

    def note(self, entry: AuditEntry) -> None:
        """Keep an entry within a second. When too many wait already it is only counted."""
        if len(self._noted) < self._most:
            self._noted.append(entry)
        else:
            self._lost[entry.tenant] += 1

    def count(self, caller: Caller, outcome: str) -> None:
        """A call was refused that there may be thousands of, as over a rate: one entry for all of a moment."""
        key = (caller.tenant, caller.name, outcome)
        if key not in self._counted and len(self._counted) >= _COUNTED_APART:
            # Whoever calls from everywhere must not fill the database either.
            key = (caller.tenant, "", outcome)
        self._counted[key] += 1

    async def run(self) -> None:
        """Write what was noted, and forget what is old, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._flush_always(), name="flush audit")
            # Beside it: where much is old it takes longer than there is room for what is noted meanwhile.
            group.create_task(self._purge_always(), name="purge audit")

    async def _flush_always(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_EVERY)
            await self.flush()

    async def _purge_always(self) -> None:
        while True:
            await self._purge()
            await asyncio.sleep(_PURGE_EVERY)

    async def flush(self) -> None:
        """Write what was noted until now. What can't be written waits for the next time, as far as there is room."""
        noted, self._noted = self._noted, []
        lost, self._lost = self._lost, Counter()
        counted, self._counted = self._counted, Counter()
        if not (noted or lost or counted):
            return
        now = self._clock()
        summed = [_counted(now, *key, count) for key, count in counted.items()]
        losses = [_loss(now, tenant, count) for tenant, count in lost.items()]
        try:
            await self._store.add([*noted, *summed, *losses])
        except StoreError:
            log.warning("the audit can't be written now", waiting=len(noted))
            self._keep([*noted, *summed], lost)
        except Exception:
            log.exception("entries of the audit were lost", entries=len(noted) + len(summed))
            self._keep([], lost + Counter(entry.tenant for entry in [*noted, *summed]))

    def _keep(self, entries: list[AuditEntry], lost: Counter[str]) -> None:
        newer, self._noted = self._noted, entries[: self._most]
        self._lost += lost
        for entry in [*entries[self._most :], *newer]:
            self.note(entry)

    async def _purge(self) -> None:
        now = self._clock()
        try:
            await self._store.purge(now - self._retention, now)
        except Exception:
            log.exception("purging the audit failed")


def _loss(now: float, tenant: str, count: int) -> AuditEntry:
    detail = f"{count} entries were lost"
    return AuditEntry(now, tenant, AuditKind.LOSS, "hub", "audit", "lost", detail=detail)


def _counted(now: float, tenant: str, caller: str, outcome: str, count: int) -> AuditEntry:
    detail = f"{count} calls"
    return AuditEntry(now, tenant, AuditKind.REFUSAL, caller, "call", outcome, detail=detail)
