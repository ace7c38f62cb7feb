"""The hub's own API: what it tells about connectors, and what operators do with durable commands."""

from __future__ import annotations

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from mostek.admin.v1 import admin_service_pb2 as admin
from mostek.hub.commands import FINAL, WAITING, State
from mostek.hub.identity import Caller, ConnectorId
from mostek.hub.registry import ConnectorRecord, Refused, Registry
from mostek.hub.session import LiveSession
from mostek.hub.store import CommandFilter, CommandRecord
from mostek.hub.writes import Writes
from mostek.link.v1.link_pb2 import Company
from mostek.wire.failures import Invalid, failure_of
from mostek.wire.operations import OPERATIONS

__all__ = ["Admin", "command_message"]

#: Commands of a page, where the caller does not say, and at most.
_PAGE_SIZE = 100
_LARGEST_PAGE = 1000
#: Seconds that WaitCommand waits, where the caller does not say, and at most.
_WAIT = 60.0
_LONGEST_WAIT = 600.0


class Admin:
    """`AdminService` without a transport. Every answer is of the caller's tenant alone."""

    def __init__(self, registry: Registry, writes: Writes) -> None:
        self._registry = registry
        self._writes = writes

    def list_connectors(
        self, request: admin.ListConnectorsRequest, caller: Caller
    ) -> admin.ListConnectorsResponse:
        """All connectors, by name."""
        records = self._registry.connectors(caller.tenant)
        return admin.ListConnectorsResponse(connectors=[_connector(record) for record in records])

    def get_connector(
        self, request: admin.GetConnectorRequest, caller: Caller
    ) -> admin.GetConnectorResponse:
        """One connector. Raises NotFound."""
        record = self._registry.connector(ConnectorId(caller.tenant, request.name))
        return admin.GetConnectorResponse(connector=_connector(record))

    async def list_commands(
        self, request: admin.ListCommandsRequest, caller: Caller
    ) -> admin.ListCommandsResponse:
        """A page of commands, the newest first. Raises Invalid."""
        size = _page_size(request)
        found = await self._writes.find(caller.tenant, _filter(request), size + 1)
        response = admin.ListCommandsResponse(commands=map(command_message, found[:size]))
        if len(found) > size:
            response.next_page_token = str(found[size - 1].number)
        return response

    async def get_command(
        self, request: admin.GetCommandRequest, caller: Caller
    ) -> admin.GetCommandResponse:
        """One command whole. Raises NotFound."""
        return admin.GetCommandResponse(command=await self._whole(caller.tenant, request.id))

    async def wait_command(
        self, request: admin.WaitCommandRequest, caller: Caller
    ) -> admin.WaitCommandResponse:
        """One command whole, when it has ended. Raises NotFound, Invalid."""
        await self._writes.wait(caller.tenant, request.id, _timeout(request))
        return admin.WaitCommandResponse(command=await self._whole(caller.tenant, request.id))

    async def cancel_command(
        self, request: admin.CancelCommandRequest, caller: Caller
    ) -> admin.CancelCommandResponse:
        """Cancel a command if it is not too late. Raises NotFound."""
        await self._writes.cancel(caller.tenant, request.id)
        return admin.CancelCommandResponse(command=await self._whole(caller.tenant, request.id))

    async def retry_command(
        self, request: admin.RetryCommandRequest, caller: Caller
    ) -> admin.RetryCommandResponse:
        """Try a command again. Raises NotFound, Rejected, Conflict."""
        await self._writes.retry(caller.tenant, request.id)
        return admin.RetryCommandResponse(command=await self._whole(caller.tenant, request.id))

    async def resolve_command(
        self, request: admin.ResolveCommandRequest, caller: Caller
    ) -> admin.ResolveCommandResponse:
        """Say what became of a command. Raises NotFound, Invalid, Rejected, Conflict."""
        if request.resolution not in (
            admin.COMMAND_RESOLUTION_WRITTEN,
            admin.COMMAND_RESOLUTION_NOT_WRITTEN,
        ):
            raise Invalid.of("resolution", "must say what was found in the ERP")
        await self._writes.resolve(
            caller.tenant,
            request.id,
            written=request.resolution == admin.COMMAND_RESOLUTION_WRITTEN,
            erp_id=request.erp_id,
            erp_number=request.erp_number,
            note=request.note,
        )
        return admin.ResolveCommandResponse(command=await self._whole(caller.tenant, request.id))

    async def _whole(self, tenant: str, command_id: str) -> admin.Command:
        record = await self._writes.get(tenant, command_id)
        message = command_message(record)
        if record.state in FINAL:
            response, failure = await self._writes.outcome(record)
            if failure is not None:
                message.failure.CopyFrom(failure_of(failure))
            else:
                message.response.Pack(OPERATIONS[record.operation].response.FromString(response))
        for event in await self._writes.timeline(command_id):
            at = _timestamp(event.at)
            message.timeline.append(admin.CommandEvent(at=at, name=event.name, detail=event.detail))
        return message


