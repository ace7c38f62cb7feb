"""The hub's own API: what it tells about connectors, and what operators do with durable commands."""

from __future__ import annotations

import inspect
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from mostek.admin.v1 import admin_service_pb2 as admin
from mostek.hub.audit import Audit
from mostek.hub.commands import FINAL, WAITING, State
from mostek.hub.identity import Caller, ConnectorId, Reach, Scope, no_connector
from mostek.hub.journals import Journals
from mostek.hub.pages import PageTokens, page_size
from mostek.hub.registry import ConnectorRecord, Refused, Registry
from mostek.hub.session import LiveSession, is_outdated
from mostek.hub.store import (
    AuditEntry,
    AuditKind,
    CommandFilter,
    CommandRecord,
    JournalRecord,
    SessionRecord,
    SessionState,
)
from mostek.hub.writes import Writes, no_command
from mostek.link.v1.link_pb2 import Company
from mostek.wire.failures import CommandFailure, Denied, Invalid, Overloaded, failure_of
from mostek.wire.operations import OPERATIONS, snake
from mostek.wire.rules import validate
from mostek.wire.spans import seconds_of
from mostek.wire.writes import erp_names, response_naming

__all__ = ["ADMIN_SERVICE", "Admin", "command_message"]

ADMIN_SERVICE = admin.DESCRIPTOR.services_by_name["AdminService"]

#: Seconds that WaitCommand waits, where the caller does not say, and at most.
_WAIT = 60.0
_LONGEST_WAIT = 600.0
#: Bytes of a request, and characters of a command's id.
_LARGEST = 64 * 1024
_LONGEST_ID = 32
#: Calls of WaitCommand that may wait for one tenant at a time.
MOST_WAITS = 1000


#: Who may call what. An rpc that is not here is not served.
_ANY = (Scope.READ, Scope.WRITE, Scope.ADMIN)
RIGHTS: dict[str, tuple[Scope, ...]] = {
    "ListConnectors": _ANY,
    "GetConnector": _ANY,
    "ListCommands": _ANY,
    "GetCommand": _ANY,
    "WaitCommand": _ANY,
    "CancelCommand": (Scope.ADMIN,),
    "RetryCommand": (Scope.ADMIN,),
    "ResolveCommand": (Scope.ADMIN,),
    "CreateConnector": (Scope.ADMIN,),
    "RevokeConnector": (Scope.ADMIN,),
    "ListCertificates": (Scope.ADMIN,),
    "ListApiKeys": (Scope.ADMIN, Scope.OPERATOR),
    "CreateApiKey": (Scope.ADMIN, Scope.OPERATOR),
    "RevokeApiKey": (Scope.ADMIN, Scope.OPERATOR),
    "ListTenants": (Scope.OPERATOR,),
    "CreateTenant": (Scope.OPERATOR,),
    "ListAuditEntries": (Scope.ADMIN, Scope.OPERATOR),
}
#: What these do is in the audit in the transaction that does it.
_KEPT_WITH_THE_ACT = frozenset(
    {"CreateApiKey", "RevokeApiKey", "CreateTenant", "CreateConnector", "RevokeConnector"}
)


@dataclass(frozen=True)
class Rpc:
    """An rpc of `AdminService`: who may call it, whether it changes anything, and what answers it."""

    scopes: tuple[Scope, ...]
    changes: bool
    #: Whether it is kept in the audit by what it does.
    kept: bool
    answer: Callable[[Any, Caller], Any]


def _rpc(method: MethodDescriptor, parts: Iterable[object]) -> Rpc:
    name = snake(method.name)
    part = next(part for part in parts if hasattr(part, name))
    changes = method.GetOptions().idempotency_level != MethodOptions.NO_SIDE_EFFECTS
    kept = method.name in _KEPT_WITH_THE_ACT
    return Rpc(RIGHTS[method.name], changes, kept, getattr(part, name))


