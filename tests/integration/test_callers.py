"""Who may call: keys, scopes, restrictions, rates, and what the audit keeps of it, through both APIs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToDict
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from structlog.testing import capture_logs

from mostek.admin.v1 import admin_service_pb2 as admin
from mostek.erp.v1.customer_pb2 import (
    CreateCustomerRequest,
    CustomerDraft,
    ListCustomersRequest,
    ListCustomersResponse,
)
from mostek.erp.v1.order_pb2 import (
    CreateOrderRequest,
    CreateOrderResponse,
    CustomerChoice,
    OrderDraft,
    OrderLineDraft,
    ProductChoice,
)
from mostek.erp.v1.product_pb2 import ListProductsRequest
from mostek.hub.audit import Audit
from mostek.hub.callers import MACHINE
from mostek.hub.gate import BELIEVED, Keys
from mostek.hub.hub import Hub
from mostek.hub.identity import Caller, ConnectorId, Scope
from mostek.hub.rates import Bucket
from mostek.hub.store import AuditKind, KeyStore, StoreError
from mostek.link.v1.failure_pb2 import FailureKind
from mostek.wire.failures import (
    CommandFailure,
    Conflict,
    Denied,
    Internal,
    Invalid,
    NotFound,
    Overloaded,
    Rejected,
    Unauthenticated,
    Unsupported,
)

from .conftest import hub_config
from .tenants import Edge, edge_of

CUSTOMERS = "/v1/connectors/acme/companies/-/customers"
ALL = (Scope.READ, Scope.WRITE, Scope.ADMIN)


class Clock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def edge(clock: Clock) -> AsyncIterator[Edge]:
    async with edge_of("sqlite://", clock=clock, steady=clock) as running:
        running.sites.connect("default", "acme")
        running.sites.connect("default", "warsaw-1")
        yield running


async def status(edge: Edge, key: str, path: str = CUSTOMERS) -> int:
    async with edge.http(key) as http:
        return (await http.get(path)).status_code


def order() -> CreateOrderRequest:
    line = OrderLineDraft(product=ProductChoice(code="A"), quantity="1")
    draft = OrderDraft(external_number="1", buyer=CustomerChoice(id="1"), lines=[line])
    return CreateOrderRequest(order=draft)


def write(name: str = "Zakład") -> CreateCustomerRequest:
    return CreateCustomerRequest(customer=CustomerDraft(name=name))


async def test_a_key_opens_both_apis_and_the_site_is_told_its_name(edge: Edge) -> None:
    key = await edge.key("default", "crm", Scope.READ)
    assert await status(edge, key) == 200
    async with edge.grpc(key) as client:
        await client.connector("acme").ListCustomers(ListCustomersRequest())
    site = edge.sites.live[ConnectorId("default", "acme")]
    assert [command.caller for command in site.commands] == ["crm", "crm"]


async def test_all_that_is_no_key_is_refused_in_the_same_words(edge: Edge, clock: Clock) -> None:
    key = await edge.key("default", "crm", Scope.READ)
    wrong = [
        "",
        "x",
        key[:-1] + ("A" if key[-1] != "A" else "B"),
        "mostek_000000000000_" + key[-43:],
        "mostek_" + "0" * 12 + "_" + "\u0142" * 43,
        "a.b.c",
    ]
    told = set()
    for text in wrong:
        async with edge.http() as http:
            headers = [(b"authorization", f"Bearer {text}".encode())]
            answer = await http.get(CUSTOMERS, headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        told.add(answer.json()["detail"])
    assert len(told) == 1
    async with edge.http() as http:
        basic = await http.get(CUSTOMERS, headers={"authorization": f"Basic {key}"})
        small = await http.get(CUSTOMERS, headers={"authorization": f"bearer  {key}"})
    assert (basic.status_code, small.status_code) == (401, 200)
    async with edge.grpc("mostek_000000000000_" + "x" * 43) as client:
        with pytest.raises(Unauthenticated, match="No valid API key"):
            await client.connectors()


async def test_an_expired_key_is_told_so_to_its_holder_alone(edge: Edge, clock: Clock) -> None:
    key = await edge.key("default", "crm", Scope.READ)
    short = await edge.callers.keys("default", "", 10)
    async with edge.grpc(await edge.key("default", "chief", Scope.ADMIN)) as client:
        wanted = admin.ApiKey(name="short", scopes=["read"])
        wanted.expires_at.FromSeconds(int(clock.now) + 60)
        made = await client.admin.CreateApiKey(admin.CreateApiKeyRequest(api_key=wanted))
    assert await status(edge, made.key) == 200
    clock.now += 61
    async with edge.http(made.key) as http:
        answer = await http.get(CUSTOMERS)
    assert (answer.status_code, answer.json()["detail"]) == (401, "The API key has expired.")
    assert await status(edge, key) == 200
    assert len(short) == 1


async def test_a_key_is_shown_once_and_kept_as_a_hash(edge: Edge) -> None:
    chief = await edge.key("default", "chief", Scope.ADMIN)
    secrets = [chief[-43:]]
    with capture_logs() as logs:
        async with edge.http(chief) as http:
            body = {"name": "crm", "scopes": ["read"]}
            made = (await http.post("/v1/api_keys", json=body)).json()
            secrets.append(made["key"][-43:])
            assert await status(edge, made["key"]) == 200
            assert await status(edge, made["key"][:-1] + "!") == 401
            told = [(await http.get(f"/v1/{path}")).text for path in ("api_keys", "audit_entries")]
    kept = await edge.store.do(_everything)
    everything = "".join([*told, repr(logs), kept, repr(await edge.callers.keys("default", "", 9))])
    assert made["api_key"]["id"] in everything
    for secret in secrets:
        assert secret not in everything


async def _everything(connection: Any) -> str:
    from sqlalchemy import text

    found = []
    for table in ("api_key", "audit", "tenant"):
        rows = await connection.execute(text(f"SELECT * FROM {table}"))
        found += [str(tuple(row)) for row in rows]
    return "".join(found)


async def test_a_revoked_key_is_refused_at_once_here_and_soon_elsewhere(
    edge: Edge, clock: Clock
) -> None:
    key = await edge.key("default", "crm", Scope.READ)
    other = Keys(KeyStore(edge.store), edge.audit, rate=9, burst=9, clock=clock, steady=clock)
    bearer = f"Bearer {key}"
    assert await status(edge, key) == 200
    assert (await other.admit(bearer, lambda: "", "x")).name == "crm"
    async with edge.grpc(await edge.key("default", "chief", Scope.ADMIN)) as client:
        revoke = admin.RevokeApiKeyRequest(id=key.split("_")[1])
        assert (await client.admin.RevokeApiKey(revoke)).api_key.HasField("revoked_at")
    assert await status(edge, key) == 401
    await other.confirm()
    with pytest.raises(Unauthenticated, match="was revoked"):
        await other.admit(bearer, lambda: "", "x")


async def test_a_key_is_believed_for_a_minute_without_the_database_and_no_longer(
    edge: Edge, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await edge.key("default", "crm", Scope.READ)
    fresh = await edge.key("default", "fresh", Scope.READ)
    assert await status(edge, key) == 200

    async def away(work: Any) -> Any:
        raise StoreError("away")

    monkeypatch.setattr(edge.store, "do", away)
    clock.now += BELIEVED
    assert await status(edge, key) == 200
    assert await status(edge, fresh) == 500
    clock.now += 1
    async with edge.grpc(key) as client:
        with pytest.raises(Internal, match="can't check keys now") as caught:
            await client.connectors()
    assert caught.value.retriable
    monkeypatch.undo()
    assert await status(edge, key) == 200


async def test_what_the_database_confirms_is_believed_anew(edge: Edge, clock: Clock) -> None:
    key = await edge.key("default", "crm", Scope.READ)
    assert await status(edge, key) == 200
    clock.now += BELIEVED
    await edge.keys.confirm()
    before = edge.transactions
    clock.now += BELIEVED
    assert await status(edge, key) == 200
    assert edge.transactions == before


async def test_many_that_come_at_once_with_one_key_ask_the_database_once(edge: Edge) -> None:
    key = await edge.key("default", "crm", Scope.READ)
    before = edge.transactions
    async with edge.http(key) as http:
        answers = await asyncio.gather(*(http.get(CUSTOMERS) for _ in range(100)))
    assert {answer.status_code for answer in answers} == {200}
    assert edge.transactions == before + 1


async def test_a_wrong_secret_at_the_same_moment_does_no_harm_to_the_right_one(edge: Edge) -> None:
    key = await edge.key("default", "crm", Scope.READ)
    wrong = key[:-1] + ("A" if key[-1] != "A" else "B")
    found = tuple(await asyncio.gather(status(edge, wrong), status(edge, key), status(edge, wrong)))
    assert found == (401, 200, 401)


async def test_a_key_that_is_used_too_fast_is_told_when_to_come_back(
    edge: Edge, clock: Clock
) -> None:
    key = await edge.key("default", "crm", Scope.READ, Scope.ADMIN, rate=2.0)
    other = await edge.key("default", "other", Scope.READ)
    seen = [await status(edge, key) for _ in range(3)]
    assert seen == [200, 200, 429]
    async with edge.http(key) as http:
        answer = await http.get(CUSTOMERS)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert answer.json()["retry_after"] == 0.5
    async with edge.grpc(key) as client:
        with pytest.raises(Overloaded) as caught:
            await client.connectors()
    assert (caught.value.retriable, caught.value.retry_after) == (True, 0.5)
    assert await status(edge, other) == 200
    clock.now += 0.5
    assert await status(edge, key) == 200
    [entry] = await edge.entries("default", kinds=frozenset({AuditKind.REFUSAL}))
    assert (entry.caller, entry.outcome, entry.detail) == ("crm", "Overloaded", "3 calls")


async def test_attempts_without_a_key_are_limited_before_the_database_is_asked(
    edge: Edge, clock: Clock
) -> None:
    valid = await edge.key("default", "crm", Scope.READ)
    assert await status(edge, valid) == 200
    seen = [await status(edge, f"mostek_{number:012x}_{'x' * 43}") for number in range(60)]
    assert [seen.count(401), seen.count(429)] == [50, 10]
    before = edge.transactions
    assert await status(edge, "mostek_" + "0" * 12 + "_" + "y" * 43) == 429
    assert edge.transactions == before
    assert await status(edge, valid) == 200
    clock.now += 1
    assert await status(edge, "") == 401
    kept = await edge.entries("-", kinds=frozenset({AuditKind.REFUSAL}))
    assert [entry.detail for entry in kept if entry.outcome == "Overloaded"] == ["11 calls"]


async def test_attempts_from_everywhere_fill_neither_the_audit_nor_the_database(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has a large network has as many addresses as anybody likes; all are refused, and counted."""
    monkeypatch.setattr(edge.keys, "_refusals", Bucket(1.0, 5, edge.clock()))
    for number in range(40):
        with pytest.raises(Unauthenticated):
            await edge.keys.admit("Bearer nothing", partial(str, f"2001:db8:0:{number:x}::1"), "X")
    entries = await edge.entries("-", kinds=frozenset({AuditKind.REFUSAL}))
    assert [entry.detail for entry in entries if entry.operation == "call"] == ["35 calls"]
    assert len(entries) == 6


