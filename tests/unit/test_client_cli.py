"""The `mostek` command, against a hub on loopback."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from typer.testing import CliRunner

from mostek.admin.v1.admin_service_pb2 import (
    Connector,
    ConnectorCompany,
    ConnectorJournal,
    ConnectorSession,
    GetConnectorRequest,
    GetConnectorResponse,
)
from mostek.client.cli import app
from mostek.client.columns import columns
from mostek.client.fields import BadInput, assign
from mostek.client.output import fit
from mostek.client.testing import FakeHub
from mostek.erp.v1.common_pb2 import UNAVAILABLE_REASON_DENIED, TaxId, UnavailableField
from mostek.erp.v1.customer_pb2 import Customer, ListCustomersRequest, ListCustomersResponse
from mostek.erp.v1.invoice_pb2 import INVOICE_KIND_CORRECTION, Invoice, ListInvoicesRequest
from mostek.erp.v1.order_pb2 import (
    CreateOrderRequest,
    CreateOrderResponse,
    Order,
    OrderLine,
    OrderProblem,
    ValidateOrderResponse,
)
from mostek.erp.v1.product_pb2 import Product
from mostek.erp.v1.record_pb2 import ListRecordsRequest
from mostek.wire.failures import Invalid, Locked, Rejected, Violation
from mostek.wire.operations import OPERATIONS

#: Arguments → exit code, stdout, stderr.
Run = Callable[..., Any]


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as fake:
        fake.answers["ListCustomers"] = lambda request: ListCustomersResponse(
            customers=[
                Customer(id="1", name="Piekarnia Żuk", tax_id=TaxId(number="5261040828")),
                Customer(id="2", name="Sklep"),
            ],
            next_page_token="t2",
            unavailable_fields=[UnavailableField(path="regon", reason=UNAVAILABLE_REASON_DENIED)],
        )
        yield fake


@pytest.fixture
def run(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("MOSTEK_HUB", hub.address)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "40")
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    return lambda *arguments, **more: CliRunner().invoke(app, arguments, **more)


@pytest.fixture
def terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command as on a terminal without colours."""
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("TERM", "dumb")
    return run


def order_file(folder: Path, **more: Any) -> str:
    draft = {"external_number": "WEB-17", "buyer": {"code": "ZUK"}, **more}
    path = folder / "order.json"
    path.write_text(json.dumps(draft), encoding="utf-8")
    return str(path)


# call


def test_a_call_prints_json_when_it_is_piped(run: Run) -> None:
    result = run("call", "acme", "ListCustomers")
    assert result.exit_code == 0
    shown = json.loads(result.stdout)
    assert shown["customers"][0]["tax_id"] == {"number": "5261040828"}
    assert shown["next_page_token"] == "t2"


def test_a_call_shows_a_table_on_a_terminal(terminal: Run) -> None:
    shown = terminal("call", "acme", "ListCustomers").stdout
    heading, first = shown.splitlines()[:2]
    assert heading.split() == ["id", "name", "tax_id.number"]
    assert first.split() == ["1", "Piekarnia", "Żuk", "5261040828"]
    assert "There is more: page_token=t2" in shown
    assert "Not available: regon (denied)" in shown


def test_json_can_be_asked_for_on_a_terminal(terminal: Run) -> None:
    assert json.loads(terminal("call", "acme", "ListCustomers", "--json").stdout)["customers"]


def test_what_the_erp_holds_is_shown_as_it_is_but_for_control_characters(
    terminal: Run, hub: FakeHub
) -> None:
    odd = Customer(name="[bold]Żuk[/bold] \x1b[2J\n[7]")
    hub.answers["ListCustomers"] = lambda request: ListCustomersResponse(customers=[odd])
    assert "[bold]Żuk[/bold]  [2J [7]" in terminal("call", "acme", "ListCustomers").stdout


def test_an_empty_list_says_so(terminal: Run, hub: FakeHub) -> None:
    hub.answers["ListCustomers"] = lambda request: ListCustomersResponse()
    assert "None found." in terminal("call", "acme", "ListCustomers").stdout


def test_fields_of_the_request_are_set_by_name(run: Run, hub: FakeHub) -> None:
    run("call", "acme", "ListCustomers", "ids=a", "ids=b", "active=true", "page_size=5", "text=x=y")
    assert hub.asked[0].request == ListCustomersRequest(
        ids=["a", "b"], active=True, page_size=5, text="x=y"
    )


