"""The metrics port, for those who run the hub: metrics, probes, the level of the log. It shows no data of tenants."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.metadata import version

import structlog
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from mostek.hub.http.probes import livez, readyz
from mostek.hub.metrics import Snapshot
from mostek.hub.pki.tls import Tls
from mostek.hub.registry import Registry
from mostek.hub.replica import Replica
from mostek.hub.session import LiveSession, is_outdated
from mostek.hub.store import Backlog, Store, StoreError
from mostek.wire.logs import LEVELS, set_level
from mostek.wire.session import Budget

__all__ = ["Monitor"]

log = structlog.get_logger()

#: Seconds between looks at the durable commands: the database is not asked by each scrape.
BACKLOG_EVERY = 15.0

_Value = tuple[str, tuple[str, ...], float]


class Monitor:
    """Tells how the hub is. `run` must run for the numbers of durable commands."""

    def __init__(
        self,
        registry: Registry,
        budget: Budget,
        store: Store,
        tls: Tls | None,
        replica: Replica,
        *,
        ready: Callable[[], bool],
        by_connector: bool,
    ) -> None:
        self._registry = registry
        self._budget = budget
        self._store = store
        self._tls = tls
        self._replica = replica
        self._ready = ready
        self.by_connector = by_connector
        self._backlog: Backlog | None = None

    async def run(self) -> None:
        """Read the numbers of durable commands again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(BACKLOG_EVERY)

    async def look(self) -> None:
        """Read them now; while the database is away the old ones stay."""
        try:
            self._backlog = await self._store.backlog(time.time())
        except StoreError as error:
            log.warning("durable commands can't be counted now", reason=str(error))

    def app(self) -> Starlette:
        """`/metrics`, `/livez`, `/readyz`, `/log-level`."""
        return Starlette(
            routes=[
                Route("/metrics", self._metrics),
                Route("/livez", livez),
                Route("/readyz", readyz(self._ready)),
                Route("/log-level", _set_log_level, methods=["PUT"]),
            ]
        )

    async def _metrics(self, _: Request) -> Response:
        # Taken here, where the sessions are; written elsewhere, because that takes as long as dozens of calls.
        text = await asyncio.to_thread(generate_latest, self.snapshot())
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    def snapshot(self) -> Snapshot:
        """How things are now."""
        values = [*self._process(), *self._sites(), *self._commands(), *self._certificates()]
        if self.by_connector:
            values += self._connectors()
        return Snapshot(values)

    def _process(self) -> Iterator[_Value]:
        yield "mostek_hub_info", (version("mostek"),), 1
        yield "mostek_hub_ready", (), self._ready()
        yield "mostek_hub_replicas", (), self._replica.count
        yield "mostek_hub_may_write", (), self._replica.may_write
        yield "mostek_hub_result_budget_bytes", (), self._budget.total
        yield "mostek_hub_result_held_bytes", (), self._budget.used

    def _sites(self) -> Iterator[_Value]:
        sessions = self._registry.sessions()
        states = Counter(map(_state, sessions))
        for state in ("active", "suspect", "leaving"):
            yield "mostek_hub_sessions", (state,), states[state]
        free = sum(live.rules.free_slots for live in sessions)
        yield "mostek_hub_slots", ("free",), free
        yield "mostek_hub_slots", ("taken",), sum(live.rules.taken_slots for live in sessions)
        now = time.monotonic()
        silent = max((now - live.rules.heard_at for live in sessions), default=0.0)
        yield "mostek_hub_heartbeat_age_max_seconds", (), silent
        online = [record for record in self._registry.records() if record.online]
        offline = len(self._registry.records()) - len(online)
        yield "mostek_hub_connectors", ("online",), len(online)
        yield "mostek_hub_connectors", ("offline",), offline
        outdated = {live.connector for live in sessions if is_outdated(live.software)}
        yield "mostek_hub_connectors_outdated", (), len(outdated)
        drifted = Counter(bool(one.drift) for record in online for one in record.status.companies)
        yield "mostek_hub_companies", ("as_expected",), drifted[False]
        yield "mostek_hub_companies", ("drifted",), drifted[True]

    def _commands(self) -> Iterator[_Value]:
        backlog = self._backlog
        if backlog is None:
            return
        for state, count in backlog.waiting.items():
            yield "mostek_hub_commands", (state,), count
        for state, count in backlog.to_resolve.items():
            yield "mostek_hub_commands_to_resolve", (state,), count
        age = max(backlog.read_at - backlog.oldest_at, 0.0) if backlog.oldest_at else 0.0
        yield "mostek_hub_command_oldest_seconds", (), age
        yield "mostek_hub_backlog_read_timestamp_seconds", (), backlog.read_at

    def _certificates(self) -> Iterator[_Value]:
        if self._tls is None:
            return
        yield (
            "mostek_hub_server_certificate_expiry_timestamp_seconds",
            (),
            self._tls.api_expires_at.timestamp(),
        )
        ends = [live.held.expires_at for live in self._registry.sessions() if live.held]
        if ends:
            yield "mostek_hub_connector_certificate_expiry_min_timestamp_seconds", (), min(ends)

    def _connectors(self) -> Iterator[_Value]:
        for record in self._registry.records():
            labels = (record.id.tenant, record.id.name)
            yield "mostek_hub_connector_up", labels, record.online
            changed = record.changed_at.timestamp()
            yield "mostek_hub_connector_changed_timestamp_seconds", labels, changed


def _state(session: LiveSession) -> str:
    if session.rules.leaving:
        return "leaving"
    return "suspect" if session.rules.suspect else "active"


async def _set_log_level(http: Request) -> Response:
    level = (await http.body()).decode(errors="replace").strip()
    if level not in LEVELS:
        return PlainTextResponse(f"the level is one of {', '.join(LEVELS)}\n", 400)
    set_level(level)
    log.warning("the level of the log was changed", level=level)
    return PlainTextResponse(f"{level}\n")
