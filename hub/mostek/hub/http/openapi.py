"""The OpenAPI 3.1 document, made of the contract's descriptors, rules and comments."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor

from mostek.admin.v1.admin_service_pb2 import GetCommandResponse
from mostek.hub.call import DEFAULT_EXPIRE_AFTER, LONGEST_EXPIRE_AFTER
from mostek.hub.http import export, problems
from mostek.hub.http.comments import comment
from mostek.hub.http.descriptors import descriptor_of, message_of
from mostek.hub.http.json import compact
from mostek.hub.http.prefer import DEFAULT_WAIT, LONGEST_WAIT
from mostek.hub.http.query import Parameter, Query
from mostek.hub.http.routes import ADMIN_ROUTES, ERP_ROUTES, Route
from mostek.hub.http.schemas import Schemas, with_description
from mostek.link.v1.failure_pb2 import FailureKind
from mostek.wire.names import MAX_KEY, ONLY_COMPANY
from mostek.wire.operations import SERVICE

__all__ = ["document", "document_bytes"]

Json = dict[str, Any]

_JSON = "application/json"
_INTRODUCTION = f"""\
Reads from and writes to the ERP behind a connector.

Fields have the names of the contract. One that is absent is unknown, not in this ERP, or denied. Errors are
problem documents (RFC 9457). A list with `Accept: {export.MEDIA_TYPE}` is all its pages in one stream.
What is said of metadata below holds here for the path and the headers.
"""


@functools.cache
def document_bytes() -> bytes:
    """The document as JSON."""
    return compact(document())


def document() -> Json:
    """The document."""
    schemas = Schemas()
    paths: Json = {}
    for route in (*ERP_ROUTES, *ADMIN_ROUTES):
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Mostek",
            "version": SERVICE.file.package.rpartition(".")[2],
            "description": f"{_INTRODUCTION}\n{comment(SERVICE.full_name)}",
        },
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.components | {"Problem": _problem(), "ExportEnd": _end(schemas)},
            "parameters": _SHARED_PARAMETERS,
            "headers": _HEADERS,
            "responses": {"Problem": _problem_response()},
            "securitySchemes": {"key": _KEY},
        },
    }


def _operation(route: Route, schemas: Schemas) -> Json:
    text = comment(route.rpc.full_name)
    found: Json = {
        "operationId": route.rpc.name,
        "summary": text.partition(". ")[0].partition(".\n")[0].rstrip("."),
        "description": text,
        "tags": [_tag(route)],
        "parameters": list(_parameters(route, schemas)),
        "responses": {
            "200": _response(route, schemas),
            "default": {"$ref": "#/components/responses/Problem"},
        },
    }
    if route.write and _of_company(route):
        found["responses"]["202"] = _accepted(schemas)
    if route.body is not None:
        schema = schemas.message(message_of(route.body))
        found["requestBody"] = {"required": True, "content": {_JSON: {"schema": schema}}}
    return found


def _tag(route: Route) -> str:
    last = route.path.partition("/companies/{company}")[2] or route.path.removeprefix("/v1")
    return last.strip("/").partition("/")[0].partition(":")[0] or "erp"


def _parameters(route: Route, schemas: Schemas) -> Iterator[Json]:
    rpc = route.rpc
    if _of_company(route):
        names = ["connector", "company", "wait", *(_WRITE_HEADERS if route.write else ())]
        yield from ({"$ref": f"#/components/parameters/{name}"} for name in names)
    if route.key:
        field = rpc.input_type.fields_by_name[route.key]
        yield {
            "name": route.key,
            "in": "path",
            "required": True,
            "description": comment(field.full_name),
            "schema": schemas.field(field, described=False),
        }
    query = Query(rpc.input_type, omit=route.given_elsewhere)
    for parameter in query.parameters.values():
        yield _query_parameter(parameter, schemas)


def _query_parameter(parameter: Parameter, schemas: Schemas) -> Json:
    field = parameter.field
    found: Json = {
        "name": parameter.name,
        "in": "query",
        "description": schemas.description(field),
        "schema": schemas.field(field, described=False),
    }
    if schemas.required(field) and not parameter.is_map:
        found["required"] = True
    if parameter.is_map:
        found["name"] = f"{parameter.name}NAME"
        found["description"] += f" NAME stands for the key: `{parameter.name}region=…`."
        found["schema"] = found["schema"]["additionalProperties"]
    elif field.is_repeated:
        found |= {"style": "form", "explode": True}
    elif "items" in found["schema"]:
        found |= {"style": "form", "explode": False}
    return found


def _response(route: Route, schemas: Schemas) -> Json:
    schema = schemas.message(route.rpc.output_type)
    content: Json = {_JSON: {"schema": schema}}
    headers = {}
    if _of_company(route):
        headers["Mostek-Command"] = {"$ref": "#/components/headers/Mostek-Command"}
    if route.items is not None and route.paged:
        content[export.MEDIA_TYPE] = {"schema": _line(route.items, schemas)}
    return {"description": _response_text(route.rpc), "headers": headers, "content": content}


def _of_company(route: Route) -> bool:
    return "/companies/" in route.path


def _accepted(schemas: Schemas) -> Json:
    schema = schemas.message(descriptor_of(GetCommandResponse))
    return {
        "description": "The wait is over and the write goes on: ask for it at `Location`.",
        "headers": {
            name: {"$ref": f"#/components/headers/{name}"}
            for name in ("Mostek-Command", "Location")
        },
        "content": {_JSON: {"schema": schema}},
    }


def _response_text(rpc: MethodDescriptor) -> str:
    return comment(rpc.output_type.full_name) or "The response."


def _line(items: FieldDescriptor, schemas: Schemas) -> Json:
    item = schemas.message(message_of(items))
    return {
        "description": "One line: an item, or the last line, which says how the export ended.",
        "anyOf": [item, {"$ref": "#/components/schemas/ExportEnd"}],
    }


def _end(schemas: Schemas) -> Json:
    unavailable = next(
        route.rpc.output_type.fields_by_name["unavailable_fields"]
        for route in ERP_ROUTES
        if route.items is not None
    )
    end = {
        "type": "object",
        "properties": {
            "rows": _ROWS,
            "change_token": {"type": "string"},
            "unavailable_fields": schemas.field(unavailable),
        },
        "required": ["rows"],
    }
    broken = {
        "allOf": [
            {"$ref": "#/components/schemas/Problem"},
            {"type": "object", "properties": {"rows": _ROWS, "page_token": _GO_ON}},
        ]
    }
    return {
        "description": "The last line of an export: `end` if all was sent, else `error`.",
        "type": "object",
        "properties": {"end": end, "error": broken},
        "minProperties": 1,
        "maxProperties": 1,
    }


_ROWS: Json = {"type": "integer", "minimum": 0, "description": "Items that were sent."}
_GO_ON: Json = {
    "type": "string",
    "description": "Where to go on, as `page_token`. Absent: from the beginning.",
}


def _problem() -> Json:
    kinds = FailureKind.values()[1:]
    lines = "\n".join(f"- `{problems.kind_of(kind)}`: {_kind_comment(kind)}" for kind in kinds)
    text = {"type": "string"}
    violation = {
        "type": "object",
        "properties": {
            "field": with_description(text, "Path in the request: `order.lines[2].quantity`."),
            "description": text,
        },
        "required": ["field", "description"],
    }
    return {
        "type": "object",
        "description": "Why a request failed (RFC 9457).",
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": text,
            "status": {"type": "integer"},
            "detail": with_description(text, "A sentence that says what is wrong and what to do."),
            "kind": {
                "type": "string",
                "enum": [problems.kind_of(kind) for kind in kinds],
                "description": lines,
            },
            "retriable": {
                "type": "boolean",
                "description": "Whether the same request may succeed later.",
            },
            "retry_after": {"type": "number", "minimum": 0, "description": "Seconds."},
            "violations": {"type": "array", "items": violation},
            "erp_text": with_description(text, "The ERP's words, where the site shares them."),
            "command_id": with_description(text, "Under which hub and site log the command."),
        },
        "required": ["type", "title", "status", "detail", "kind", "retriable"],
    }


def _kind_comment(kind: FailureKind.ValueType) -> str:
    return comment(FailureKind.DESCRIPTOR.full_name, FailureKind.Name(kind))


def _problem_response() -> Json:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": "What went wrong, as a problem document.",
        "headers": {
            name: {"$ref": f"#/components/headers/{name}"}
            for name in ("Mostek-Command", "Retry-After")
        },
        "content": {problems.MEDIA_TYPE: {"schema": schema}},
    }


_KEY: Json = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key of the hub, or a token of the issuer that it trusts.",
}
_WRITE_HEADERS = ("idempotency-key", "expire-after", "ordering-key")
_HEADERS: Json = {
    "Location": {
        "description": "Where the command is found.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Mostek-Command": {
        "description": "The id under which hub and site log the command.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Whole seconds after which to try again.",
        "schema": {"type": "integer", "minimum": 0},
    },
}
_SHARED_PARAMETERS: Json = {
    "connector": {
        "name": "connector",
        "in": "path",
        "required": True,
        "description": "The connector's name.",
        "schema": {"type": "string"},
    },
    "company": {
        "name": "company",
        "in": "path",
        "required": True,
        "description": f"The company's name, or `{ONLY_COMPANY}` where the connector serves one.",
        "schema": {"type": "string"},
    },
    "wait": {
        "name": "Prefer",
        "in": "header",
        "description": (
            f"`wait=N`: how many seconds to wait, 1 to {LONGEST_WAIT} (RFC 7240). "
            f"Absent: {DEFAULT_WAIT}. `respond-async`: a write is answered as soon as it is recorded."
        ),
        "schema": {"type": "string"},
        "example": "wait=10",
    },
    "idempotency-key": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "Names the write. Repeat it when the request is repeated: it has effect once.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY},
    },
    "expire-after": {
        "name": "Mostek-Expire-After",
        "in": "header",
        "description": (
            "Seconds after which the write does not begin any more, if it has not. "
            f"Absent: {DEFAULT_EXPIRE_AFTER}."
        ),
        "schema": {"type": "integer", "minimum": 1, "maximum": LONGEST_EXPIRE_AFTER},
    },
    "ordering-key": {
        "name": "Mostek-Ordering-Key",
        "in": "header",
        "description": (
            "Writes of a company that share it are executed in the order in which they were recorded."
        ),
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY},
    },
}
