"""Runs commands: finds the company and its plugin, keeps to the policy, and turns whatever happens into a result."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

import structlog
from google.protobuf.message import Message

from mostek.connector.companies import Company
from mostek.connector.outcomes import OutcomeStore
from mostek.connector.policy import Policy
from mostek.link.v1.link_pb2 import Command
from mostek.plugin.plugin import Context
from mostek.wire.failures import (
    CommandFailure,
    Conflict,
    Expired,
    Internal,
    Invalid,
    NotFound,
    UnknownOutcome,
    Unsupported,
)
from mostek.wire.operations import Operation, operation
from mostek.wire.rules import parse

__all__ = ["Runner"]

log = structlog.get_logger()

P = ParamSpec("P")
R = TypeVar("R")

#: Takes a command's id and its end.
Answer = Callable[[str, bytes | CommandFailure], Awaitable[None]]


@dataclass(frozen=True)
class _Job:
    """A command with all that it names looked up."""

    command: Command
    operation: Operation
    company: Company
    request: Message
    context: Context


class Runner:
    """Executes commands in a bounded number of threads; writes of a company one at a time, each key once."""

    def __init__(
        self,
        companies: Sequence[Company],
        policy: Policy,
        outcomes: OutcomeStore,
        *,
        threads: int,
        write_timeout: float,
    ) -> None:
        self._companies = {company.name: company for company in companies}
        self._policy = policy
        self._outcomes = outcomes
        self._write_timeout = write_timeout
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="command")
        # The store belongs to one thread, and must not wait behind commands.
        self._store_thread = ThreadPoolExecutor(1, thread_name_prefix="outcomes")
        self._contexts: dict[str, Context] = {}

    async def run(self, command: Command, request: bytes, answer: Answer) -> None:
        """Give the response or the failure to `answer`: a command that fails in any way still has a result."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            end: bytes | CommandFailure = await self._run(command, request)
        except CommandFailure as failure:
            end = failure
        except Exception:
            # The edge to foreign code: whatever a plugin raises ends here, told in the log and not to the caller.
            log.exception(
                "command crashed", command_id=command.command_id, operation=command.operation
            )
            end = Internal("The plugin failed unexpectedly; the connector's log says why.")
        seconds = loop.time() - started
        if isinstance(end, bytes):
            await answer(command.command_id, end)
            self._log(command, seconds, "ok")
            return
        self._log(command, seconds, type(end).__name__, end.message, end.erp_text)
        self._policy.mute(end)
        await answer(command.command_id, end)

    def cancel(self, command_id: str) -> None:
        """Stop a running read; a write that runs is finished."""
        context = self._contexts.get(command_id)
        if context is not None and not context.idempotency_key:
            context.cancel()

    def close(self) -> None:
        """Let the threads end when their commands have."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._store_thread.shutdown(wait=True)
        self._outcomes.close()

    async def _run(self, command: Command, request: bytes) -> bytes:
        job = self._job(command, request)
        self._contexts[command.command_id] = job.context
        timer: asyncio.TimerHandle | None = None
        try:
            if job.operation.write:
                return await self._write(job)
            timer = asyncio.get_running_loop().call_later(
                job.context.remaining(), job.context.cancel
            )
            return await self._execute(job)
        finally:
            if timer is not None:
                timer.cancel()
            del self._contexts[command.command_id]

    def _job(self, command: Command, request: bytes) -> _Job:
        wanted = operation(command.operation)
        company = self._company(command.company)
        self._policy.check(wanted)
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
            timeout=command.timeout.ToTimedelta().total_seconds(),
            denied=self._policy.denied,
        )
        return _Job(command, wanted, company, parse(wanted.request, request), context)

    def _company(self, name: str) -> Company:
        if not name and len(self._companies) == 1:
            return next(iter(self._companies.values()))
        company = self._companies.get(name)
        if company is None:
            names = ", ".join(self._companies)
            raise NotFound(f"No company {name!r} here; this connector serves {names}.")
        return company

    async def _execute(self, job: _Job) -> bytes:
        """Let the plugin do it, and keep back what the policy keeps back."""
        job.context.check()
        method = getattr(job.company.plugin, job.operation.method)
        if inspect.iscoroutinefunction(method):
            response = await method(job.request, job.context)
        else:
            response = await self._in_thread(self._threads, self._call, job)
        if type(response) is not job.operation.response:
            raise TypeError(f"{job.operation.name} returned {type(response).__name__}")
        self._policy.prune(response)
        data: bytes = response.SerializeToString()
        return data

    def _call(self, job: _Job) -> Message:
        # Commands wait for a thread; what nobody waits for any more is not begun.
        job.context.check()
        job.company.open()
        return job.company.plugin.call(job.operation.name, job.request, job.context)

    async def _write(self, job: _Job) -> bytes:
        """Have the effect once: the first outcome of a key is its outcome."""
        key = (job.company.name, job.command.idempotency_key)
        content = _content(job)
        async with job.company.write_lock:
            known = await self._store(self._outcomes.find, *key)
            if known is not None and known.content != content:
                raise Conflict(
                    "The idempotency key was used for other content. "
                    "Use a key of its own for each write, and repeat a write unchanged."
                )
            if known is not None and known.response is not None:
                return known.response
            self._check_time(job)
            await self._store(self._outcomes.intend, *key, job.operation.name, content)
            return await self._write_once(job, key)

    def _check_time(self, job: _Job) -> None:
        if not job.context.remaining():
            raise Expired("The deadline passed before the write was begun; nothing was written.")
        job.context.extend(self._write_timeout)

    async def _write_once(self, job: _Job, key: tuple[str, str]) -> bytes:
        try:
            response = await self._execute(job)
        except UnknownOutcome:
            raise
        except CommandFailure:
            await self._store(self._outcomes.withdraw, *key)
            raise
        except Exception as crash:
            log.exception("write crashed", command_id=job.command.command_id)
            raise UnknownOutcome(
                "The plugin failed while it wrote. Repeat the call with the same idempotency key: "
                "the ERP is looked at before anything is written."
            ) from crash
        await self._store(self._outcomes.record, *key, response)
        return response

    async def _store(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._in_thread(self._store_thread, function, *args, **kwargs)

    async def _in_thread(
        self,
        threads: ThreadPoolExecutor,
        function: Callable[P, R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        future = threads.submit(function, *args, **kwargs)
        return await asyncio.wrap_future(future)

    def _log(
        self, command: Command, seconds: float, end: str, reason: str = "", erp_text: str = ""
    ) -> None:
        log.info(
            "command",
            command_id=command.command_id,
            operation=command.operation,
            company=command.company,
            caller=command.caller,
            end=end,
            reason=reason,
            erp_text=erp_text,
            seconds=round(seconds, 4),
        )


def _content(job: _Job) -> bytes:
    """What a key stands for: the operation, the company and the request."""
    digest = hashlib.sha256()
    for part in (job.operation.name.encode(), job.company.name.encode()):
        digest.update(len(part).to_bytes(4, "big") + part)
    digest.update(job.request.SerializeToString(deterministic=True))
    return digest.digest()