@pytest.mark.parametrize("name", ["ListCustomers", "list_customers", "LISTCUSTOMERS"])
def test_an_operation_is_named_in_any_way(run: Run, hub: FakeHub, name: str) -> None:
    assert run("call", "acme", name).exit_code == 0
    assert hub.asked[0].operation == "ListCustomers"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ListCustmers", "ListCustomers"),
        ("get_produkt", "GetProduct"),
        ("CretaeOrder", "CreateOrder"),
    ],
)
def test_a_misspelt_operation_gets_a_hint(run: Run, hub: FakeHub, typed: str, meant: str) -> None:
    result = run("call", "acme", typed)
    assert result.exit_code == 2
    assert f"Did you mean {meant}?" in result.stderr
    assert not hub.asked


def test_a_misspelt_field_gets_a_hint(run: Run) -> None:
    result = run("call", "acme", "ListCustomers", "tax=1")
    assert result.exit_code == 2
    assert result.stderr == "error: ListCustomersRequest has no field tax. Did you mean tax_id?\n"


def test_a_request_comes_from_a_file_and_fields_add_to_it(
    run: Run, hub: FakeHub, tmp_path: Path
) -> None:
    path = tmp_path / "request.json"
    path.write_text('{"text": "a", "page_size": 3}', encoding="utf-8")
    run("call", "acme", "ListCustomers", "-f", str(path), "page_size=4")
    assert hub.asked[0].request == ListCustomersRequest(text="a", page_size=4)


def test_a_request_comes_from_standard_input(run: Run, hub: FakeHub) -> None:
    run("call", "acme", "ListCustomers", "-f", "-", input='{"text": "a"}')
    assert hub.asked[0].request == ListCustomersRequest(text="a")


@pytest.mark.parametrize("text", ["{", '{"txt": "a"}', '{"page_size": "many"}', "[]"])
def test_a_file_that_is_no_request_is_wrong_usage(run: Run, text: str) -> None:
    result = run("call", "acme", "ListCustomers", "-f", "-", input=text)
    assert result.exit_code == 2
    assert "is no ListCustomersRequest in JSON" in result.stderr


def test_a_file_that_is_not_there_is_wrong_usage(run: Run, tmp_path: Path) -> None:
    result = run("call", "acme", "ListCustomers", "-f", str(tmp_path / "none.json"))
    assert result.exit_code == 2
    assert "can't be read" in result.stderr


def test_a_company_is_named_where_there_are_several(run: Run, hub: FakeHub) -> None:
    run("call", "acme", "ListCustomers", "--company", "main")
    assert hub.asked[0].metadata["mostek-company"] == "main"


def test_timing_tells_the_time_and_the_commands_id(run: Run) -> None:
    result = run("call", "acme", "ListCustomers", "--timing")
    assert " ms, command fake-1\n" in result.stderr
    assert json.loads(result.stdout)


def test_a_write_without_a_key_is_not_sent(run: Run, hub: FakeHub) -> None:
    result = run("call", "acme", "CreateOrder", "order.external_number=1")
    assert result.exit_code == 2
    assert "--key" in result.stderr
    assert not hub.asked


def test_a_write_with_a_key_is_sent_under_it(run: Run, hub: FakeHub) -> None:
    hub.answers["CreateOrder"] = lambda request: CreateOrderResponse(id="9")
    result = run("call", "acme", "CreateOrder", "order.external_number=1", "--key", "k1")
    assert json.loads(result.stdout) == {"id": "9"}
    assert hub.asked[0].metadata["idempotency-key"] == "k1"


# failures


def failing(hub: FakeHub, failure: Exception) -> None:
    def fail(request: Any) -> ListCustomersResponse:
        raise failure

    hub.answers["ListCustomers"] = fail


def test_a_failure_tells_kind_message_violations_and_command(run: Run, hub: FakeHub) -> None:
    violations = [Violation("lines[0].quantity", "must be greater than 0"), Violation("a", "is b")]
    failing(hub, Rejected("The ERP refuses it.", violations=violations))
    result = run("call", "acme", "ListCustomers")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "REJECTED: The ERP refuses it.",
        "  lines[0].quantity: must be greater than 0",
        "  a: is b",
        "  command fake-1",
    ]


def test_a_violation_is_told_once(run: Run, hub: FakeHub) -> None:
    failing(hub, Invalid.of("tax_id", "has a wrong check digit"))
    told = run("call", "acme", "ListCustomers").stderr.splitlines()
    assert told == ["INVALID: tax_id: has a wrong check digit", "  command fake-1"]


def test_several_violations_are_counted_and_told_once_each(run: Run, hub: FakeHub) -> None:
    failing(hub, Invalid.of_all([Violation("a", "is b"), Violation("c", "is d")]))
    told = run("call", "acme", "ListCustomers").stderr.splitlines()
    assert told[:3] == ["INVALID: 2 fields are not as they must be.", "  a: is b", "  c: is d"]