async def test_of_many_that_are_counted_those_beyond_some_are_counted_together(edge: Edge) -> None:
    for number in range(1000):
        edge.audit.count(Caller("-", f"2001:db8::{number:x}"), "Overloaded")
        edge.audit.count(Caller("default", "crm"), "Overloaded")
    entries = await edge.entries("-", kinds=frozenset({AuditKind.REFUSAL}))
    assert 100 <= len(entries) <= 300
    assert sum(int(entry.detail.split()[0]) for entry in entries) == 1000
    assert [
        entry.detail
        for entry in await edge.entries("default", kinds=frozenset({AuditKind.REFUSAL}))
    ] == ["1000 calls"]


async def test_without_a_key_only_little_is_read(edge: Edge) -> None:
    """Before anybody is known to be entitled to anything."""
    async with edge.http() as http:
        for path in ("/v1/enroll", "/v1/challenge", "/v1/renew"):
            answer = await http.post(path, json={"csr": "x" * 65536})
            assert answer.status_code == 413
            assert (await http.post(path, json={"csr": "x" * 60_000})).status_code in (200, 400)


async def test_scopes_part_reading_from_writing_and_both_from_administration(edge: Edge) -> None:
    reads, writes, admins = [
        await edge.key("default", scope.value, scope)
        for scope in (Scope.READ, Scope.WRITE, Scope.ADMIN)
    ]
    for key, may in ((reads, "r"), (writes, "w"), (admins, "a")):
        async with edge.grpc(key) as client:
            acme = client.connector("acme")
            assert await _may(acme.ListCustomers(ListCustomersRequest())) == (may == "r")
            assert await _may(acme.with_key(may).CreateCustomer(write())) == (may == "w")
            assert await _may(client.admin.ListApiKeys(admin.ListApiKeysRequest())) == (may == "a")
            assert await _may(client.connectors())
    kept = await edge.entries("default", kinds=frozenset({AuditKind.REFUSAL}))
    assert [(entry.caller, entry.operation, entry.outcome) for entry in kept] == [
        ("read", "CreateCustomer", "Denied"),
        ("read", "ListApiKeys", "Denied"),
        ("write", "ListCustomers", "Denied"),
        ("write", "ListApiKeys", "Denied"),
        ("admin", "ListCustomers", "Denied"),
        ("admin", "CreateCustomer", "Denied"),
    ]


