"""Runs commands: finds the company and its plugin, keeps to the policy, and turns whatever happens into a result."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import NoReturn, ParamSpec, TypeVar

import structlog
from google.protobuf.message import Message

from mostek.connector import metrics
from mostek.connector.companies import Company
from mostek.connector.journal import Journal, NotJournaled, Trace
from mostek.connector.outcomes import KEEP_RESPONSES, OutcomeStore
from mostek.connector.policy import Policy, is_list, rows_of
from mostek.connector.rows import RowCount
from mostek.link.v1.link_pb2 import Command
from mostek.plugin.plugin import Context
from mostek.wire.crash import crash_point
from mostek.wire.failures import (
    CommandFailure,
    Conflict,
    Denied,
    Internal,
    Invalid,
    Locked,
    NotFound,
    Overloaded,
    Rejected,
    UnknownOutcome,
    Unsupported,
)
from mostek.wire.operations import Operation, operation
from mostek.wire.rules import parse
from mostek.wire.spans import seconds_of
from mostek.wire.tracing import (
    CALLER,
    COMMAND,
    COMPANY,
    OPERATION,
    OUTCOME,
    ROWS,
    SESSION,
    Span,
    Tracing,
    traceparent_of,
)
from mostek.wire.writes import content_of, erp_names

__all__ = ["Runner"]

log = structlog.get_logger()

P = ParamSpec("P")
R = TypeVar("R")

#: Pages of more rows than this are large, and so many of them are made at once. One interpreter converts the rows: more
#: would not be faster, and would keep small commands waiting for a thread, a connection and the interpreter.
LARGE_PAGE = 200
LARGE_AT_ONCE = 1
#: Seconds after the time of a write is up until it is taken for one that does not end, and when to ask again then.
HANGS_AFTER = 30.0
_LOOK_AFTER = 30.0
#: Takes a command's id and its end.
Answer = Callable[[str, bytes | CommandFailure], Awaitable[None]]
#: Gives a response back, or the failure that it is if it can't be sent.
Fit = Callable[[bytes], bytes | CommandFailure]
#: A write that fails so has looked for its document in the ERP first, and not found it.
_LOOKED = (Conflict, Invalid, NotFound, Rejected)


@dataclass(frozen=True)
class _Job:
    """A command with all that it names looked up."""

    command: Command
    operation: Operation
    company: Company
    request: Message
    context: Context
    #: Rows that the policy lets leave with the response, at most.
    most: int
    begun: Callable[[], None]
    trace: Trace

    @property
    def large(self) -> bool:
        """Whether it reads a large page."""
        return getattr(self.request, "page_size", 0) > LARGE_PAGE


class Runner:
    """Executes commands in a bounded number of threads; writes of a company one at a time, each key once."""

    def __init__(
        self,
        companies: Sequence[Company],
        policy: Policy,
        outcomes: OutcomeStore,
        rows: RowCount,
        journal: Journal,
        *,
        threads: int,
        write_timeout: float,
        tracing: Tracing | None = None,
    ) -> None:
        self._companies = {company.name: company for company in companies}
        self._policy = policy
        self._outcomes = outcomes
        self._rows = rows
        self._journal = journal
        self._write_timeout = write_timeout
        self._tracing = tracing
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="command")
        self._pages = ThreadPoolExecutor(LARGE_AT_ONCE, thread_name_prefix="page")
        # The store belongs to one thread, and must not wait behind commands.
        self._store_thread = ThreadPoolExecutor(1, thread_name_prefix="outcomes")
        self._contexts: dict[str, Context] = {}

    async def run(
        self,
        command: Command,
        request: bytes,
        answer: Answer,
        begun: Callable[[], None] = lambda: None,
        fit: Fit = lambda response: response,
        session_id: str = "",
    ) -> None:
        """Give the response or the failure to `answer`, once the journal has it: a command that fails in any way still
        has a result.

        `begun` is called, in the event loop, when a write can't be cancelled any more.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        trace = Trace(command, session_id=session_id)
        if self._tracing is not None:
            trace.span = self._tracing.begin(
                command.operation, traceparent_of(command.traceparent), _about(trace)
            )
        try:
            with metrics.running():
                end: bytes | CommandFailure = fit(await self._run(trace, request, begun))
        except CommandFailure as failure:
            end = failure
        except Exception:
            # The edge to foreign code: whatever a plugin raises ends here, told in the log and not to the caller.
            log.exception("command crashed", **trace.names())
            end = Internal("The plugin failed unexpectedly; the connector's log says why.")
        trace.end, trace.seconds = end, loop.time() - started
        end, seconds = await self._journaled(trace), trace.seconds
        metrics.ended(command, end, seconds)
        if trace.span is not None:
            _end_span(trace.span, trace, end)
        if isinstance(end, bytes):
            await answer(command.command_id, end)
            self._log(trace, "ok")
            return
        self._log(trace, type(end).__name__, end.message, end.erp_text)
        self._policy.mute(end)
        await answer(command.command_id, end)

    async def _journaled(self, trace: Trace) -> bytes | CommandFailure:
        """The command's end, once it is on the site's disk. A response that can't be recorded does not leave."""
        if isinstance(trace.end, NotJournaled):
            return trace.end
        try:
            await self._journal.commit(trace)
        except NotJournaled as failure:
            if not isinstance(trace.end, bytes):
                return trace.end
            return _untold(failure) if trace.command.idempotency_key else failure
        return trace.end

    def cancel(self, command_id: str) -> None:
        """Stop a read, or a write that has not begun; one that has is finished."""
        context = self._contexts.get(command_id)
        if context is not None:
            context.cancel()

    def abandon(self, command_id: str) -> None:
        """Nobody can be told the result: stop a read. A write goes on, its outcome is asked for again."""
        context = self._contexts.get(command_id)
        if context is not None and not context.idempotency_key:
            context.cancel()

    def tick(self) -> None:
        """Call about twice a second: stops the reads whose time is up. The hub asks for that too, if it still can."""
        for context in list(self._contexts.values()):
            if not context.idempotency_key and not context.remaining():
                context.cancel()

    async def acknowledge(self, company: str, key: str) -> None:
        """The hub has the outcome of a write. What can't be kept of that it tells again."""
        with contextlib.suppress(Overloaded):
            await self._store(self._outcomes.acknowledge, company, key)
            crash_point("connector-acknowledged")
            await self._store(self._outcomes.forget_responses, time.time() - KEEP_RESPONSES)

    def close(self) -> None:
        """Let the threads end when their commands have."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._pages.shutdown(wait=False, cancel_futures=True)
        self._store_thread.shutdown(wait=True)
        self._outcomes.close()
        self._rows.close()
        self._journal.close()

    async def _run(self, trace: Trace, request: bytes, begun: Callable[[], None]) -> bytes:
        command = trace.command
        try:
            job = self._job(trace, request, begun)
        except Denied as refusal:
            raise await self._refused(command, refusal) from None
        self._contexts[command.command_id] = job.context
        try:
            if job.operation.write:
                return await self._write(job)
            self._journal.check()
            return await self._read(job)
        finally:
            # The same command may have come once more, in a newer session.
            if self._contexts.get(command.command_id) is job.context:
                del self._contexts[command.command_id]

    def _job(self, trace: Trace, request: bytes, begun: Callable[[], None]) -> _Job:
        command = trace.command
        wanted = operation(command.operation)
        company = self._company(command.company)
        trace.company = company.name
        policy = self._policy.of(company.name)
        policy.check(wanted, command.caller)
        if wanted.name not in company.plugin.serves:
            raise Unsupported(
                f"{company.plugin.erp or company.plugin_name} does not serve {wanted.name}."
            )
        if wanted.write and not command.idempotency_key:
            raise Invalid.of("idempotency-key", f"{wanted.name} needs one")
        context = Context(
            operation=wanted.name,
            company=company.name,
            command_id=command.command_id,
            caller=command.caller,
            idempotency_key=command.idempotency_key if wanted.write else "",
            timeout=seconds_of(command.timeout),
            denied=policy.fields(command.denied_fields),
            span=trace.span,
        )
        trace.request = asked = parse(wanted.request, request)
        context.denied.check(asked, write=wanted.write, by="the site's policy")
        most = policy.limit(wanted, asked)
        return _Job(command, wanted, company, asked, context, most, begun, trace)

    async def _refused(self, command: Command, refusal: Denied) -> CommandFailure:
        """The failure of a command that the policy does not allow: of a write, it may have been allowed before."""
        company, key = self._company(command.company), command.idempotency_key
        if not operation(command.operation).write or not key:
            return refusal
        if await self._store(self._outcomes.find, company.name, key) is None:
            return refusal
        return UnknownOutcome(
            f"{refusal.message} An earlier attempt with this idempotency key was begun when it was allowed, and may "
            "have written: look for its document in the ERP."
        )

    def _company(self, name: str) -> Company:
        if not name and len(self._companies) == 1:
            return next(iter(self._companies.values()))
        company = self._companies.get(name)
        if company is None:
            names = ", ".join(self._companies)
            raise NotFound(f"No company {name!r} here; this connector serves {names}.")
        return company

    async def _read(self, job: _Job) -> bytes:
        """Read what the day's rows allow: counted before, and again when it is known how many leave."""
        policy = self._policy.of(job.company.name)
        limit = policy.config.day_rows
        if limit is None or not job.most:
            return await self._execute(job)
        company, day = job.company.name, policy.today()
        taken = await self._store(self._rows.take, company, day, job.most, limit)
        if not taken:
            raise policy.spent()
        if taken < job.most:
            job.request.page_size = taken  # type: ignore[attr-defined]
        try:
            return await self._execute(replace(job, most=taken))
        finally:
            with contextlib.suppress(Overloaded):
                # What can't be given back stays counted.
                await self._store(self._rows.give_back, company, day, taken - job.trace.rows)

    async def _execute(self, job: _Job) -> bytes:
        """Let the plugin do it, and keep back what the policy keeps back."""
        job.context.check()
        plugin, name = job.company.plugin, job.operation.name
        if name in plugin.in_loop:
            self._begin(job)
            method = getattr(plugin, job.operation.method)
            return self._encoded(job, await method(job.request, job.context))
        loop = asyncio.get_running_loop()
        threads = self._pages if job.large else self._threads
        return await self._in_thread(threads, self._call, job, loop)

    def _call(self, job: _Job, loop: asyncio.AbstractEventLoop) -> bytes:
        # Commands wait for a thread; what nobody waits for any more is not begun.
        job.context.check()
        job.company.open()
        self._begin(job, loop)
        plugin = job.company.plugin
        return self._encoded(job, plugin.call(job.operation.name, job.request, job.context))

    def _encoded(self, job: _Job, response: Message) -> bytes:
        """What may leave of the response; in the thread that made it, because a page of it takes long."""
        if type(response) is not job.operation.response:
            raise TypeError(f"{job.operation.name} returned {type(response).__name__}")
        if is_list(job.operation) and rows_of(job.operation, response) > job.most:
            raise ValueError(f"{job.operation.name} returned more rows than were asked for")
        return self._pruned(job, response)

    def _pruned(self, job: _Job, response: Message) -> bytes:
        job.trace.rows = rows_of(job.operation, response)
        self._policy.of(job.company.name).prune(response, job.context.denied, job.request)
        data: bytes = response.SerializeToString()
        return data

    def _repeated(self, job: _Job, response: bytes) -> bytes:
        """A response that was kept: the policy may deny more than it did then."""
        kept = job.operation.response.FromString(response)
        # Of what another version of the connector kept, it can't be told whether it may leave.
        kept.DiscardUnknownFields()
        return self._pruned(job, kept)

    def _begin(self, job: _Job, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """The last moment at which a write can expire or be cancelled."""
        if not job.operation.write:
            return
        job.context.begin(self._write_timeout)
        if loop is None:
            job.begun()
        else:
            loop.call_soon_threadsafe(job.begun)

    async def _write(self, job: _Job) -> bytes:
        """Have the effect once: the first outcome of a key is its outcome."""
        crash_point("connector-received")
        if job.company.stuck:
            raise Locked(
                f"An earlier write to {job.company.name} has not ended in the ERP. Until it has, or the connector is "
                "restarted, nothing is written there.",
                retry_after=_LOOK_AFTER,
            )
        began = asyncio.Event()

        def begun() -> None:
            began.set()
            job.begun()

        work = asyncio.create_task(self._write_alone(replace(job, begun=begun)))
        beginning = asyncio.create_task(began.wait())
        await asyncio.wait({work, beginning}, return_when=asyncio.FIRST_COMPLETED)
        beginning.cancel()
        await asyncio.wait({work}, timeout=job.context.remaining() + HANGS_AFTER)
        if not work.done():
            self._give_up(job, work)
        return work.result()

    def _give_up(self, job: _Job, work: asyncio.Task[bytes]) -> NoReturn:
        """The plugin hangs: nobody can end its thread, and nothing else is written while it may still commit."""
        log.error("a write does not end", **job.trace.names())
        job.company.stuck = True

        def ended(work: asyncio.Task[bytes]) -> None:
            job.company.stuck = False
            if not work.cancelled():
                failure = str(work.exception() or "none")
                log.warning("a write has ended late", failure=failure, **job.trace.names())

        work.add_done_callback(ended)
        raise UnknownOutcome(
            "The ERP did not end the write in time, and may still do so. Nothing else is written to this company until "
            "it has, or the connector is restarted."
        )

    async def _write_alone(self, job: _Job) -> bytes:
        """One write of the company at a time."""
        key = (job.company.name, job.command.idempotency_key)
        content = content_of(job.operation.name, job.company.name, job.request)
        async with job.company.write_lock:
            known = await self._store(self._outcomes.find, *key)
            if known is not None and known.content != content:
                raise Conflict(
                    "The idempotency key was used for other content. "
                    "Use a key of its own for each write, and repeat a write unchanged."
                )
            if known is not None and known.response is not None:
                return self._repeated(job, known.response)
            if known is None:
                self._journal.check()
                job.context.check()
                await self._store(self._outcomes.intend, *key, job.operation.name, content)
                crash_point("connector-intended")
            return await self._write_once(job, key, resumed=known is not None)

    async def _write_once(self, job: _Job, key: tuple[str, str], *, resumed: bool) -> bytes:
        """Write, or find what an earlier attempt wrote. `resumed`: there was one, and its end is not known."""
        try:
            self._journal.check()
            response = await self._execute(job)
        except UnknownOutcome:
            raise
        except CommandFailure as failure:
            if job.context.written:
                raise _not_read_back(failure) from failure
            if resumed and not isinstance(failure, _LOOKED):
                raise _still_unknown(failure) from failure
            with contextlib.suppress(Overloaded):
                # An intent that stays does no harm: the next attempt with the key looks into the ERP.
                await self._store(self._outcomes.withdraw, *key)
            raise
        except Exception as crash:
            log.exception("write crashed", **job.trace.names())
            raise UnknownOutcome(
                "The plugin failed while it wrote. Repeat the call with the same idempotency key: "
                "the ERP is looked at before anything is written."
            ) from crash
        names = erp_names(job.operation.response.FromString(response))
        try:
            await self._store(self._outcomes.record, *key, response, *names)
        except Overloaded as failure:
            raise _untold(failure) from failure
        crash_point("connector-recorded")
        return response

    async def _store(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Raises Overloaded when the disk does not take or give it."""
        try:
            return await self._in_thread(self._store_thread, function, *args, **kwargs)
        except sqlite3.Error as error:
            log.error("the state folder's database failed", reason=str(error))
            raise Overloaded(
                "The connector can't use its state folder, as when its disk is full, so no write is begun. The site's "
                "administrator must see to it.",
                retry_after=_LOOK_AFTER,
            ) from error

    async def _in_thread(
        self,
        threads: ThreadPoolExecutor,
        function: Callable[P, R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        future = threads.submit(function, *args, **kwargs)
        return await asyncio.wrap_future(future)

    def _log(self, trace: Trace, end: str, reason: str = "", erp_text: str = "") -> None:
        log.info(
            "command",
            **trace.names(),
            caller=trace.command.caller,
            end=end,
            reason=reason,
            erp_text=erp_text,
            seconds=round(trace.seconds, 4),
        )


def _about(trace: Trace) -> dict[str, str | int]:
    """What is known of a command when its span begins."""
    command = trace.command
    return {
        COMMAND: command.command_id,
        SESSION: trace.session_id,
        OPERATION: command.operation,
        COMPANY: command.company,
        CALLER: command.caller,
    }


def _end_span(span: Span, trace: Trace, end: bytes | CommandFailure) -> None:
    """A failure's message may hold values of the ERP; its kind does not."""
    company = trace.company or trace.command.company
    if isinstance(end, bytes):
        span.end({COMPANY: company, OUTCOME: "ok", ROWS: trace.rows})
    else:
        kind = type(end).__name__
        span.end({COMPANY: company, OUTCOME: kind}, kind)


def _not_read_back(failure: CommandFailure) -> UnknownOutcome:
    """It was written, and what it became could not be told."""
    return UnknownOutcome(
        f"It was written, but what became of it can't be read now: {failure.message}",
        retry_after=failure.retry_after,
        erp_text=failure.erp_text,
    )


def _untold(failure: CommandFailure) -> UnknownOutcome:
    """It was written, and the site can't record what became of it."""
    return UnknownOutcome(
        f"It was written, and its outcome is told when the site can record it: {failure.message}",
        retry_after=failure.retry_after,
    )


def _still_unknown(failure: CommandFailure) -> UnknownOutcome:
    """An earlier attempt may have written, and this one did not come to look."""
    return UnknownOutcome(
        f"An earlier attempt was begun, and what became of it can't be seen now: {failure.message}",
        retry_after=failure.retry_after,
        erp_text=failure.erp_text,
    )
