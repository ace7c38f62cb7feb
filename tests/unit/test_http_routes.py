"""The HTTP API through the whole application and the real router, with a connector that answers from memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import httpx
import pytest
from google.protobuf.message import Message

from mostek.admin.v1 import admin_service_pb2 as admin
from mostek.erp.v1 import customer_pb2, erp_pb2, invoice_pb2, order_pb2, receivable_pb2, record_pb2
from mostek.hub.admin import Admin
from mostek.hub.audit import Audit
from mostek.hub.gate import ANYBODY
from mostek.hub.http import app, create_app
from mostek.hub.http.routes import ADMIN_ROUTES, ERP_ROUTES
from mostek.hub.identity import Caller, ConnectorId
from mostek.hub.keyring import Keyring
from mostek.hub.registry import Registry
from mostek.hub.router import Router
from mostek.hub.session import LiveSession
from mostek.hub.store import AuditStore, Store
from mostek.hub.writes import Writes
from mostek.link.v1.link_pb2 import Command
from mostek.wire.failures import Locked, NotFound, Rejected, UnknownOutcome, Violation
from mostek.wire.operations import OPERATIONS

from .conftest import admin_of, apis

BASE = "/v1/connectors/acme/companies/-"
ORDER = {
    "external_number": "CRM-1",
    "buyer": {"tax_id": "526-10-40-828"},
    "lines": [{"product": {"code": "M8"}, "quantity": "2", "price": {"net": "1.50"}}],
}


class Site(Registry):
    """A connector `acme` that has room. `answer` stands for its plugin."""

    def __init__(self) -> None:
        super().__init__()
        self.commands: list[Command] = []
        self.requests: list[Any] = []
        self.answer: Callable[[Any], Awaitable[Message]] = self._empty

    def pick(self, connector: ConnectorId, company: str, operation: str) -> tuple[LiveSession, str]:
        if connector.name != "acme":
            raise NotFound(f"No connector {connector.name!r} is known to this hub.")
        return cast(LiveSession, self), "main"

    def company(self, connector: ConnectorId, company: str, operation: str) -> str:
        return self.pick(connector, company, operation)[1]

    def is_here(self, wanted: ConnectorId) -> bool:
        return wanted.name == "acme"

    session_id = "s"

    def acknowledge(self, company: str, idempotency_key: str) -> bool:
        return False

    async def call(
        self,
        command: Command,
        request: bytes,
        *,
        timeout: float | None,
        stop_when_abandoned: bool,
        watch: Callable[[Any], None] | None = None,
    ) -> bytes:
        message = OPERATIONS[command.operation].request.FromString(request)
        self.commands.append(command)
        self.requests.append(message)
        return (await self.answer(message)).SerializeToString()

    async def _empty(self, request: Any) -> Message:
        return OPERATIONS[self.commands[-1].operation].response()


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
async def http(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    store = await Store.open("sqlite://", Keyring({"k": b"1" * 32}))
    writes = Writes(site, store)
    audit = Audit(AuditStore(store))
    router = Router(site, writes, audit)
    app = create_app(router, admin_of(site, writes, audit), ANYBODY, ready=lambda: False)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        await writes.dispatcher.start()
        yield client
        await writes.dispatcher.stop()
    await store.close()


def answers(response: Message) -> Callable[[Any], Awaitable[Message]]:
    async def answer(request: Any) -> Message:
        return response

    return answer


def fails(failure: Exception) -> Callable[[Any], Awaitable[Message]]:
    async def answer(request: Any) -> Message:
        raise failure

    return answer


def fields(response: httpx.Response) -> list[str]:
    return [violation["field"] for violation in response.json()["violations"]]


def test_paths_follow_the_aip_rules() -> None:
    paths = {route.rpc.name: f"{route.method} {route.path}" for route in ERP_ROUTES}
    company = "/v1/connectors/{connector}/companies/{company}"
    assert paths["DescribeErp"] == f"GET {company}:describe"
    assert paths["ListCustomers"] == f"GET {company}/customers"
    assert paths["GetCustomer"] == f"GET {company}/customers/{{id}}"
    assert paths["GetCustomerBalance"] == f"GET {company}/customers/{{id}}/balance"
    assert paths["CreateCustomer"] == f"POST {company}/customers"
    assert paths["ListRecords"] == f"GET {company}/records"
    assert paths["ValidateOrder"] == f"POST {company}/orders:validate"
    assert paths["CreateOrder"] == f"POST {company}/orders"
    admin_paths = {route.rpc.name: f"{route.method} {route.path}" for route in ADMIN_ROUTES}
    assert admin_paths == {
        "ListConnectors": "GET /v1/connectors",
        "GetConnector": "GET /v1/connectors/{name}",
        "CreateConnector": "POST /v1/connectors",
        "RevokeConnector": "POST /v1/connectors/{name}:revoke",
        "ListCertificates": "GET /v1/certificates",
        "ListCommands": "GET /v1/commands",
        "GetCommand": "GET /v1/commands/{id}",
        "WaitCommand": "GET /v1/commands/{id}:wait",
        "CancelCommand": "POST /v1/commands/{id}:cancel",
        "RetryCommand": "POST /v1/commands/{id}:retry",
        "ResolveCommand": "POST /v1/commands/{id}:resolve",
        "ListApiKeys": "GET /v1/api_keys",
        "CreateApiKey": "POST /v1/api_keys",
        "RevokeApiKey": "POST /v1/api_keys/{id}:revoke",
        "ListTenants": "GET /v1/tenants",
        "CreateTenant": "POST /v1/tenants",
        "ListAuditEntries": "GET /v1/audit_entries",
    }


def test_every_operation_has_one_path_of_its_own() -> None:
    assert {route.rpc.name for route in ERP_ROUTES} == set(OPERATIONS)
    assert len({(route.method, route.path) for route in ERP_ROUTES}) == len(OPERATIONS)


async def test_a_list_is_asked_with_query_parameters(site: Site, http: httpx.AsyncClient) -> None:
    customer = customer_pb2.Customer(id="7", name="Łódzkie Zakłady", vat_payer=False)
    site.answer = answers(
        customer_pb2.ListCustomersResponse(customers=[customer], next_page_token="p2")
    )

    got = await http.get(
        f"{BASE}/customers?tax_id=526-10-40-828&active=true&page_size=5&read_mask=id,tax_id.number"
    )

    assert got.status_code == 200
    assert got.headers["content-type"] == "application/json"
    assert got.json() == {
        "customers": [{"id": "7", "name": "Łódzkie Zakłady", "vat_payer": False}],
        "next_page_token": "p2",
    }
    assert "Łódzkie".encode() in got.content
    (asked,) = site.requests
    assert (asked.tax_id, asked.active, asked.page_size) == ("526-10-40-828", True, 5)
    assert list(asked.read_mask.paths) == ["id", "tax_id.number"]
    assert (site.commands[0].operation, site.commands[0].company) == ("ListCustomers", "main")


async def test_an_empty_list_is_there(http: httpx.AsyncClient) -> None:
    assert (await http.get(f"{BASE}/products")).json() == {"products": []}


async def test_an_answer_names_its_command(site: Site, http: httpx.AsyncClient) -> None:
    got = await http.get(f"{BASE}/customers")

    assert got.headers["mostek-command"] == site.commands[0].command_id


@pytest.mark.parametrize(
    ("path", "request_type"),
    [
        ("/customers/7", customer_pb2.GetCustomerRequest),
        ("/invoices/7?read_mask=id,lines", invoice_pb2.GetInvoiceRequest),
        ("/customers/7/balance", receivable_pb2.GetCustomerBalanceRequest),
    ],
)
async def test_the_path_gives_the_id(
    site: Site, http: httpx.AsyncClient, path: str, request_type: type[Any]
) -> None:
    assert (await http.get(BASE + path)).status_code == 200
    (asked,) = site.requests
    assert type(asked) is request_type
    assert asked.id == "7"


async def test_a_verb_on_the_company(site: Site, http: httpx.AsyncClient) -> None:
    site.answer = answers(erp_pb2.DescribeErpResponse(erp=erp_pb2.Erp(program="Subiekt GT")))

    assert (await http.get(f"{BASE}:describe")).json() == {"erp": {"program": "Subiekt GT"}}


async def test_maps_and_repeated_fields_in_the_query(site: Site, http: httpx.AsyncClient) -> None:
    await http.get(
        f"{BASE}/records?list=routes&parameters.region=%C5%81%C3%B3d%C5%BA&parameters.n=1"
    )
    await http.get(f"{BASE}/invoices?kinds=INVOICE_KIND_INVOICE&kinds=INVOICE_KIND_RECEIPT")

    records, invoices = site.requests
    assert isinstance(records, record_pb2.ListRecordsRequest)
    assert dict(records.parameters) == {"region": "Łódź", "n": "1"}
    assert list(invoices.kinds) == [
        invoice_pb2.INVOICE_KIND_INVOICE,
        invoice_pb2.INVOICE_KIND_RECEIPT,
    ]


@pytest.mark.parametrize(
    ("query", "field", "description"),
    [
        ("nip=1", "nip", "is no parameter of ListInvoices; it has page_size,"),
        ("page_size=ten", "page_size", "whole number"),
        ("page_size=1_0", "page_size", "whole number"),
        ("page_size=99999999999", "page_size", "32 bits"),
        ("page_size=", "page_size", "whole number"),
        ("page_size=0", "page_size", "at least 1"),
        ("page_size=10000", "page_size", "at most 1000"),
        ("page_size=5&page_size=6", "page_size", "more than once"),
        ("read_mask=id&read_mask=code", "read_mask", "more than once"),
        ("kinds=INVOICE", "kinds", "must be one of INVOICE_KIND_INVOICE,"),
        ("kinds=1", "kinds", "must be one of"),
        ("only_unpaid=yes", "only_unpaid", "true or false"),
        ("issue_date_from=24.11.2026", "issue_date_from", "YYYY-MM-DD"),
        ("customer_id=%00", "customer_id", "control character"),
    ],
)
async def test_a_bad_parameter_is_named(
    site: Site, http: httpx.AsyncClient, query: str, field: str, description: str
) -> None:
    got = await http.get(f"{BASE}/invoices?{query}")

    assert got.status_code == 400
    assert got.json()["kind"] == "INVALID"
    (violation,) = got.json()["violations"]
    assert violation["field"] == field
    assert description in violation["description"]
    assert not site.commands


async def test_all_bad_parameters_are_named_at_once(http: httpx.AsyncClient) -> None:
    got = await http.get(f"{BASE}/invoices?page_size=x&only_unpaid=x&nothing=x")

    assert fields(got) == ["page_size", "only_unpaid", "nothing"]


async def test_a_query_that_is_not_utf8(http: httpx.AsyncClient) -> None:
    got = await http.get(f"{BASE}/customers?text=%B3")

    assert got.status_code == 400
    assert "UTF-8" in got.json()["detail"]


async def test_an_order_is_created(site: Site, http: httpx.AsyncClient) -> None:
    site.answer = answers(order_pb2.CreateOrderResponse(id="9", number="ZK 1/2026"))

    got = await http.post(f"{BASE}/orders", json=ORDER, headers={"Idempotency-Key": "k1"})

    assert got.status_code == 200
    assert got.json() == {"id": "9", "number": "ZK 1/2026"}
    assert site.requests[0].order.lines[0].price.net == "1.50"
    assert site.commands[0].idempotency_key == "k1"


async def test_a_write_needs_an_idempotency_key(site: Site, http: httpx.AsyncClient) -> None:
    got = await http.post(f"{BASE}/orders", json=ORDER)

    assert got.status_code == 400
    assert fields(got) == ["idempotency-key"]
    assert not site.commands


async def test_an_order_is_validated_without_a_key(site: Site, http: httpx.AsyncClient) -> None:
    assert (await http.post(f"{BASE}/orders:validate", json=ORDER)).status_code == 200
    assert isinstance(site.requests[0], order_pb2.ValidateOrderRequest)


async def test_a_price_with_a_comma_is_refused_by_its_path(http: httpx.AsyncClient) -> None:
    line = {"product": {"id": "1"}, "quantity": "2", "price": {"net": "1,50"}}

    got = await http.post(f"{BASE}/orders:validate", json=ORDER | {"lines": [line]})

    assert got.status_code == 400
    assert fields(got) == ["order.lines[0].price.net"]


@pytest.mark.parametrize("name", ["order", "order.external_number", "x"])
async def test_a_body_can_not_be_given_by_the_query(http: httpx.AsyncClient, name: str) -> None:
    got = await http.post(f"{BASE}/orders:validate?{name}=1", json=ORDER)

    assert fields(got) == [name]


async def test_a_field_of_the_path_can_not_be_given_by_the_query(http: httpx.AsyncClient) -> None:
    assert fields(await http.get(f"{BASE}/customers/7?id=8")) == ["id"]


async def test_a_body_of_another_type_is_refused(http: httpx.AsyncClient) -> None:
    got = await http.post(f"{BASE}/orders:validate", data={"a": "b"})

    assert got.status_code == 400
    assert fields(got) == ["Content-Type"]


async def test_a_body_of_ten_megabytes_is_refused_and_reading_it_is_bounded(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "MAX_DISCARDED", 2 * 2**20)
    read = 0

    async def parts() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(160):
            read += 64 * 1024
            yield b" " * 64 * 1024

    json_type = {"Content-Type": "application/json"}
    known = await http.post(f"{BASE}/orders:validate", content=b" " * 10**7, headers=json_type)
    streamed = await http.post(f"{BASE}/orders:validate", content=parts(), headers=json_type)

    assert known.status_code == streamed.status_code == 413
    assert known.json()["kind"] == "TOO_LARGE"
    assert known.headers["connection"] == "close"
    assert read < 2.2 * 2**20


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 60),
        ("wait=10", 10),
        ("respond-async, Wait = 600; x=1", 600),
        ("handling=strict", 60),
    ],
)
async def test_prefer_says_how_long_to_wait(
    site: Site, http: httpx.AsyncClient, header: str | None, seconds: float
) -> None:
    await http.get(f"{BASE}/customers", headers={"Prefer": header} if header else {})

    assert site.commands[0].timeout.ToTimedelta().total_seconds() == pytest.approx(seconds, abs=0.5)


@pytest.mark.parametrize("wait", ["0", "601", "-1", "1.5", "", "x", "9" * 5000])
async def test_a_wait_out_of_bounds_is_refused(http: httpx.AsyncClient, wait: str) -> None:
    got = await http.get(f"{BASE}/customers", headers={"Prefer": f"wait={wait}"})

    assert got.status_code == 400
    assert fields(got) == ["Prefer"]


async def test_a_failure_is_a_problem_document(site: Site, http: httpx.AsyncClient) -> None:
    violations = [Violation("order.lines[0].product", "is blocked")]
    site.answer = fails(Rejected("The ERP refuses it.", violations=violations, erp_text="Blokada"))

    got = await http.get(f"{BASE}/customers/7")

    assert got.status_code == 422
    assert got.headers["content-type"] == "application/problem+json"
    assert got.headers["mostek-command"] == site.commands[0].command_id
    assert got.json() == {
        "type": "urn:mostek:failure:rejected",
        "title": "Refused by the ERP",
        "status": 422,
        "detail": "The ERP refuses it.",
        "kind": "REJECTED",
        "retriable": False,
        "violations": [{"field": "order.lines[0].product", "description": "is blocked"}],
        "erp_text": "Blokada",
        "command_id": site.commands[0].command_id,
    }


async def test_a_kind_is_spelt_in_kebab_case(site: Site, http: httpx.AsyncClient) -> None:
    site.answer = fails(UnknownOutcome("Nobody knows."))

    assert (await http.get(f"{BASE}/erp")).status_code == 404
    got = await http.get(f"{BASE}/customers/7")
    assert got.json()["type"] == "urn:mostek:failure:unknown-outcome"


async def test_retry_after_is_spread_and_rounded_up(site: Site, http: httpx.AsyncClient) -> None:
    site.answer = fails(Locked("Somebody edits it.", retry_after=1.2))

    got = await http.get(f"{BASE}/customers/7")

    assert got.status_code == 503
    after = got.json()["retry_after"]
    assert 1.2 <= after <= 1.8
    assert got.headers["retry-after"] == "2"
    assert got.json()["retriable"]


async def test_an_unknown_connector(http: httpx.AsyncClient) -> None:
    got = await http.get("/v1/connectors/nobody/companies/-/customers")

    assert (got.status_code, got.json()["kind"]) == (404, "NOT_FOUND")
    assert "nobody" in got.json()["detail"]


@pytest.mark.parametrize("path", ["/", "/v1", f"{BASE}/suppliers", f"{BASE}/customers/"])
async def test_an_unknown_path(http: httpx.AsyncClient, path: str) -> None:
    got = await http.get(path)

    assert got.status_code == 404
    assert got.headers["content-type"] == "application/problem+json"
    assert got.json()["type"] == "urn:mostek:failure:not-found"


async def test_a_wrong_method_is_told_the_right_ones(http: httpx.AsyncClient) -> None:
    orders = await http.delete(f"{BASE}/orders")
    invoices = await http.post(f"{BASE}/invoices")

    assert orders.status_code == invoices.status_code == 405
    assert orders.headers["content-type"] == "application/problem+json"
    assert orders.json()["status"] == 405
    assert set(orders.headers["allow"].split(", ")) >= {"GET", "POST"}
    assert "POST" not in invoices.headers["allow"]


async def test_a_fault_says_nothing_of_the_inside(site: Site, http: httpx.AsyncClient) -> None:
    def broken(connector: str, company: str, operation: str) -> Any:
        raise ValueError("secret")

    site.connectors = broken  # type: ignore[method-assign, assignment]
    got = await http.get("/v1/connectors")

    assert (got.status_code, got.json()["kind"]) == (500, "INTERNAL")
    assert "secret" not in got.text


async def test_connectors_show_false_and_zero(http: httpx.AsyncClient, site: Site) -> None:
    assert (await http.get("/v1/connectors")).json() == {"connectors": []}
    assert (await http.get("/v1/connectors/acme")).status_code == 404
    assert (await http.get("/v1/connectors?x=1")).status_code == 400


async def test_probes(http: httpx.AsyncClient, site: Site) -> None:
    assert (await http.get("/livez")).status_code == 200
    assert (await http.get("/readyz")).status_code == 503
    ready = httpx.ASGITransport(app=create_app(*apis(site)))
    async with httpx.AsyncClient(transport=ready, base_url="http://hub") as other:
        assert (await other.get("/readyz")).status_code == 200


async def test_a_caller_that_goes_away_cancels_the_read(site: Site) -> None:
    running, cancelled, gone = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def hangs(request: Any) -> Message:
        running.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        raise AssertionError

    site.answer = hangs
    messages = [{"type": "http.request", "body": b"", "more_body": False}]
    sent: list[Any] = []

    async def receive() -> Any:
        if messages:
            return messages.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": f"{BASE}/customers",
        "query_string": b"",
        "headers": [],
    }
    app = create_app(*apis(site))
    asking = asyncio.create_task(app(scope, receive, send))
    await running.wait()
    gone.set()
    await asking

    assert cancelled.is_set()
    assert sent[0]["status"] == 499


async def test_an_admin_response_has_all_its_fields(site: Site) -> None:
    class OneConnector(Admin):
        def get_connector(
            self, request: admin.GetConnectorRequest, caller: Caller
        ) -> admin.GetConnectorResponse:
            return admin.GetConnectorResponse(connector=admin.Connector(name=request.name))

    router, _, gate = apis(site)
    audit = Audit(AuditStore(cast(Store, None)))
    one = admin_of(site, router.writes, audit, OneConnector)
    transport = httpx.ASGITransport(app=create_app(router, one, gate))
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        got = (await client.get("/v1/connectors/acme")).json()["connector"]

    assert (got["name"], got["online"], got["companies"]) == ("acme", False, [])