async def _may(call: Any) -> bool:
    try:
        await call
    except Denied:
        return False
    return True


async def test_a_key_of_some_connectors_sees_and_settles_theirs_alone(edge: Edge) -> None:
    wide = await edge.key("default", "wide", *ALL)
    ids = {}
    async with edge.grpc(wide) as client:
        for name in ("acme", "warsaw-1"):
            await client.connector(name).with_key("k").CreateCustomer(write())
            found = await client.admin.ListCommands(admin.ListCommandsRequest(connector=name))
            ids[name] = found.commands[0].id
    narrow = await edge.key("default", "narrow", *ALL, connectors=("warsaw-*",))
    async with edge.grpc(narrow) as client:
        assert [c.name for c in await client.connectors()] == ["warsaw-1"]
        await client.connector("warsaw-1").ListCustomers(ListCustomersRequest())
        hidden: list[Any] = [
            client.connector("acme").ListCustomers(ListCustomersRequest()),
            client.connector("nobody").ListCustomers(ListCustomersRequest()),
            client.admin.GetConnector(admin.GetConnectorRequest(name="acme")),
            client.admin.GetCommand(admin.GetCommandRequest(id=ids["acme"])),
            client.admin.CancelCommand(admin.CancelCommandRequest(id=ids["acme"])),
        ]
        for ask in hidden:
            with pytest.raises(NotFound, match="is known to this hub"):
                await ask
        listed = await client.admin.ListCommands(admin.ListCommandsRequest())
        assert [command.id for command in listed.commands] == [ids["warsaw-1"]]