class Admin:
    """`AdminService` without a transport. Every answer is of the caller's tenant alone.

    `parts` answer the rpcs that are no methods here.
    """

    def __init__(
        self,
        registry: Registry,
        journals: Journals,
        writes: Writes,
        audit: Audit,
        tokens: PageTokens,
        *parts: object,
    ) -> None:
        self._registry = registry
        self._journals = journals
        self._writes = writes
        self._waits: Counter[str] = Counter()
        self._audit = audit
        self._tokens = tokens
        self._rpcs = {method.name: _rpc(method, (self, *parts)) for method in ADMIN_SERVICE.methods}

    async def answer(self, rpc: str, request: Any, caller: Caller) -> Any:
        """The response of an rpc, kept in the audit. Raises CommandFailure."""
        known = self._rpcs[rpc]
        try:
            caller.require(*known.scopes, to=f"call {rpc}")
            _check(request)
            if known.changes and not known.kept:
                await self._record(caller, rpc, request, "asked")
            response = known.answer(request, caller)
            response = await response if inspect.isawaitable(response) else response
        except Denied as failure:
            await self._audit.refuse(caller, rpc, "Denied", detail=failure.message)
            raise
        except CommandFailure as failure:
            await self._ended(known, caller, rpc, request, type(failure).__name__)
            raise
        await self._ended(known, caller, rpc, request, "ok")
        return response

    async def _ended(self, known: Rpc, caller: Caller, rpc: str, request: Any, end: str) -> None:
        if not known.changes:
            self._audit.note(
                AuditEntry(
                    at=time.time(),
                    tenant=caller.tenant,
                    kind=AuditKind.READ,
                    caller=caller.name,
                    operation=rpc,
                    outcome=end,
                    command_id=_command_of(rpc, request),
                )
            )
        elif end != "ok" or not known.kept:
            await self._record(caller, rpc, request, end)

    async def _record(self, caller: Caller, rpc: str, request: Any, outcome: str) -> None:
        command_id = _command_of(rpc, request)
        await self._audit.record(AuditKind.ADMIN, caller, rpc, outcome, command_id=command_id)

    def list_connectors(
        self, request: admin.ListConnectorsRequest, caller: Caller
    ) -> admin.ListConnectorsResponse:
        """All connectors, by name."""
        known = self._registry.connectors(caller.tenant)
        records = [record for record in known if caller.reach.has(record.name)]
        return admin.ListConnectorsResponse(connectors=map(self._connector, records))

    def get_connector(
        self, request: admin.GetConnectorRequest, caller: Caller
    ) -> admin.GetConnectorResponse:
        """One connector. Raises NotFound."""
        if not caller.reach.has(request.name):
            raise no_connector(request.name)
        record = self._registry.connector(ConnectorId(caller.tenant, request.name))
        return admin.GetConnectorResponse(connector=self._connector(record))

    def _connector(self, record: ConnectorRecord) -> admin.Connector:
        return _connector(record, self._journals.known(record.id))

    async def list_commands(
        self, request: admin.ListCommandsRequest, caller: Caller
    ) -> admin.ListCommandsResponse:
        """A page of commands, the newest first. Raises Invalid."""
        size, tenant = page_size(request), caller.tenant
        before = self._tokens.read(tenant, "ListCommands", request.page_token)
        wanted = _filter(request, int(before or 0), caller.reach)
        found = await self._writes.find(tenant, wanted, size + 1)
        commands = (command_message(record, caller) for record in found[:size])
        response = admin.ListCommandsResponse(commands=commands)
        if len(found) > size:
            last = str(found[size - 1].number)
            response.next_page_token = self._tokens.make(tenant, "ListCommands", last)
        return response

    async def get_command(
        self, request: admin.GetCommandRequest, caller: Caller
    ) -> admin.GetCommandResponse:
        """One command whole. Raises NotFound."""
        return admin.GetCommandResponse(command=await self._whole(caller, request.id))

    async def wait_command(
        self, request: admin.WaitCommandRequest, caller: Caller
    ) -> admin.WaitCommandResponse:
        """One command whole, when it has ended. Raises NotFound, Invalid, Overloaded."""
        await self._check(caller, request.id)
        if self._waits[caller.tenant] >= MOST_WAITS:
            raise Overloaded(f"{MOST_WAITS} calls wait for commands already.", retry_after=5.0)
        self._waits[caller.tenant] += 1
        try:
            await self._writes.wait(caller.tenant, request.id, _timeout(request))
        finally:
            self._waits[caller.tenant] -= 1
        return admin.WaitCommandResponse(command=await self._whole(caller, request.id))

    async def cancel_command(
        self, request: admin.CancelCommandRequest, caller: Caller
    ) -> admin.CancelCommandResponse:
        """Cancel a command if it is not too late. Raises NotFound."""
        await self._check(caller, request.id)
        await self._writes.cancel(caller.tenant, request.id)
        return admin.CancelCommandResponse(command=await self._whole(caller, request.id))

    async def retry_command(
        self, request: admin.RetryCommandRequest, caller: Caller
    ) -> admin.RetryCommandResponse:
        """Try a command again. Raises NotFound, Rejected, Conflict."""
        await self._check(caller, request.id)
        await self._writes.retry(caller.tenant, request.id)
        return admin.RetryCommandResponse(command=await self._whole(caller, request.id))

    async def resolve_command(
        self, request: admin.ResolveCommandRequest, caller: Caller
    ) -> admin.ResolveCommandResponse:
        """Say what became of a command. Raises NotFound, Invalid, Rejected, Conflict."""
        if request.resolution not in (
            admin.COMMAND_RESOLUTION_WRITTEN,
            admin.COMMAND_RESOLUTION_NOT_WRITTEN,
        ):
            raise Invalid.of("resolution", "must say what was found in the ERP")
        await self._check(caller, request.id)
        await self._writes.resolve(
            caller.tenant,
            request.id,
            written=request.resolution == admin.COMMAND_RESOLUTION_WRITTEN,
            erp_id=request.erp_id,
            erp_number=request.erp_number,
            note=request.note,
        )
        return admin.ResolveCommandResponse(command=await self._whole(caller, request.id))

    async def _check(self, caller: Caller, command_id: str) -> CommandRecord:
        """The command, if it is there for the caller. Raises NotFound, the same for what is another's."""
        record = await self._writes.get(caller.tenant, command_id)
        if not caller.reach.has(record.lane.connector.name, record.operation):
            raise no_command(command_id)
        return record

    async def _whole(self, caller: Caller, command_id: str) -> admin.Command:
        record = await self._check(caller, command_id)
        message = command_message(record, caller)
        if record.state in FINAL:
            response, failure = await self._writes.outcome(record)
            if failure is None:
                message.response.Pack(caller.pruned(OPERATIONS[record.operation], response))
            elif await self._may_ask(caller, record):
                message.failure.CopyFrom(failure_of(failure))
            else:
                message.failure.CopyFrom(failure_of(type(failure)(_KEPT_BACK)))
        for event in await self._writes.timeline(command_id):
            at = _timestamp(event.at)
            message.timeline.append(admin.CommandEvent(at=at, name=event.name, detail=event.detail))
        return message

    async def _may_ask(self, caller: Caller, record: CommandRecord) -> bool:
        """Whether the caller itself might ask what another may have asked: why it failed tells of that."""
        request = await self._writes.request(record) if caller.denied else None
        return request is None or not any(caller.denied.refused(request, write=True))