def test_a_failure_that_may_pass_has_an_exit_code_of_its_own(run: Run, hub: FakeHub) -> None:
    failing(hub, Locked("Somebody edits it."))
    assert run("call", "acme", "ListCustomers").exit_code == 3


def test_a_hub_that_is_not_there_is_named(run: Run) -> None:
    result = run("connectors", "--hub", "127.0.0.1:1")
    assert result.exit_code == 3
    assert result.stderr.startswith("OFFLINE: The hub at 127.0.0.1:1 can't be reached")


def test_a_name_that_no_connector_can_have_is_a_failure(run: Run) -> None:
    result = run("call", "Acme", "ListCustomers")
    assert result.exit_code == 1
    assert result.stderr.startswith("INVALID: mostek-connector: 'Acme' can't be a name")


# connectors and operations


def known_connector() -> Connector:
    return Connector(
        name="acme",
        online=True,
        companies=[
            ConnectorCompany(
                name="main",
                erp="Subiekt GT",
                erp_version="1.88",
                operations=["ListCustomers", "GetCustomer"],
                drift=["kh__Kontrahent.kh_X is missing"],
            )
        ],
        sessions=[
            ConnectorSession(round_trip=Duration(nanos=12_300_000), software="0.0.9", outdated=True)
        ],
    )


