"""Names that both ends and the caller spell alike: metadata keys, headers and log fields."""

from __future__ import annotations

import re
from typing import Final

__all__ = [
    "AUTHORIZATION",
    "COMMAND_ID",
    "COMPANY",
    "CONNECTOR",
    "EXPIRE_AFTER",
    "FAILURE",
    "IDEMPOTENCY_KEY",
    "MAX_KEY",
    "NAME",
    "ONLY_COMPANY",
    "ORDERING_KEY",
    "TRACEPARENT",
]

#: gRPC metadata: which connector and which of its companies; the company is absent or `-` where there is one.
CONNECTOR: Final = "mostek-connector"
COMPANY: Final = "mostek-company"
#: gRPC metadata and, capitalised, HTTP header: names a write for ever.
IDEMPOTENCY_KEY: Final = "idempotency-key"
#: The same: seconds after which a write that has not begun is not to begin any more.
EXPIRE_AFTER: Final = "mostek-expire-after"
#: The same: writes of a company that share it are executed in the order in which they were recorded.
ORDERING_KEY: Final = "mostek-ordering-key"
#: gRPC metadata and HTTP header: `Bearer` and the API key, or a token.
AUTHORIZATION: Final = "authorization"
#: gRPC trailing metadata and HTTP header of an answer: the id under which both sides log the command.
COMMAND_ID: Final = "mostek-command"
#: gRPC metadata and HTTP header: the caller's trace, of W3C Trace Context.
TRACEPARENT: Final = "traceparent"
#: gRPC trailing metadata of a failed call: a serialised `Failure`.
FAILURE: Final = "mostek-failure-bin"

#: The company's name in a path where the connector serves only one.
ONLY_COMPANY: Final = "-"
#: Longest idempotency key and ordering key.
MAX_KEY: Final = 128
#: What names of connectors and companies look like.
NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
