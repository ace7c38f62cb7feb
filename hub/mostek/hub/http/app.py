"""The ASGI application: reads a request into a call, sends it through the router, writes the response."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from google.protobuf.message import Message
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute

from mostek.admin.v1.admin_service_pb2 import GetCommandResponse
from mostek.hub.admin import Admin, command_message
from mostek.hub.call import Call, expire_after_of
from mostek.hub.gate import Gate
from mostek.hub.http import export, json, openapi
from mostek.hub.http.admin_export import AdminExport
from mostek.hub.http.disconnect import unless_gone
from mostek.hub.http.enrolment import enrolment_routes
from mostek.hub.http.prefer import responds_async, wait_of
from mostek.hub.http.probes import livez, readyz
from mostek.hub.http.problems import EXCEPTION_HANDLERS
from mostek.hub.http.query import Query
from mostek.hub.http.routes import ADMIN_ROUTES, ERP_ROUTES, Route
from mostek.hub.identity import Caller
from mostek.hub.pki.enrolment import Enrolment
from mostek.hub.router import Router
from mostek.hub.writes import StillRunning
from mostek.wire.failures import Invalid, TooLarge
from mostek.wire.names import (
    AUTHORIZATION,
    COMMAND_ID,
    EXPIRE_AFTER,
    IDEMPOTENCY_KEY,
    ORDERING_KEY,
    TRACEPARENT,
)
from mostek.wire.operations import OPERATIONS
from mostek.wire.tracing import traceparent_of

__all__ = ["create_app"]

#: Largest body of a request, in bytes.
MAX_BODY = 1024 * 1024
#: The same where no key is asked for.
MAX_OPEN_BODY = 64 * 1024
#: So much of a larger one is read and thrown away: a caller that is cut off while it writes sees no answer.
MAX_DISCARDED = 64 * 1024 * 1024
#: Seconds that a body may take.
BODY_WITHIN = 60.0
_JSON = "application/json"

_Respond = Callable[[Request], Awaitable[Response]]


def create_app(
    router: Router,
    admin: Admin,
    gate: Gate,
    *,
    ready: Callable[[], bool] = lambda: True,
    enrolment: Enrolment | None = None,
) -> Starlette:
    """The application. `ready` says whether `/readyz` answers 200; `enrolment` takes sites in."""
    served: list[tuple[str, str, _Respond]] = [
        *((r.path, r.method, _ErpRoute(r, router, gate).respond) for r in ERP_ROUTES),
        *((r.path, r.method, _AdminRoute(r, admin, gate).respond) for r in ADMIN_ROUTES),
        ("/openapi.json", "GET", _openapi),
        ("/livez", "GET", livez),
        ("/readyz", "GET", readyz(ready)),
    ]
    if enrolment is not None:
        served += enrolment_routes(enrolment, partial(_body, most=MAX_OPEN_BODY))
    app = Starlette(routes=list(_by_path(served)), exception_handlers=EXCEPTION_HANDLERS)
    app.router.redirect_slashes = False
    return app


def _by_path(served: Iterable[tuple[str, str, _Respond]]) -> Iterable[StarletteRoute]:
    """One route per path, so that a wrong method is told all that are right.

    `…/{id}:verb` goes before `…/{id}`, which would match it too.
    """
    methods: dict[str, dict[str, _Respond]] = {}
    for path, method, respond in served:
        methods.setdefault(path, {})[method] = respond
    for path, by_method in sorted(methods.items(), key=lambda item: "}:" not in item[0]):
        yield StarletteRoute(path, _endpoint(by_method), methods=list(by_method))


def _endpoint(by_method: dict[str, _Respond]) -> _Respond:
    async def respond(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await by_method[method](request)

    return respond


async def _admitted(gate: Gate, http: Request, route: Route) -> Caller:
    """Who calls. Raises Unauthenticated, Overloaded, Internal."""
    client = http.client
    peer = client.host if client else ""
    return await gate.admit(http.headers.get(AUTHORIZATION, ""), lambda: peer, route.rpc.name)


class _RequestReader:
    """Makes a request message of path, query and body."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._query = Query(route.rpc.input_type, omit=route.given_elsewhere)

    async def read(self, http: Request) -> Message:
        """The message. Raises Invalid, TooLarge."""
        route = self._route
        message = route.request()
        self._query.read(http.scope["query_string"], message)
        if route.key:
            setattr(message, route.key, http.path_params[route.key])
        if route.body is not None:
            name = route.body.name
            json.read(await _body(http), getattr(message, name), name)
        return message