async def test_a_key_of_some_operations_may_do_no_others_nor_see_their_commands(edge: Edge) -> None:
    async with edge.grpc(await edge.key("default", "wide", *ALL)) as client:
        await client.connector("acme").with_key("k").CreateCustomer(write())
    narrow = await edge.key("default", "narrow", *ALL, operations=("List*", "CreateOrder"))
    async with edge.grpc(narrow) as client:
        acme = client.connector("acme")
        await acme.ListProducts(ListProductsRequest())
        with pytest.raises(Denied, match="narrow may not call CreateCustomer"):
            await acme.with_key("k").CreateCustomer(write())
        assert not (await client.admin.ListCommands(admin.ListCommandsRequest())).commands


async def test_a_field_that_a_key_may_not_see_is_told_to_the_site_and_never_returned(
    edge: Edge,
) -> None:
    wide = await edge.key("default", "wide", *ALL)
    key = await edge.key(
        "default", "narrow", *ALL, denied_fields=("Customer.pesel", "CustomerMatch.id")
    )
    site = edge.sites.live[ConnectorId("default", "acme")]
    async with edge.grpc(wide) as client:
        acme = client.connector("acme")
        whole: ListCustomersResponse = await acme.ListCustomers(ListCustomersRequest())
        assert whole.customers[0].pesel
        assert (await acme.with_key("k").CreateCustomer(write())).customer.id
    async with edge.grpc(key) as client:
        acme = client.connector("acme")
        # The fake site does not keep to it, so what takes it out is the hub.
        pruned = await acme.ListCustomers(ListCustomersRequest())
        assert (pruned.customers[0].pesel, pruned.customers[0].name) == ("", "Klient default")
        assert list(site.commands[-1].denied_fields) == ["Customer.pesel", "CustomerMatch.id"]
        # The outcome was made for another caller.
        assert not (await acme.with_key("k").CreateCustomer(write())).customer.id
        [command] = (await client.admin.ListCommands(admin.ListCommandsRequest())).commands
        found = await client.admin.GetCommand(admin.GetCommandRequest(id=command.id))
    assert b"default-1" not in found.command.response.value
    async with edge.http(key) as http:
        exported = await http.get(CUSTOMERS, headers={"accept": "application/x-ndjson"})
    assert "Klient default" in exported.text
    assert "44051401458" not in exported.text


