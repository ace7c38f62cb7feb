"""Tenants see nothing of each other: every rpc and every route is walked with another tenant's key.

A new rpc or route that is not in the walk fails it.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from mostek.admin.v1 import admin_service_pb2 as admin
from mostek.client import Client
from mostek.hub.admin import ADMIN_SERVICE
from mostek.hub.callers import MACHINE
from mostek.hub.http.routes import ADMIN_ROUTES, ERP_ROUTES, Route
from mostek.hub.identity import ConnectorId, Scope
from mostek.wire.failures import Denied, Invalid, NotFound
from mostek.wire.operations import OPERATIONS

from .tenants import TENANTS, Edge, edge_of

ORDER = {
    "external_number": "CRM-1",
    "buyer": {"tax_id": "526-10-40-828"},
    "lines": [{"product": {"code": "M8"}, "quantity": "2", "price": {"net": "1.50"}}],
}
#: What a request needs besides the id in its path, by rpc; those that are not here need nothing.
QUERIES: dict[str, dict[str, Any]] = {"ListRecords": {"list": "debtors"}}
BODIES: dict[str, Any] = {
    "CreateCustomer": {"name": "Zakład"},
    "CreateOrder": ORDER,
    "ValidateOrder": ORDER,
    "CreateApiKey": {"name": "next", "scopes": ["read"], "tenant": "{tenant}"},
    "CreateTenant": {"name": "gamma"},
    "CreateConnector": {"name": "secret"},
}
#: Rpcs about something that has a name or an id, which may be another's: what stands for it in the request.
NAMED = {
    "GetConnector": "connector",
    "RevokeConnector": "connector",
    "ListCertificates": "connector",
    "GetCommand": "command",
    "WaitCommand": "command",
    "CancelCommand": "command",
    "RetryCommand": "command",
    "ResolveCommand": "command",
    "RevokeApiKey": "key",
}
#: Rpcs that answer for the caller's tenant, whoever calls.
OWN = {"ListConnectors", "ListCommands", "ListApiKeys", "ListAuditEntries"}
#: Rpcs that name a tenant, which only operators may do.
NAMES_A_TENANT = {"ListApiKeys", "ListAuditEntries", "RevokeApiKey", "CreateApiKey"}
OPERATORS = {"ListTenants", "CreateTenant"}
#: Rpcs that make something of the caller's tenant, whoever has one of the same name.
MAKES_OWN = {"CreateConnector"}
#: Routes that ask nobody for a key, with the reason.
OPEN = {
    "/openapi.json": "the contract, which is public",
    "/v1/ca": "by which a site knows the hub before it trusts it; public",
    "/v1/enroll": "of sites, by a token",
    "/v1/challenge": "of sites, tells nothing",
    "/v1/renew": "of sites, by their key",
    "/livez": "of the platform; tells whether the process lives",
    "/readyz": "of the platform; tells whether it takes calls",
}
#: Services that no key opens, with the reason.
NO_CALLERS = {"LinkService": "connectors, on a port of its own; certificates say whose they are"}


@dataclass
class Two:
    """The edge and the keys of both tenants, of all scopes; what alfa has that beta may not learn of."""

    edge: Edge
    keys: dict[str, str]
    command: dict[str, str]
    key_id: dict[str, str]

    #: Nothing that beta gets may have one of these in it.
    secrets = ("Klient alfa", "ERP of alfa", "alfa-1", "alfa-crm", "only-alfa-has")


@pytest.fixture
async def two() -> AsyncIterator[Two]:
    seconds = [1_000_000.0]
    async with edge_of("sqlite://", clock=lambda: seconds[0], steady=lambda: seconds[0]) as edge:
        keys, commands, ids = {}, {}, {}
        for tenant in TENANTS:
            await edge.callers.add_tenant(MACHINE, tenant)
            edge.sites.connect(tenant, "acme")
            keys[tenant] = await edge.key(
                tenant, f"{tenant}-crm", Scope.READ, Scope.WRITE, Scope.ADMIN
            )
            ids[tenant] = keys[tenant].split("_")[1]
            commands[tenant] = await _write(edge, keys[tenant], f"Zakład {tenant}")
        edge.sites.connect("alfa", "secret")
        yield Two(edge, keys, commands, ids)


async def _write(edge: Edge, key: str, name: str) -> str:
    async with edge.http(key) as http:
        answer = await http.post(
            "/v1/connectors/acme/companies/-/customers",
            json={"name": name},
            headers={"idempotency-key": "the same"},
        )
    assert answer.status_code == 200, answer.text
    return answer.headers["mostek-command"]


def test_every_service_of_the_contract_is_walked_or_has_no_callers() -> None:
    found = set()
    for package in ("erp", "admin", "link"):
        module = importlib.import_module(f"mostek.{package}.v1")
        for info in pkgutil.iter_modules(module.__path__):
            if info.name.endswith("_pb2"):
                file = importlib.import_module(f"{module.__name__}.{info.name}").DESCRIPTOR
                found |= set(file.services_by_name)
    assert found == {"ErpService", "AdminService"} | NO_CALLERS.keys()


def test_every_rpc_of_the_admin_api_is_in_the_walk() -> None:
    assert NAMED.keys() | OWN | OPERATORS | NAMES_A_TENANT | MAKES_OWN == {
        m.name for m in ADMIN_SERVICE.methods
    }
    naming = {
        m.name
        for m in ADMIN_SERVICE.methods
        if "tenant" in m.input_type.fields_by_name or m.name == "CreateApiKey"
    }
    assert naming - OPERATORS == NAMES_A_TENANT


async def test_every_route_is_in_the_walk_and_asks_for_a_key(two: Two) -> None:
    walked = {(r.method, r.path) for r in (*ERP_ROUTES, *ADMIN_ROUTES)}
    served = {
        (method, route.path)
        for route in two.edge.app.routes
        for method in route.methods - {"HEAD"}
        if route.path not in OPEN
    }
    assert served == walked
    async with two.edge.http() as http:
        for route in (*ERP_ROUTES, *ADMIN_ROUTES):
            answer = await _ask(http, route, "acme", two.command["alfa"], "alfa")
            assert answer.status_code in (401, 429), route.path
            if answer.status_code == 401:
                assert answer.headers["www-authenticate"] == "Bearer"
            head = await http.head(_path(route, "acme", "1"))
            assert head.status_code in (401, 405, 429)


@pytest.mark.parametrize("route", ERP_ROUTES, ids=lambda r: r.rpc.name)
async def test_another_tenants_connector_is_as_if_it_were_not_there(two: Two, route: Route) -> None:
    async with two.edge.http(two.keys["beta"]) as http:
        await http.get("/v1/connectors")
        theirs, asked = await _counted(two, _ask(http, route, "secret", "1", "alfa"))
        nobodys, asked_too = await _counted(two, _ask(http, route, "nobody", "1", "gamma"))
    assert theirs.status_code == 404
    assert _told(theirs, "secret") == _told(nobodys, "nobody")
    assert asked == asked_too
    async with two.edge.grpc(two.keys["beta"]) as client:
        for name in ("secret", "nobody"):
            with pytest.raises(NotFound, match=f"No connector '{name}' is known to this hub"):
                await _call(client, route, name)


@pytest.mark.parametrize("route", ERP_ROUTES, ids=lambda r: r.rpc.name)
async def test_a_connector_of_the_same_name_is_the_callers_own(two: Two, route: Route) -> None:
    async with two.edge.http(two.keys["beta"]) as http, two.edge.grpc(two.keys["beta"]) as client:
        answer = await _ask(http, route, "acme", "1", "beta")
        assert answer.status_code == 200, answer.text
        response = await _call(client, route, "acme")
    for told in (answer.text, str(response)):
        assert not any(secret in told for secret in two.secrets)
    alfa, beta = (two.edge.sites.live[ConnectorId(tenant, "acme")].commands for tenant in TENANTS)
    assert [command.operation for command in alfa] == ["CreateCustomer"]
    assert beta[-1].operation == route.rpc.name
    assert beta[-1].caller == "beta-crm"


@pytest.mark.parametrize(
    "route", [r for r in ADMIN_ROUTES if r.rpc.name in NAMED], ids=lambda r: r.rpc.name
)
async def test_what_is_another_tenants_is_as_if_it_were_not_there(two: Two, route: Route) -> None:
    kind = NAMED[route.rpc.name]
    theirs_is, nobodys_is = {
        "connector": ("secret", "nobody"),
        "command": (two.command["alfa"], "0123456789abcdef"),
        "key": (two.key_id["alfa"], "0123456789ab"),
    }[kind]
    async with two.edge.http(two.keys["beta"]) as http:
        await http.get("/v1/connectors")
        theirs, asked = await _counted(two, _ask(http, route, "", theirs_is, ""))
        nobodys, asked_too = await _counted(two, _ask(http, route, "", nobodys_is, ""))
    assert theirs.status_code == 404
    assert _told(theirs, theirs_is) == _told(nobodys, nobodys_is)
    assert asked == asked_too
    async with two.edge.grpc(two.keys["beta"]) as client:
        with pytest.raises(NotFound):
            await _admin(client, route, theirs_is)
    # And it is as it was.
    async with two.edge.grpc(two.keys["alfa"]) as client:
        command = (
            await client.admin.GetCommand(admin.GetCommandRequest(id=two.command["alfa"]))
        ).command
    assert command.state == admin.COMMAND_STATE_SUCCEEDED


@pytest.mark.parametrize("rpc", sorted(OWN))
async def test_lists_have_only_what_is_the_callers_own(two: Two, rpc: str) -> None:
    route = next(r for r in ADMIN_ROUTES if r.rpc.name == rpc)
    await two.edge.audit.flush()
    async with two.edge.http(two.keys["beta"]) as http, two.edge.grpc(two.keys["beta"]) as client:
        answer = await _ask(http, route, "", "", "")
        assert answer.status_code == 200
        lines = await http.get(route.path, headers={"accept": "application/x-ndjson"})
        response = await _admin(client, route, "")
    assert route.items is not None
    assert len(answer.json()[route.items.name]) >= 1
    for told in (answer.text, lines.text, str(response)):
        assert "alfa" not in told
        assert "secret" not in told


@pytest.mark.parametrize("rpc", sorted(NAMES_A_TENANT))
async def test_another_tenant_is_named_by_operators_only_whether_it_is_there_or_not(
    two: Two, rpc: str
) -> None:
    route = next(r for r in ADMIN_ROUTES if r.rpc.name == rpc)
    async with two.edge.http(two.keys["beta"]) as http:
        await http.get("/v1/connectors")
        theirs, asked = await _counted(two, _ask(http, route, "", two.key_id["alfa"], "alfa"))
        nobodys, asked_too = await _counted(two, _ask(http, route, "", two.key_id["alfa"], "gamma"))
    assert theirs.status_code == 403
    assert _told(theirs, "alfa") == _told(nobodys, "gamma")
    assert asked == asked_too


@pytest.mark.parametrize("rpc", sorted(OPERATORS))
async def test_tenants_are_the_operators_affair(two: Two, rpc: str) -> None:
    route = next(r for r in ADMIN_ROUTES if r.rpc.name == rpc)
    async with two.edge.http(two.keys["beta"]) as http:
        assert (await _ask(http, route, "", "", "")).status_code == 403
    operator = await two.edge.key("beta", "operations", Scope.OPERATOR)
    async with two.edge.http(operator) as http:
        assert (await _ask(http, route, "", "", "")).status_code == 200
        assert (await http.get("/v1/commands")).status_code == 403


async def test_a_connector_that_is_made_is_the_callers_own(two: Two) -> None:
    """Alfa has one of that name: nothing tells so, and it is left alone."""
    [route] = [r for r in ADMIN_ROUTES if r.rpc.name in MAKES_OWN]
    async with two.edge.http(two.keys["beta"]) as http:
        assert (await _ask(http, route, "", "", "")).status_code == 200
        assert (await http.get("/v1/connectors/secret")).json()["connector"]["companies"] == []
        await http.post("/v1/connectors/secret:revoke")
    async with two.edge.http(two.keys["alfa"]) as http:
        assert (await http.get("/v1/connectors/secret")).json()["connector"]["companies"] != []
    entries = await two.edge.entries("alfa", connector="secret")
    assert entries == []


async def test_a_page_token_is_good_for_its_tenant_alone_and_tells_nothing(two: Two) -> None:
    for tenant in TENANTS:
        await _write_more(two, tenant)
    async with two.edge.grpc(two.keys["alfa"]) as client:
        first = await client.admin.ListCommands(admin.ListCommandsRequest(page_size=1))
        token = first.next_page_token
        again = admin.ListCommandsRequest(page_size=1, page_token=token)
        assert len((await client.admin.ListCommands(again)).commands) == 1
        elsewhere = admin.ListAuditEntriesRequest(page_token=token)
        with pytest.raises(Invalid, match="page_token"):
            await client.admin.ListAuditEntries(elsewhere)
    async with two.edge.grpc(two.keys["beta"]) as client:
        for wrong in (token, "1", "k.1", "k.\u0105", token[:-2]):
            with pytest.raises(Invalid, match="page_token"):
                await client.admin.ListCommands(admin.ListCommandsRequest(page_token=wrong))


async def _write_more(two: Two, tenant: str) -> None:
    async with two.edge.http(two.keys[tenant]) as http:
        headers = {"idempotency-key": "another"}
        body = {"name": f"Inny {tenant}"}
        await http.post("/v1/connectors/acme/companies/-/customers", json=body, headers=headers)


async def test_an_idempotency_key_is_a_tenants_own(two: Two) -> None:
    """Both used the same one with other content, at connectors of the same name: see the fixture."""
    assert two.command["alfa"] != two.command["beta"]
    async with two.edge.grpc(two.keys["beta"]) as client:
        wanted = admin.ListCommandsRequest(idempotency_key="the same")
        found = (await client.admin.ListCommands(wanted)).commands
    assert [command.id for command in found] == [two.command["beta"]]


async def test_the_hubs_own_entries_are_for_operators(two: Two) -> None:
    async with two.edge.http("mostek_000000000000_" + "x" * 43) as http:
        assert (await http.get("/v1/commands")).status_code == 401
    operator = await two.edge.key("beta", "operations", Scope.OPERATOR)
    async with two.edge.grpc(operator) as client:
        request = admin.ListAuditEntriesRequest(tenant="-", kinds=[admin.AUDIT_KIND_REFUSAL])
        [entry] = (await client.admin.ListAuditEntries(request)).audit_entries
        assert "000000000000" in entry.detail
    async with two.edge.grpc(two.keys["beta"]) as client:
        with pytest.raises(Denied):
            await client.admin.ListAuditEntries(request)


async def _counted(two: Two, asking: Any) -> tuple[httpx.Response, int]:
    before = two.edge.transactions
    answer = await asking
    return answer, two.edge.transactions - before


def _told(answer: httpx.Response, name: str) -> Any:
    """A response without the id of its call and the name that was asked for."""
    told = json.loads(answer.text.replace(name, "X"))
    told.pop("command_id", None)
    headers = {
        k: v for k, v in answer.headers.items() if k not in ("mostek-command", "content-length")
    }
    return answer.status_code, told, headers


def _path(route: Route, connector: str, named: str) -> str:
    return route.path.format(connector=connector, company="-", id=named, name=named)


async def _ask(
    http: httpx.AsyncClient, route: Route, connector: str, named: str, tenant: str
) -> httpx.Response:
    name = route.rpc.name
    query = dict(QUERIES.get(name, {}))
    if name in NAMES_A_TENANT and tenant and name != "CreateApiKey":
        query["tenant"] = tenant
    if name == "ListCertificates":
        query["connector"] = named
    if name == "ResolveCommand":
        query["resolution"] = "COMMAND_RESOLUTION_NOT_WRITTEN"
    body = None
    if route.body is not None:
        body = json.loads(json.dumps(BODIES[name]).replace("{tenant}", tenant))
    return await http.request(
        route.method,
        _path(route, connector, named),
        params=query,
        json=body,
        headers={"idempotency-key": f"walk {named}"},
    )


async def _call(client: Client, route: Route, connector: str) -> Message:
    request: Any = OPERATIONS[route.rpc.name].request()
    if route.key:
        setattr(request, route.key, "1")
    if route.body is not None:
        ParseDict(BODIES[route.rpc.name], getattr(request, route.body.name))
    ParseDict(QUERIES.get(route.rpc.name, {}), request)
    called = client.connector(connector).with_key("walk 1")
    response: Message = await getattr(called, route.rpc.name)(request)
    return response


async def _admin(client: Client, route: Route, named: str) -> Message:
    request: Any = GetMessageClass(route.rpc.input_type)()
    if route.key:
        setattr(request, route.key, named)
    if route.rpc.name == "ListCertificates":
        request.connector = named
    if route.rpc.name == "ResolveCommand":
        request.resolution = admin.COMMAND_RESOLUTION_NOT_WRITTEN
    response: Message = await getattr(client.admin, route.rpc.name)(request)
    return response
