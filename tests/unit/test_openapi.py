"""The OpenAPI document, and the file with the protos' comments that it is made of."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from mostek.erp.v1 import customer_pb2
from mostek.hub.http import create_app
from mostek.hub.http.comments import comment, contract
from mostek.hub.http.openapi import document
from mostek.hub.http.routes import ADMIN_ROUTES, ERP_ROUTES
from mostek.hub.registry import Registry

from .conftest import apis

PROTOS = Path(__file__).parents[2] / "protos"
COMPANY = "/v1/connectors/{connector}/companies/{company}"


@pytest.fixture(scope="module")
def api() -> Any:
    return json.loads(json.dumps(document()))


def parameters(operation: Any) -> dict[str, Any]:
    return {p["name"]: p for p in operation["parameters"] if "name" in p}


def test_the_document_is_valid_openapi(api: Any) -> None:
    # Here, because it takes a second, which every process that collects tests would take.
    from openapi_spec_validator import OpenAPIV31SpecValidator

    OpenAPIV31SpecValidator(api).validate()


async def test_the_document_is_served() -> None:
    registry = Registry()
    transport = httpx.ASGITransport(app=create_app(*apis(registry)))
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        got = await client.get("/openapi.json")

    assert got.headers["content-type"] == "application/json"
    assert got.json()["openapi"].startswith("3.1.")


def test_every_route_is_described(api: Any) -> None:
    described = {
        (path, method.upper(), operation["operationId"])
        for path, operations in api["paths"].items()
        for method, operation in operations.items()
    }

    assert described == {(r.path, r.method, r.rpc.name) for r in (*ERP_ROUTES, *ADMIN_ROUTES)}
    assert all(
        operation["description"] and operation["summary"]
        for operations in api["paths"].values()
        for operation in operations.values()
    )


def test_every_route_wants_a_key(api: Any) -> None:
    assert api["security"] == [{"key": []}]
    assert api["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert not any("security" in o for path in api["paths"].values() for o in path.values())


def test_no_two_declarations_share_a_schema() -> None:
    files = [file for file in contract().file if file.package != "mostek.link.v1"]
    names = [message.name for file in files for message in file.message_type]
    names += [enum.name for file in files for enum in file.enum_type]

    assert len(names) == len(set(names))


def test_a_body_is_not_in_the_query_too(api: Any) -> None:
    found = parameters(api["paths"][f"{COMPANY}/orders"]["post"])

    assert not found
    assert set(parameters(api["paths"][f"{COMPANY}/customers/{{id}}"]["get"])) == {
        "id",
        "read_mask",
    }


def test_comments_and_limits_are_in_the_parameters(api: Any) -> None:
    operation = api["paths"][f"{COMPANY}/invoices"]["get"]
    found = parameters(operation)

    assert "drafts" in operation["description"]
    assert found["page_size"]["schema"]["minimum"] == 1
    assert found["page_size"]["schema"]["maximum"] == 1000
    assert "Most items of the page" in found["page_size"]["description"]
    assert found["kinds"]["explode"] is True
    assert found["kinds"]["schema"]["items"] == {"$ref": "#/components/schemas/InvoiceKind"}
    assert found["read_mask"]["explode"] is False
    assert found["issue_date_from"]["schema"]["format"] == "date"


def test_a_parameter_of_a_map(api: Any) -> None:
    found = parameters(api["paths"][f"{COMPANY}/records"]["get"])

    assert found["list"]["required"]
    assert found["parameters.NAME"]["schema"] == {"type": "string", "maxLength": 1000}


def test_writes_need_a_key_and_reads_do_not(api: Any) -> None:
    key = {"$ref": "#/components/parameters/idempotency-key"}

    assert key in api["paths"][f"{COMPANY}/orders"]["post"]["parameters"]
    assert key not in api["paths"][f"{COMPANY}/orders:validate"]["post"]["parameters"]


def test_lists_can_be_exports(api: Any) -> None:
    answers = api["paths"][f"{COMPANY}/customers"]["get"]["responses"]["200"]["content"]
    one = api["paths"][f"{COMPANY}/customers/{{id}}"]["get"]["responses"]["200"]["content"]

    assert set(answers) == {"application/json", "application/x-ndjson"}
    assert set(one) == {"application/json"}


def test_rules_become_limits_of_schemas(api: Any) -> None:
    schemas = api["components"]["schemas"]
    order, line = schemas["OrderDraft"], schemas["OrderLineDraft"]["properties"]

    assert set(order["required"]) == {"external_number", "buyer", "lines"}
    assert order["properties"]["external_number"]["maxLength"] == 64
    assert order["properties"]["lines"]["maxItems"] == 1000
    assert line["quantity"]["pattern"] == r"^[0-9]{1,15}(\.[0-9]{1,6})?$"
    assert line["quantity"]["description"].endswith("Greater than 0.")
    assert "`read_mask` names it" in schemas["Invoice"]["properties"]["lines"]["description"]
    assert schemas["PriceChoice"]["allOf"] == [
        {"oneOf": [{"required": ["net"]}, {"required": ["gross"]}]}
    ]


def test_an_enum_lists_its_values_with_their_comments(api: Any) -> None:
    kind = api["components"]["schemas"]["CustomerKind"]

    assert kind["enum"] == ["CUSTOMER_KIND_COMPANY", "CUSTOMER_KIND_CONSUMER"]
    assert "- `CUSTOMER_KIND_CONSUMER`: A private person." in kind["description"]


def test_comments_are_found_by_full_name() -> None:
    descriptor = customer_pb2.Customer.DESCRIPTOR

    assert comment(descriptor.fields_by_name["pesel"].full_name).startswith("Personal number.")
    assert comment("mostek.erp.v1", "ErpService", "ListCustomers").startswith("Customers of")
    assert comment("mostek.erp.v1.Nothing") == ""


def test_the_comments_are_those_of_the_protos(tmp_path: Path) -> None:
    """Else: run `make proto`."""
    now = tmp_path / "contract.binpb"
    names = [file.name for file in contract().file]

    options = ["--include_source_info", f"--descriptor_set_out={now}", f"-I{PROTOS}"]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *options, *names], check=True)

    assert FileDescriptorSet.FromString(now.read_bytes()) == contract()


def test_every_file_of_the_contract_has_its_comments() -> None:
    files = {p.relative_to(PROTOS).as_posix() for p in PROTOS.glob("mostek/*/v1/*.proto")}

    assert {file.name for file in contract().file} == files