async def test_a_denied_number_is_in_no_listing_of_commands(edge: Edge) -> None:
    site = edge.sites.live[ConnectorId("default", "acme")]
    wide = await edge.key("default", "wide", *ALL)
    narrow = await edge.key("default", "narrow", *ALL, denied_fields=("Order.number",))
    site.responses["CreateOrder"] = CreateOrderResponse(id="7", number="ZK 7/2026")
    async with edge.grpc(wide) as client:
        await client.connector("acme").with_key("k").CreateOrder(order())
        [command] = (await client.admin.ListCommands(admin.ListCommandsRequest())).commands
        assert (command.erp_id, command.erp_number) == ("7", "ZK 7/2026")
    async with edge.grpc(narrow) as client:
        [listed] = (await client.admin.ListCommands(admin.ListCommandsRequest())).commands
        one = await client.admin.GetCommand(admin.GetCommandRequest(id=command.id))
        waited = await client.admin.WaitCommand(admin.WaitCommandRequest(id=command.id))
    for found in (listed, one.command, waited.command):
        assert found.erp_id == "7"
        assert "ZK 7" not in str(found)
    # Also when the answer to the write itself is the command.
    async with edge.http(narrow) as http:
        path = CUSTOMERS.replace("customers", "orders")
        headers = {"idempotency-key": "k", "prefer": "respond-async"}
        answer = await http.post(path, json=MessageToDict(order().order), headers=headers)
    assert answer.status_code in (200, 202)
    assert "ZK 7" not in answer.text


async def test_of_a_stored_outcome_a_key_sees_nothing_that_the_hub_does_not_know(
    edge: Edge,
) -> None:
    """A field of a newer contract can't be told to be allowed."""
    site = edge.sites.live[ConnectorId("default", "acme")]
    newer = CreateOrderResponse(id="7").SerializeToString() + b"\xfa\x3e\x05newer"
    site.responses["CreateOrder"] = CreateOrderResponse.FromString(newer)
    async with edge.grpc(await edge.key("default", "wide", *ALL)) as client:
        await client.connector("acme").with_key("k").CreateOrder(order())
        [command] = (await client.admin.ListCommands(admin.ListCommandsRequest())).commands
        whole = await client.admin.GetCommand(admin.GetCommandRequest(id=command.id))
        assert b"newer" in whole.command.response.value
    narrow = await edge.key("default", "narrow", *ALL, denied_fields=("Order.number",))
    async with edge.grpc(narrow) as client:
        found = await client.admin.GetCommand(admin.GetCommandRequest(id=command.id))
    assert b"newer" not in found.command.response.value