def test_connectors_are_a_table_on_a_terminal(
    terminal: Run, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    hub.connectors = [known_connector(), Connector(name="new")]
    shown = terminal("connectors").stdout
    assert "round trip" in shown.splitlines()[0]
    assert shown.splitlines()[1].split() == [
        *["acme", "yes", "0.0.9", "(outdated)", "main", "Subiekt", "GT", "1.88", "2"],
        *["kh__Kontrahent.kh_X", "is", "missing", "12.3", "ms"],
    ]
    assert shown.splitlines()[2].split() == ["new", "no"]


def test_connectors_are_json_when_piped(run: Run, hub: FakeHub) -> None:
    hub.connectors = [known_connector()]
    (shown,) = json.loads(run("connectors").stdout)
    assert shown["companies"][0]["erp"] == "Subiekt GT"


def faulty_connector() -> Connector:
    journal = ConnectorJournal(
        instance="i1",
        number=7,
        hash=b"\xab" * 32,
        told_at=Timestamp(seconds=1_795_000_000),
        fault="entry 5 is gone",
        fault_at=Timestamp(seconds=1_795_000_060),
    )
    return Connector(name="acme", online=True, journals=[journal])


def test_a_journal_that_is_not_what_it_was_stands_out(terminal: Run, hub: FakeHub) -> None:
    hub.connectors = [faulty_connector(), known_connector()]
    shown = " ".join(terminal("connectors").stdout.split())
    assert "The journal of acme is not what it was: see `mostek connectors show acme`." in shown


def test_one_connector_is_shown_with_the_head_of_its_journal(terminal: Run, hub: FakeHub) -> None:
    hub.answers["GetConnector"] = lambda request: GetConnectorResponse(connector=faulty_connector())
    shown = terminal("connectors", "show", "acme").stdout
    assert "Journal of instance i1, told 2026-11-18" in shown
    assert "7:" + "ab" * 32 in "".join(shown.split())
    assert "entry 5 is gone" in shown
    assert "journal verify" in shown
    assert hub.asked[0].request == GetConnectorRequest(name="acme")


def test_one_connector_as_json_has_the_hash_in_hexadecimal(run: Run, hub: FakeHub) -> None:
    hub.answers["GetConnector"] = lambda request: GetConnectorResponse(connector=faulty_connector())
    shown = json.loads(run("connectors", "show", "acme").stdout)
    assert shown["journals"][0]["hash"] == "ab" * 32
    hub.connectors = [faulty_connector()]
    (listed,) = json.loads(run("connectors").stdout)
    assert listed["journals"] == shown["journals"]


def test_no_connectors_are_told(terminal: Run) -> None:
    assert "The hub knows none." in terminal("connectors").stdout


def test_operations_are_those_of_the_contract(run: Run) -> None:
    shown = json.loads(run("operations").stdout)
    assert [operation["name"] for operation in shown] == list(OPERATIONS)
    assert {o["name"] for o in shown if o["kind"] == "write"} == {"CreateOrder", "CreateCustomer"}


# orders


def test_an_order_is_created_under_the_key_of_its_number(
    run: Run, hub: FakeHub, tmp_path: Path
) -> None:
    hub.answers["CreateOrder"] = lambda request: CreateOrderResponse(id="9", number="ZK 1/2026")
    result = run("order", "create", "acme", "-f", order_file(tmp_path))
    assert result.exit_code == 0
    assert json.loads(result.stdout)["number"] == "ZK 1/2026"
    assert result.stderr == "idempotency key: order:WEB-17\n"
    assert hub.asked[0].metadata["idempotency-key"] == "order:WEB-17"
    sent = hub.asked[0].request
    assert isinstance(sent, CreateOrderRequest)
    assert sent.order.buyer.code == "ZUK"


def test_the_key_is_told_even_if_the_order_fails(run: Run, hub: FakeHub, tmp_path: Path) -> None:
    result = run("order", "create", "acme", "-f", order_file(tmp_path), "--key", "k9")
    assert result.exit_code == 1
    assert result.stderr.startswith("idempotency key: k9\n")


def test_an_order_without_number_and_key_is_not_sent(
    run: Run, hub: FakeHub, tmp_path: Path
) -> None:
    result = run("order", "create", "acme", "-f", order_file(tmp_path, external_number=""))
    assert result.exit_code == 2
    assert "external_number" in result.stderr
    assert not hub.asked


def test_an_order_with_problems_is_shown_and_exits_with_1(
    terminal: Run, hub: FakeHub, tmp_path: Path
) -> None:
    problem = OrderProblem(line=0, field="lines[0].quantity", message="Only 3 there.")
    order = Order(gross="12.30", lines=[OrderLine(name="Bułka", quantity="4")])
    hub.answers["ValidateOrder"] = lambda request: ValidateOrderResponse(
        problems=[problem], order=order
    )
    result = terminal("order", "validate", "acme", "-f", order_file(tmp_path))
    assert result.exit_code == 1
    assert "Only 3 there." in result.stdout
    assert "order.lines" in result.stdout
    assert "Bułka" in result.stdout


def test_an_order_without_problems_exits_with_0(run: Run, hub: FakeHub, tmp_path: Path) -> None:
    hub.answers["ValidateOrder"] = lambda request: ValidateOrderResponse()
    result = run("order", "validate", "acme", "-f", order_file(tmp_path))
    assert result.exit_code == 0
    assert result.stderr == "problems: none\n"


# fields and columns


def test_enums_are_named_with_and_without_the_prefix_of_their_type() -> None:
    request = ListInvoicesRequest()
    assign(request, "kinds=correction")
    assign(request, "kinds=INVOICE_KIND_CORRECTION")
    assert list(request.kinds) == [INVOICE_KIND_CORRECTION] * 2


def test_maps_are_set_by_name() -> None:
    request = ListRecordsRequest()
    assign(request, "parameters.from.day=2026-01-31")
    assert dict(request.parameters) == {"from.day": "2026-01-31"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("text", "not of the form name=value"),
        ("active=perhaps", "must be true or false"),
        ("page_size=1.5", "must be a whole number"),
        ("page_size=99999999999", "must be a whole number"),
        ("text.a=1", "text is a text"),
        ("read_mask.nothing=1", "no field nothing"),
    ],
)
def test_a_field_that_cant_be_set_says_why(text: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        assign(ListCustomersRequest(), text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("order.lines=1", "a list of messages: use -f"),
        ("order.lines.unit=szt", "a list of messages"),
        ("order.buyer=7", "has fields of its own"),
        ("order.attributes=7", "order|attributes.NAME=value"),
        ("order.reserve=7", "true or false"),
    ],
)
def test_a_field_that_needs_a_file_says_so(text: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        assign(CreateOrderRequest(), text)


def test_columns_are_all_leaves_but_those_on_request() -> None:
    paths = [column.path for column in columns(Invoice.DESCRIPTOR)]
    assert "lines" not in paths
    assert "vat_summary" not in paths
    assert {"id", "parties", "created_at", "ksef.number"} <= set(paths)


def test_columns_of_a_mask_are_in_its_order_and_may_be_on_request() -> None:
    mask = ["lines.net", "vat_rate", "id"]
    assert [c.path for c in columns(Invoice.DESCRIPTOR, ["lines.net", "id", "id"])] == [
        "lines",
        "id",
    ]
    assert [c.path for c in columns(Product.DESCRIPTOR, mask[1:])] == [
        *["vat_rate.code", "vat_rate.percent", "vat_rate.country", "id"],
    ]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("nmae", "Did you mean name"),
        ("id.x", "id has no fields"),
        ("prices.nt", "Did you mean net"),
    ],
)
def test_a_mask_that_names_no_field_is_refused(path: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        columns(Product.DESCRIPTOR, [path])


def test_only_columns_that_fit_are_shown_and_the_rest_is_named() -> None:
    rows = [{"id": "1", "name": "x" * 20, "city": "Łódź", "note": "n" * 30}]
    assert fit(rows, 100) == (["id", "name", "city", "note"], [])
    assert fit(rows, 40) == (["id", "name", "city"], ["note"])
    assert fit(rows, 1) == (["id"], ["name", "city", "note"])
