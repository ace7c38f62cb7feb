"""Which gRPC and HTTP status a failure has: one table for both APIs."""

from __future__ import annotations

from typing import NamedTuple

import grpc

from mostek.link.v1.failure_pb2 import FailureKind as Kind
from mostek.wire.failures import CommandFailure, Internal

__all__ = ["Status", "status_of", "without_database"]


class Status(NamedTuple):
    """How a kind of failure shows at the two APIs. `title` is the short text of a problem document."""

    grpc: grpc.StatusCode
    http: int
    title: str


_Code = grpc.StatusCode

STATUSES = {
    Kind.FAILURE_KIND_INVALID: Status(_Code.INVALID_ARGUMENT, 400, "Invalid request"),
    Kind.FAILURE_KIND_NOT_FOUND: Status(_Code.NOT_FOUND, 404, "Not found"),
    Kind.FAILURE_KIND_CONFLICT: Status(_Code.ALREADY_EXISTS, 409, "Conflict"),
    Kind.FAILURE_KIND_REJECTED: Status(_Code.FAILED_PRECONDITION, 422, "Refused by the ERP"),
    Kind.FAILURE_KIND_DENIED: Status(_Code.PERMISSION_DENIED, 403, "Not allowed"),
    Kind.FAILURE_KIND_UNAUTHENTICATED: Status(_Code.UNAUTHENTICATED, 401, "Not authenticated"),
    Kind.FAILURE_KIND_UNSUPPORTED: Status(_Code.UNIMPLEMENTED, 501, "Not supported"),
    Kind.FAILURE_KIND_DRIFT: Status(_Code.FAILED_PRECONDITION, 502, "The ERP's schema differs"),
    Kind.FAILURE_KIND_LOCKED: Status(_Code.ABORTED, 503, "Locked in the ERP"),
    Kind.FAILURE_KIND_ERP_UNAVAILABLE: Status(_Code.UNAVAILABLE, 503, "ERP unavailable"),
    Kind.FAILURE_KIND_OFFLINE: Status(_Code.UNAVAILABLE, 503, "Connector offline"),
    Kind.FAILURE_KIND_OVERLOADED: Status(_Code.RESOURCE_EXHAUSTED, 429, "Too much at once"),
    Kind.FAILURE_KIND_EXPIRED: Status(_Code.DEADLINE_EXCEEDED, 504, "Deadline passed"),
    Kind.FAILURE_KIND_CANCELLED: Status(_Code.CANCELLED, 499, "Cancelled"),
    Kind.FAILURE_KIND_UNKNOWN_OUTCOME: Status(_Code.UNKNOWN, 502, "Outcome not known"),
    Kind.FAILURE_KIND_TOO_LARGE: Status(_Code.RESOURCE_EXHAUSTED, 413, "Too large"),
    Kind.FAILURE_KIND_INTERNAL: Status(_Code.INTERNAL, 500, "Internal error"),
}


def status_of(failure: CommandFailure) -> Status:
    """The statuses of a failure."""
    return STATUSES[failure.kind]


def without_database() -> Internal:
    """What a caller is told whose call needs the hub's database while that is away."""
    return Internal(
        "The hub's database can't be used now. Ask again later; repeat a write with the same idempotency key.",
        retriable=True,
        retry_after=2.0,
    )