_KEPT_BACK = "Why is kept back: the request asks by fields that this key may not see."


def _check(request: Message) -> None:
    """Raise Invalid for what can stand in no request: databases refuse it, or it is more than anybody has to say."""
    if request.ByteSize() > _LARGEST:
        raise Invalid(f"The request has more than {_LARGEST} bytes.")
    validate(request)


def _command_of(rpc: str, request: Any) -> str:
    """The command that a request is about; empty if it is about none."""
    # No id is longer, and what is noted waits in memory.
    return str(request.id)[:_LONGEST_ID] if rpc.endswith("Command") else ""


def command_message(record: CommandRecord, caller: Caller) -> admin.Command:
    """A command without outcome and timeline, as the caller may see it."""
    progress = record.progress
    erp_id, erp_number = _erp_names(record, caller)
    waits = progress.state in WAITING
    return admin.Command(
        id=record.id,
        connector=record.lane.connector.name,
        company=record.lane.company,
        operation=record.operation,
        caller=record.caller,
        idempotency_key=record.idempotency_key,
        ordering_key=record.ordering_key,
        state=admin.CommandState.Value(f"COMMAND_STATE_{progress.state.name}"),
        attempts=progress.attempts,
        recorded_at=_timestamp(record.recorded_at),
        due_at=_timestamp(progress.due_at if waits else None),
        expires_at=_timestamp(progress.expires_at),
        finished_at=_timestamp(progress.finished_at),
        erp_id=erp_id,
        erp_number=erp_number,
    )