async def test_why_a_command_failed_is_not_told_to_a_key_that_could_not_have_asked_so(
    edge: Edge,
) -> None:
    """A total that was not met is named in the failure."""
    site = edge.sites.live[ConnectorId("default", "acme")]
    site.responses["CreateOrder"] = Rejected.of("order.expected_total", "it comes to 7.77 gross")
    asked = order()
    asked.order.expected_total = "1.00"
    async with edge.grpc(await edge.key("default", "wide", *ALL)) as client:
        with pytest.raises(Rejected, match=r"7\.77"):
            await client.connector("acme").with_key("k").CreateOrder(asked)
        [command] = (await client.admin.ListCommands(admin.ListCommandsRequest())).commands
    for denied, told in (("Order.gross", False), ("Customer.pesel", True)):
        key = await edge.key(
            "default", denied.partition(".")[0].lower(), *ALL, denied_fields=(denied,)
        )
        async with edge.grpc(key) as client:
            found = await client.admin.GetCommand(admin.GetCommandRequest(id=command.id))
        assert found.command.failure.kind == FailureKind.FAILURE_KIND_REJECTED
        assert ("7.77" in str(found)) is told


async def test_a_restricted_administrator_reads_of_what_its_key_sees_alone(edge: Edge) -> None:
    async with edge.grpc(await edge.key("default", "wide", *ALL)) as client:
        for name in ("acme", "warsaw-1"):
            await client.connector(name).with_key("k").CreateCustomer(write())
            await client.connector(name).ListCustomers(ListCustomersRequest())
        [command, _] = (await client.admin.ListCommands(admin.ListCommandsRequest())).commands
        await client.admin.GetCommand(admin.GetCommandRequest(id=command.id))
    await edge.audit.flush()

    async def seen(name: str, **reach: Any) -> set[tuple[str, str]]:
        async with edge.grpc(await edge.key("default", name, Scope.ADMIN, **reach)) as client:
            found = await client.admin.ListAuditEntries(admin.ListAuditEntriesRequest())
        return {(entry.connector, entry.operation) for entry in found.audit_entries}

    everything = await seen("chief")
    assert {("", "CreateApiKey"), ("", "GetCommand"), ("acme", "ListCustomers")} < everything
    assert await seen("narrow", connectors=("warsaw-*",)) == {
        ("warsaw-1", "CreateCustomer"),
        ("warsaw-1", "ListCustomers"),
    }
    kept = {one for one in everything if one[0] and one[1] == "ListCustomers"}
    assert await seen("reader", operations=("List*",)) == kept


async def test_a_key_asks_by_no_field_that_it_may_not_see(edge: Edge) -> None:
    key = await edge.key("default", "narrow", *ALL, denied_fields=("Order.gross", "TaxId.number"))
    site = edge.sites.live[ConnectorId("default", "acme")]
    line = OrderLineDraft(product=ProductChoice(code="A"), quantity="1")
    buyer = CustomerChoice(id="1")
    order = OrderDraft(external_number="1", buyer=buyer, lines=[line], expected_total="7.00")
    async with edge.grpc(key) as client:
        acme = client.connector("acme")
        with pytest.raises(Denied, match=r"order\.expected_total: is not allowed by this key"):
            await acme.with_key("k").CreateOrder(CreateOrderRequest(order=order))
        with pytest.raises(Denied, match=r"tax_id: .* keeps Customer\.tax_id\.number back"):
            await acme.ListCustomers(ListCustomersRequest(tax_id="5261040828"))
    assert not site.commands


