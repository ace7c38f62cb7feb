"""The ASGI application: reads a request into a call, sends it through the router, writes the response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial

from google.protobuf.message import Message
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute

from mostek.hub.admin import Admin
from mostek.hub.http import export, json, openapi
from mostek.hub.http.disconnect import unless_gone
from mostek.hub.http.prefer import wait_of
from mostek.hub.http.problems import EXCEPTION_HANDLERS
from mostek.hub.http.query import Query
from mostek.hub.http.routes import ADMIN_ROUTES, ERP_ROUTES, Route
from mostek.hub.identity import LOCAL
from mostek.hub.router import Call, Router
from mostek.wire.failures import Invalid, TooLarge
from mostek.wire.names import COMMAND_ID, IDEMPOTENCY_KEY
from mostek.wire.operations import OPERATIONS, snake

__all__ = ["create_app"]

#: Largest body of a request, in bytes.
MAX_BODY = 1024 * 1024
#: So much of a larger one is read and thrown away: a caller that is cut off while it writes sees no answer.
MAX_DISCARDED = 64 * 1024 * 1024
_JSON = "application/json"

_Respond = Callable[[Request], Awaitable[Response]]


def create_app(
    router: Router, admin: Admin, *, ready: Callable[[], bool] = lambda: True
) -> Starlette:
    """The application. `ready` says whether `/readyz` answers 200."""
    served: list[tuple[str, str, _Respond]] = [
        *((r.path, r.method, _ErpRoute(r, router).respond) for r in ERP_ROUTES),
        *((r.path, r.method, _AdminRoute(r, admin).respond) for r in ADMIN_ROUTES),
        ("/openapi.json", "GET", _openapi),
        ("/livez", "GET", _livez),
        ("/readyz", "GET", partial(_readyz, ready)),
    ]
    app = Starlette(routes=list(_by_path(served)), exception_handlers=EXCEPTION_HANDLERS)
    app.router.redirect_slashes = False
    return app


def _by_path(served: Iterable[tuple[str, str, _Respond]]) -> Iterable[StarletteRoute]:
    """One route per path, so that a wrong method is told all that are right."""
    methods: dict[str, dict[str, _Respond]] = {}
    for path, method, respond in served:
        methods.setdefault(path, {})[method] = respond
    for path, by_method in methods.items():
        yield StarletteRoute(path, _endpoint(by_method), methods=list(by_method))


def _endpoint(by_method: dict[str, _Respond]) -> _Respond:
    async def respond(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await by_method[method](request)

    return respond


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

    def __init__(self, route: Route, router: Router) -> None:
        self._route = route
        self._router = router
        self._operation = OPERATIONS[route.rpc.name]
        self._reader = _RequestReader(route)

    async def respond(self, http: Request) -> Response:
        """The response, or the export of a list. Raises CommandFailure."""
        call_of = self._caller(http)
        message = await self._reader.read(http)
        if self._is_export(http):
            exported = export.Export(self._route, message, self._router.call, call_of)
            await unless_gone(http.receive, exported.begin())
            return exported
        call = call_of(message.SerializeToString())
        data = await unless_gone(http.receive, self._router.call(call))
        body = await self._encoded(self._route.decode(data))
        headers = {COMMAND_ID: call.command_id, "cache-control": "no-store"}
        return Response(body, 200, headers, _JSON)

    def _is_export(self, http: Request) -> bool:
        accepted = http.headers.get("accept", "")
        return (
            self._route.items is not None and http.method == "GET" and export.MEDIA_TYPE in accepted
        )

    def _caller(self, http: Request) -> Callable[[bytes], Call]:
        """What makes a call of a request's bytes."""
        timeout = wait_of(http.headers.getlist("prefer"))
        key = http.headers.get(IDEMPOTENCY_KEY, "") if self._operation.write else ""
        connector, company = http.path_params["connector"], http.path_params["company"]

        def call_of(request: bytes) -> Call:
            return Call(
                operation=self._operation,
                connector=connector,
                company=company,
                request=request,
                timeout=timeout,
                caller=LOCAL.name,
                idempotency_key=key,
            )

        return call_of

    async def _encoded(self, response: Message) -> bytes:
        if self._route.items is None:
            return json.encoded(response)
        return await json.encoded_list(response, self._route.items.name)


class _AdminRoute:
    """An rpc that the hub itself answers."""

    def __init__(self, route: Route, admin: Admin) -> None:
        self._answer: Callable[[Message], Message] = getattr(admin, snake(route.rpc.name))
        self._reader = _RequestReader(route)

    async def respond(self, http: Request) -> Response:
        """The response. Raises CommandFailure."""
        response = self._answer(await self._reader.read(http))
        return Response(json.encoded(response, defaults=True), 200, media_type=_JSON)


async def _body(http: Request) -> bytes:
    """The request's body. Raises Invalid if it is not JSON by its type, TooLarge without keeping it."""
    if http.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        raise Invalid.of("Content-Type", f"must be {_JSON}")
    body, size = bytearray(), 0
    async for part in http.stream():
        size += len(part)
        if size <= MAX_BODY:
            body += part
        elif size > MAX_DISCARDED:
            break
    if size > MAX_BODY:
        raise TooLarge(f"The body has more than {MAX_BODY} bytes; send less at once.")
    return bytes(body)


async def _openapi(http: Request) -> Response:
    return Response(openapi.document_bytes(), 200, media_type=_JSON)


async def _livez(http: Request) -> Response:
    return Response("alive\n", media_type="text/plain")


async def _readyz(ready: Callable[[], bool], http: Request) -> Response:
    if ready():
        return Response("ready\n", media_type="text/plain")
    return Response("not ready\n", 503, media_type="text/plain")