def _erp_names(record: CommandRecord, caller: Caller) -> tuple[str, str]:
    """The id and the number in the ERP: fields of the response, which the caller may not see all."""
    if not caller.denied:
        return record.erp_id, record.erp_number
    operation = OPERATIONS[record.operation]
    named = response_naming(operation, record.erp_id, record.erp_number)
    return erp_names(caller.pruned(operation, named.SerializeToString()))


def _timestamp(seconds: float | None) -> Timestamp | None:
    if seconds is None:
        return None
    timestamp = Timestamp()
    timestamp.FromMicroseconds(round(seconds * 1_000_000))
    return timestamp


def _filter(request: admin.ListCommandsRequest, before: int, reach: Reach) -> CommandFilter:
    if admin.COMMAND_STATE_UNSPECIFIED in request.states:
        raise Invalid.of("states", "must be states that a command can be in")
    names = (admin.CommandState.Name(state) for state in request.states)
    return CommandFilter(
        connector=request.connector,
        company=request.company,
        idempotency_key=request.idempotency_key,
        states=frozenset(State[name.removeprefix("COMMAND_STATE_")] for name in names),
        before=before,
        reach=reach,
    )


def _timeout(request: admin.WaitCommandRequest) -> float:
    if not request.HasField("timeout"):
        return _WAIT
    timeout = seconds_of(request.timeout)
    if not 0 <= timeout <= _LONGEST_WAIT:
        raise Invalid.of("timeout", f"must be from 0 to {_LONGEST_WAIT:g} seconds")
    return timeout


def _connector(record: ConnectorRecord, journals: Iterable[JournalRecord]) -> admin.Connector:
    changed = Timestamp()
    changed.FromDatetime(record.changed_at)
    return admin.Connector(
        name=record.name,
        online=record.online,
        changed_at=changed,
        companies=[_company(company) for company in record.status.companies],
        sessions=[
            *(_session(session) for session in record.sessions),
            *(_elsewhere(session) for session in record.elsewhere.values()),
        ],
        refused=_refused(record.refused),
        journals=map(_journal, journals),
    )


def _journal(record: JournalRecord) -> admin.ConnectorJournal:
    return admin.ConnectorJournal(
        instance=record.of.instance,
        number=record.number,
        hash=record.hash,
        told_at=_timestamp(record.told_at),
        fault=record.fault,
        fault_at=_timestamp(record.fault_at),
    )


def _refused(refused: Refused | None) -> admin.RefusedProcess | None:
    if refused is None:
        return None
    at = Timestamp()
    at.FromDatetime(refused.at)
    return admin.RefusedProcess(instance=refused.instance, at=at)


def _company(company: Company) -> admin.ConnectorCompany:
    return admin.ConnectorCompany(
        name=company.name,
        plugin=company.plugin,
        erp=company.erp,
        erp_version=company.erp_version,
        operations=company.operations,
        drift=company.drift,
    )


def _elsewhere(session: SessionRecord) -> admin.ConnectorSession:
    return admin.ConnectorSession(
        session_id=session.id,
        instance=session.instance,
        software=session.software,
        connected_at=_timestamp(session.connected_at),
        slots=session.slots,
        suspect=session.state is not SessionState.ACTIVE,
        replica=session.replica,
        outdated=is_outdated(session.software),
    )


def _session(session: LiveSession) -> admin.ConnectorSession:
    rules = session.rules
    connected = Timestamp()
    connected.FromDatetime(session.connected_at)
    round_trip = Duration()
    round_trip.FromTimedelta(timedelta(seconds=rules.round_trip))
    return admin.ConnectorSession(
        session_id=rules.session_id,
        instance=session.instance,
        software=session.software,
        outdated=is_outdated(session.software),
        connected_at=connected,
        slots=rules.slots,
        free_slots=max(rules.free_slots, 0),
        round_trip=round_trip,
        suspect=rules.suspect or rules.leaving,
    )