async def test_an_order_of_nothing_but_faults_is_told_what_is_wrong_with_it(edge: Edge) -> None:
    """All that gRPC takes with a status is a few kilobytes."""
    lines = [OrderLineDraft(quantity="ą")] * 1000
    request = CreateOrderRequest(order=OrderDraft(external_number="1", lines=lines))
    key = await edge.key("default", "crm", Scope.WRITE)
    async with edge.grpc(key) as client:
        with pytest.raises(Invalid, match=r"order.lines\[0\].quantity: must be a decimal"):
            await client.connector("acme").with_key("1").CreateOrder(request)
    async with edge.http(key) as http:
        body = {"external_number": "1", "lines": [{"quantity": "ą"}] * 1000}
        path = CUSTOMERS.replace("customers", "orders")
        answer = await http.post(path, json=body, headers={"idempotency-key": "1"})
    assert answer.status_code == 400
    assert answer.json()["violations"][1]["field"] == "order.lines[0].product"


async def test_a_connector_that_knows_nothing_of_denied_fields_is_not_asked(edge: Edge) -> None:
    key = await edge.key("default", "narrow", Scope.READ, denied_fields=("Customer.pesel",))
    site = edge.sites.live[ConnectorId("default", "acme")]
    site.denies_fields = False
    async with edge.grpc(key) as client:
        with pytest.raises(Unsupported, match="too old for a key that may not see some fields"):
            await client.connector("acme").ListCustomers(ListCustomersRequest())
    assert not site.commands


async def test_an_administrator_can_give_only_what_is_the_tenants(edge: Edge) -> None:
    async with edge.grpc(await edge.key("default", "chief", Scope.ADMIN)) as client:

        async def make(**fields: Any) -> Any:
            wanted = {"name": "crm", "scopes": ["read"]} | fields
            request = admin.CreateApiKeyRequest(api_key=admin.ApiKey(**wanted))
            return await client.admin.CreateApiKey(request)

        with pytest.raises(Denied, match="made on the hub's machine"):
            await make(scopes=["operator"])
        with pytest.raises(Denied, match="Only an operator gives a key more than 1000"):
            await make(rate=1001.0)
        with pytest.raises(Denied, match="named by the hub's operators only"):
            await make(tenant="beta")
        with pytest.raises(Invalid) as caught:
            await make(name="No", operations=["Nothing"], denied_fields=["Customer.shoe"])
        fields = {violation.field for violation in caught.value.violations}
        assert fields == {"name", "operations", "denied_fields"}
        await make()
        with pytest.raises(Conflict, match="revoke it, or take another name"):
            await make()
    narrow = await edge.key("default", "narrow", Scope.ADMIN, connectors=("acme",))
    async with edge.grpc(narrow) as client:
        with pytest.raises(Denied, match="makes no keys"):
            await make(name="more")


async def test_an_export_ends_when_its_key_is_revoked(edge: Edge) -> None:
    key = await edge.key("default", "crm", Scope.READ)
    site = edge.sites.live[ConnectorId("default", "acme")]

    async def pages(command: Any, request: bytes, **_: Any) -> bytes:
        site.commands.append(command)
        if len(site.commands) == 3:
            await edge.callers.revoke(MACHINE, "default", key.split("_")[1])
        return ListCustomersResponse(next_page_token="more").SerializeToString()

    site.call = pages  # type: ignore[method-assign]
    async with edge.http(key) as http:
        answer = await http.get(CUSTOMERS, headers={"accept": "application/x-ndjson"})
    assert '"kind":"UNAUTHENTICATED"' in answer.text.splitlines()[-1]
    assert len(site.commands) <= 4


async def test_when_a_key_was_used_last_is_kept(edge: Edge, clock: Clock) -> None:
    key = await edge.key("default", "crm", Scope.READ)
    clock.now += 5
    assert await status(edge, key) == 200
    await edge.keys.save()
    [kept] = await edge.callers.keys("default", "", 10)
    assert kept.last_used_at == clock.now


