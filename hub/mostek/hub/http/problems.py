"""Failures as problem documents (RFC 9457)."""

from __future__ import annotations

import math
from typing import Any

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from mostek.hub.http.json import compact
from mostek.hub.status import status_of, without_database
from mostek.hub.store import StoreError
from mostek.link.v1.failure_pb2 import FailureKind
from mostek.wire.failures import (
    Cancelled,
    CommandFailure,
    Expired,
    Internal,
    NotFound,
    Unsupported,
)
from mostek.wire.names import COMMAND_ID

__all__ = ["EXCEPTION_HANDLERS", "MEDIA_TYPE", "kind_of", "problem"]

MEDIA_TYPE = "application/problem+json"

log = structlog.get_logger("mostek.hub.http")


def kind_of(kind: FailureKind.ValueType) -> str:
    """The kind as a problem document spells it: `UNKNOWN_OUTCOME`."""
    return FailureKind.Name(kind).removeprefix("FAILURE_KIND_")


def problem(failure: CommandFailure) -> dict[str, Any]:
    """The problem document of a failure."""
    status, kind = status_of(failure), kind_of(failure.kind)
    document: dict[str, Any] = {
        "type": f"urn:mostek:failure:{kind.lower().replace('_', '-')}",
        "title": status.title,
        "status": status.http,
        "detail": failure.message,
        "kind": kind,
        "retriable": failure.retriable,
    }
    if failure.retry_after is not None:
        document["retry_after"] = failure.retry_after
    if failure.violations:
        document["violations"] = [
            {"field": v.field, "description": v.description} for v in failure.violations
        ]
    if failure.erp_text:
        document["erp_text"] = failure.erp_text
    if failure.command_id:
        document["command_id"] = failure.command_id
    return document


def _response(document: dict[str, Any], headers: dict[str, str]) -> Response:
    status = document["status"]
    headers["cache-control"] = "no-store"
    if (after := document.get("retry_after")) is not None:
        headers["retry-after"] = str(math.ceil(after))
    if command_id := document.get("command_id"):
        headers[COMMAND_ID] = command_id
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    if status in (408, 413):
        # The rest of the body may not have been read: the connection is not used again.
        headers["connection"] = "close"
    return Response(compact(document), status, headers, MEDIA_TYPE)


async def _on_failure(request: Request, failure: Exception) -> Response:
    assert isinstance(failure, CommandFailure)
    return _response(problem(failure), {})


async def _on_http_exception(request: Request, wrong: Exception) -> Response:
    assert isinstance(wrong, HTTPException)
    if wrong.status_code == 408:
        late = problem(Expired("The request's body did not come in time."))
        return _response(late | {"status": 408, "title": "Request timeout"}, {})
    if wrong.status_code != 405:
        return await _on_failure(
            request, NotFound(f"There is nothing at {request.url.path}; see /openapi.json.")
        )
    allowed = (wrong.headers or {}).get("Allow", "")
    text = f"{request.method} is not possible here; allowed: {allowed}."
    # No failure of a command has this status: it is about the path, as HTTP has it.
    document = problem(Unsupported(text)) | {"status": 405, "title": "Method not allowed"}
    return _response(document, {"allow": allowed})


async def _on_disconnect(request: Request, gone: Exception) -> Response:
    return await _on_failure(request, Cancelled("The caller went away."))


async def _on_store_error(request: Request, error: Exception) -> Response:
    log.error("the store failed", path=request.url.path, reason=str(error))
    return await _on_failure(request, without_database())


async def _on_exception(request: Request, fault: Exception) -> Response:
    log.error("request failed in the hub", path=request.url.path, fault=type(fault).__name__)
    return await _on_failure(request, Internal("The hub failed; its log says why."))


#: For Starlette: every way in which a request fails, as a problem document.
EXCEPTION_HANDLERS = {
    CommandFailure: _on_failure,
    HTTPException: _on_http_exception,
    ClientDisconnect: _on_disconnect,
    StoreError: _on_store_error,
    Exception: _on_exception,
}
