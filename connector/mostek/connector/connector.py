"""The connector's composition root: builds everything in the order of need and runs it in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
import uuid
from collections.abc import AsyncIterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import structlog

from mostek.connector import metrics
from mostek.connector.companies import Company
from mostek.connector.config import Config
from mostek.connector.identity import Identity, IdentityError
from mostek.connector.journal import Journal
from mostek.connector.link import Backoff, Link
from mostek.connector.outcomes import OutcomeStore
from mostek.connector.policy import Policy
from mostek.connector.renewal import Renewal
from mostek.connector.rows import RowCount
from mostek.connector.runner import Runner
from mostek.link.v1.link_pb2 import Hello, Status
from mostek.wire.session import DENIED_FIELDS, DURABLE, REQUEST_CREDIT, REVISION
from mostek.wire.tracing import CONNECTOR, Tracing

__all__ = ["Connector", "policy_of"]

log = structlog.get_logger()

#: Seconds between looks at the ERPs.
LOOK_EVERY = 30.0


class Connector:
    """The connector as an object: `async with Connector(config, companies).running(): …`."""

    def __init__(
        self, config: Config, companies: Sequence[Company], backoff: Backoff | None = None
    ) -> None:
        self.config = config
        self.companies = companies
        self.policy = policy_of(config, companies)
        self._backoff = backoff
        #: Once it runs.
        self.journal: Journal
        self._process = secrets.token_hex(8)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Link]:
        """Stay connected until the block ends; then let running commands finish.

        Raises StateInUse, IdentityError, SiteKeyError, TracingError, OSError: the port of the metrics is taken.
        """
        at = self.config.metrics.address
        with metrics.shown(*at) if at else contextlib.nullcontext():
            async with self._traced() as tracing, self._connected(tracing) as link:
                yield link

    @contextlib.asynccontextmanager
    async def _traced(self) -> AsyncIterator[Tracing | None]:
        """What exports spans; None: nothing does, because the site does not ask for it."""
        endpoint = self.config.telemetry.otlp
        if endpoint is None:
            yield None
            return
        about = {"service.version": version("mostek"), CONNECTOR: self.config.connector.name}
        tracing = Tracing.opened(endpoint, "mostek-connector", about)
        try:
            yield tracing
        finally:
            await asyncio.to_thread(tracing.close)

    @contextlib.asynccontextmanager
    async def _connected(self, tracing: Tracing | None) -> AsyncIterator[Link]:
        settings, hub = self.config.connector, self.config.hub
        renewal = None if hub.insecure else _renewal(self.config)
        settings.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        outcomes = OutcomeStore.open(settings.state / "outcomes.sqlite")
        self.journal = Journal.open(settings.state, self.config.journal, self._about())
        runner = Runner(
            self.companies,
            self.policy,
            outcomes,
            RowCount.open(settings.state / "rows.sqlite"),
            self.journal,
            threads=settings.threads,
            write_timeout=settings.write_timeout,
            tracing=tracing,
        )
        instance = (
            renewal.identity.id.instance if renewal else _instance(settings.state / "instance")
        )
        await self._look()
        link = Link(
            hub.link,
            lambda: self._hello(instance),
            runner,
            self.journal,
            proxy=hub.proxy.get_secret_value(),
            backoff=self._backoff,
            credentials=renewal.credentials if renewal else None,
        )
        dialling = asyncio.create_task(link.run(), name="link")
        renewing = asyncio.create_task(renewal.run(link), name="renewal") if renewal else None
        watching = asyncio.create_task(self._watch(link), name="watch companies")
        left = {"certificate_days_left": renewal.days_left} if renewal else {}
        log.info("connector started", connector=settings.name, hub=hub.link, **left)
        try:
            yield link
        finally:
            watching.cancel()
            dialling.cancel()
            if renewing is not None:
                renewing.cancel()
            await link.stop(settings.stop_grace)
            runner.close()
            for company in self.companies:
                company.plugin.close()
            log.info("connector stopped")

    async def _look(self) -> None:
        await asyncio.gather(*(asyncio.to_thread(company.look) for company in self.companies))

    async def _watch(self, link: Link) -> None:
        """Tell the hub when an ERP came back, was updated or lost a column."""
        told = self.status()
        while True:
            await asyncio.sleep(LOOK_EVERY)
            await self._look()
            if (status := self.status()) != told:
                log.info("what is served has changed")
                link.status(status)
                told = status

    def status(self) -> Status:
        """What is served now."""
        return Status(
            companies=[company.status(self.policy) for company in self.companies],
            configuration=self._configuration(),
        )

    def _configuration(self) -> str:
        """What changes when the configuration does."""
        dump = self.config.model_dump_json(exclude={"companies": True, "hub": True})
        return hashlib.sha256(dump.encode()).hexdigest()[:12]

    def _about(self) -> dict[str, Any]:
        """What the journal says of a process: what could leave by its policy."""
        return {
            "software": version("mostek"),
            "configuration": self._configuration(),
            "policy": self.config.policy.model_dump(mode="json"),
        }

    def _hello(self, instance: str) -> Hello:
        return Hello(
            revision=REVISION,
            capabilities=[DURABLE, REQUEST_CREDIT, DENIED_FIELDS],
            connector=self.config.connector.name,
            instance=instance,
            software=version("mostek"),
            slots=self.config.connector.slots,
            status=self.status(),
            process=self._process,
        )


def policy_of(config: Config, companies: Sequence[Company]) -> Policy:
    """The site's policy, in the time zones of its companies."""
    return Policy(config.policy, {company.name: company.plugin.site.zone for company in companies})


def _renewal(config: Config) -> Renewal:
    """With what enrolment left. Raises IdentityError."""
    hub = config.hub
    assert hub.identity is not None
    assert hub.ca is not None
    identity = Identity.load(hub.identity)
    if identity.id.connector != config.connector.name:
        raise IdentityError(
            f"connector.name is {config.connector.name!r}, and the certificate in {hub.identity} is for "
            f"{identity.id.connector!r}: set the name to that, or enrol as the other."
        )
    try:
        authorities = hub.ca.read_bytes()
    except OSError as error:
        raise IdentityError(f"{hub.ca} can't be read ({error.strerror}); enrol again.") from None
    return Renewal(hub, identity, authorities)


def _instance(file: Path) -> str:
    """The identity of an installation without a certificate, made once."""
    if not file.exists():
        file.write_text(uuid.uuid4().hex, encoding="ascii")
    return file.read_text(encoding="ascii").strip()