class _ErpRoute:
    """An operation on a company of a connector."""

    def __init__(self, route: Route, router: Router, gate: Gate) -> None:
        self._route = route
        self._router = router
        self._gate = gate
        self._operation = OPERATIONS[route.rpc.name]
        self._reader = _RequestReader(route)

    async def respond(self, http: Request) -> Response:
        """The response, or the export of a list. Raises CommandFailure."""
        caller = await _admitted(self._gate, http, self._route)
        call_of = self._calls(http, caller)
        message = await self._reader.read(http)
        if self._is_export(http):
            exported = export.Export(self._route, message, self._page, call_of)
            await unless_gone(http.receive, exported.begin())
            return exported
        call = call_of(message.SerializeToString())
        if self._operation.write and responds_async(http.headers.getlist("prefer")):
            call = replace(call, timeout=0.0)
        try:
            answer = await unless_gone(http.receive, self._router.answer(call))
        except StillRunning as running:
            return await self._accepted(caller, running.command_id)
        body = await self._encoded(self._route.decode(answer.response))
        headers = {COMMAND_ID: answer.command_id, "cache-control": "no-store"}
        return Response(body, 200, headers, _JSON)

    async def _page(self, call: Call) -> bytes:
        """A page of an export, which goes on only as long as its caller may call."""
        await self._gate.check(call.caller)
        return await self._router.call(call)

    async def _accepted(self, caller: Caller, command_id: str) -> Response:
        """The write goes on; where to ask for it."""
        record = await self._router.writes.get(caller.tenant, command_id)
        command = command_message(record, caller)
        headers = {
            "location": f"/v1/commands/{command_id}",
            COMMAND_ID: command_id,
            "cache-control": "no-store",
        }
        body = json.encoded(GetCommandResponse(command=command), defaults=True)
        return Response(body, 202, headers, _JSON)

    def _is_export(self, http: Request) -> bool:
        accepted = http.headers.get("accept", "")
        return (
            self._route.items is not None and http.method == "GET" and export.MEDIA_TYPE in accepted
        )

    def _calls(self, http: Request, caller: Caller) -> Callable[[bytes], Call]:
        """What makes a call of a request's bytes."""
        timeout = wait_of(http.headers.getlist("prefer"))
        write: dict[str, Any] = _write_headers(http) if self._operation.write else {}
        connector, company = http.path_params["connector"], http.path_params["company"]
        traceparent = traceparent_of(http.headers.get(TRACEPARENT))

        def call_of(request: bytes) -> Call:
            return Call(
                operation=self._operation,
                connector=connector,
                company=company,
                request=request,
                timeout=timeout,
                caller=caller,
                traceparent=traceparent,
                **write,
            )

        return call_of

    async def _encoded(self, response: Message) -> bytes:
        if self._route.items is None:
            return json.encoded(response)
        return await json.encoded_list(response, self._route.items.name)


def _write_headers(http: Request) -> dict[str, Any]:
    return {
        "idempotency_key": http.headers.get(IDEMPOTENCY_KEY, ""),
        "expire_after": expire_after_of(http.headers.get(EXPIRE_AFTER, "")),
        "ordering_key": http.headers.get(ORDERING_KEY, ""),
    }


class _AdminRoute:
    """An rpc that the hub itself answers."""

    def __init__(self, route: Route, admin: Admin, gate: Gate) -> None:
        self._route = route
        self._admin = admin
        self._gate = gate
        self._reader = _RequestReader(route)

    async def respond(self, http: Request) -> Response:
        """The response, or all pages of a list. Raises CommandFailure."""
        caller = await _admitted(self._gate, http, self._route)
        request = await self._reader.read(http)
        work = self._admin.answer(self._route.rpc.name, request, caller)
        response = await unless_gone(http.receive, work)
        if self._is_export(http):
            return AdminExport(self._route, request, response, partial(self._page, caller))
        body = json.encoded(response, defaults=True)
        return Response(body, 200, {"cache-control": "no-store"}, _JSON)

    def _is_export(self, http: Request) -> bool:
        return self._route.paged and export.MEDIA_TYPE in http.headers.get("accept", "")

    async def _page(self, caller: Caller, request: Message) -> Message:
        await self._gate.check(caller)
        page: Message = await self._admin.answer(self._route.rpc.name, request, caller)
        return page


async def _body(http: Request, most: int = MAX_BODY) -> bytes:
    """The request's body. Raises Invalid if it is not JSON by its type, TooLarge without keeping it.

    One that does not come is a 408.
    """
    if http.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        raise Invalid.of("Content-Type", f"must be {_JSON}")
    body, size = bytearray(), 0
    try:
        async with asyncio.timeout(BODY_WITHIN):
            async for part in http.stream():
                size += len(part)
                if size <= MAX_BODY:
                    body += part
                elif size > MAX_DISCARDED:
                    break
    except TimeoutError:
        raise HTTPException(408) from None
    if size > most:
        raise TooLarge(f"The body has more than {most} bytes; send less at once.")
    return bytes(body)


async def _openapi(http: Request) -> Response:
    return Response(openapi.document_bytes(), 200, media_type=_JSON)