async def test_what_is_called_is_in_the_audit(edge: Edge) -> None:
    key = await edge.key("default", "crm", *ALL)
    async with edge.grpc(key) as client:
        acme = client.connector("acme")
        read = acme.ListCustomers(ListCustomersRequest())
        await read
        read_id = (await read.trailing_metadata())["mostek-command"]
        for _ in range(2):
            await acme.with_key("k").CreateCustomer(write())
        with pytest.raises(CommandFailure):
            await acme.with_key("k").CreateCustomer(CreateCustomerRequest())
        [command] = (await client.admin.ListCommands(admin.ListCommandsRequest())).commands
        with pytest.raises(CommandFailure):
            await client.admin.RetryCommand(admin.RetryCommandRequest(id=command.id))
    kept = await edge.entries("default", connector="acme")
    told = [(e.kind, e.operation, e.outcome, e.command_id == command.id) for e in kept]
    assert told == [
        ("write", "CreateCustomer", "recorded", True),
        ("write", "CreateCustomer", "succeeded", True),
        ("write", "CreateCustomer", "repeated", True),
        ("read", "ListCustomers", "ok", False),
        ("write", "CreateCustomer", "Invalid", False),
    ]
    assert kept[3].command_id == read_id
    assert {entry.caller for entry in kept} == {"crm"}
    acts = await edge.entries("default", kinds=frozenset({AuditKind.ADMIN}))
    assert [(e.operation, e.outcome) for e in acts] == [
        ("CreateApiKey", "ok"),
        ("RetryCommand", "asked"),
        ("RetryCommand", "Rejected"),
    ]
    assert acts[1].command_id == command.id


async def test_without_the_audit_an_administrator_does_nothing_and_the_refused_stay_so(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await edge.key("default", "crm", Scope.READ, Scope.ADMIN)
    assert await status(edge, key) == 200

    async def away(*_: Any, **__: Any) -> None:
        raise StoreError("away")

    monkeypatch.setattr(edge.audit._store, "add", away)
    async with edge.grpc(key) as client:
        with pytest.raises(Internal):
            await client.admin.CancelCommand(admin.CancelCommandRequest(id="1"))
        with pytest.raises(Denied):
            await client.connector("acme").with_key("k").CreateCustomer(write())
    monkeypatch.undo()
    [loss] = await edge.entries("default", kinds=frozenset({AuditKind.LOSS}))
    assert loss.detail == "1 entries were lost"


async def test_reads_wait_for_a_database_that_is_away_as_far_as_there_is_room(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await edge.key("default", "crm", Scope.READ)
    edge.audit._most = 5
    add = Audit.flush
    store_add = edge.audit._store.add

    async def away(*_: Any) -> None:
        raise StoreError("away")

    monkeypatch.setattr(edge.audit._store, "add", away)
    for _ in range(8):
        assert await status(edge, key) == 200
        await add(edge.audit)
    monkeypatch.setattr(edge.audit._store, "add", store_add)
    kept = await edge.entries("default", kinds=frozenset({AuditKind.READ, AuditKind.LOSS}))
    assert [entry.kind for entry in kept] == [AuditKind.READ] * 5 + [AuditKind.LOSS]
    assert kept[-1].detail == "3 entries were lost"


@pytest.mark.parametrize("insecure", [True, False])
async def test_health_asks_for_no_key_and_reflection_is_for_insecure_hubs(
    edge: Edge, tmp_path: Path, insecure: bool
) -> None:
    hub = Hub(hub_config(tmp_path, insecure=insecure))
    server, _ = hub._api_server(*edge.parts)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        asked = health_pb2.HealthCheckRequest()
        assert (await health_pb2_grpc.HealthStub(channel).Check(asked)).status
        reflect = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(
            iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        )
        if insecure:
            assert (await reflect.read()).list_services_response.service
        else:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await reflect.read()
            assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    await server.stop(None)