def command_message(record: CommandRecord) -> admin.Command:
    """A command without outcome and timeline."""
    progress = record.progress
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
        erp_id=record.erp_id,
        erp_number=record.erp_number,
    )


def _timestamp(seconds: float | None) -> Timestamp | None:
    if seconds is None:
        return None
    timestamp = Timestamp()
    timestamp.FromMicroseconds(round(seconds * 1_000_000))
    return timestamp


def _page_size(request: admin.ListCommandsRequest) -> int:
    size = request.page_size if request.HasField("page_size") else _PAGE_SIZE
    if not 1 <= size <= _LARGEST_PAGE:
        raise Invalid.of("page_size", f"must be from 1 to {_LARGEST_PAGE}")
    return size


def _filter(request: admin.ListCommandsRequest) -> CommandFilter:
    token = request.page_token
    if token and not (token.isdecimal() and len(token) < 19):
        raise Invalid.of("page_token", "must be the next_page_token of the page before")
    if admin.COMMAND_STATE_UNSPECIFIED in request.states:
        raise Invalid.of("states", "must be states that a command can be in")
    names = (admin.CommandState.Name(state) for state in request.states)
    return CommandFilter(
        connector=request.connector,
        company=request.company,
        idempotency_key=request.idempotency_key,
        states=frozenset(State[name.removeprefix("COMMAND_STATE_")] for name in names),
        before=int(token or 0),
    )


def _timeout(request: admin.WaitCommandRequest) -> float:
    if not request.HasField("timeout"):
        return _WAIT
    timeout = request.timeout.ToTimedelta().total_seconds()
    if not 0 <= timeout <= _LONGEST_WAIT:
        raise Invalid.of("timeout", f"must be from 0 to {_LONGEST_WAIT:g} seconds")
    return timeout


def _connector(record: ConnectorRecord) -> admin.Connector:
    changed = Timestamp()
    changed.FromDatetime(record.changed_at)
    return admin.Connector(
        name=record.name,
        online=record.online,
        changed_at=changed,
        companies=[_company(company) for company in record.status.companies],
        sessions=[_session(session) for session in record.sessions],
        refused=_refused(record.refused),
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


def _session(session: LiveSession) -> admin.ConnectorSession:
    rules = session.rules
    connected = Timestamp()
    connected.FromDatetime(session.connected_at)
    round_trip = Duration()
    round_trip.FromTimedelta(timedelta(seconds=rules.round_trip))
    return admin.ConnectorSession(
        session_id=rules.session_id,
        instance=session.instance,
        software=rules.hello.software if rules.hello else "",
        connected_at=connected,
        slots=rules.slots,
        free_slots=max(rules.free_slots, 0),
        round_trip=round_trip,
        suspect=rules.suspect or rules.leaving,
    )
