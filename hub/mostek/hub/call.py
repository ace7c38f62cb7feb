"""What a caller asks, whichever API it came by."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

from mostek.hub.identity import Caller, ConnectorId
from mostek.wire.failures import Invalid
from mostek.wire.names import EXPIRE_AFTER, IDEMPOTENCY_KEY, MAX_KEY, ORDERING_KEY
from mostek.wire.operations import Operation
from mostek.wire.tracing import Span

__all__ = ["DEFAULT_EXPIRE_AFTER", "LONGEST_EXPIRE_AFTER", "Call", "expire_after_of"]

#: Seconds after which a write that has not begun expires: where the caller does not say, and at most.
DEFAULT_EXPIRE_AFTER = 24 * 3600
LONGEST_EXPIRE_AFTER = 30 * 24 * 3600
_LONGEST_NAME = 64


def new_command_id() -> str:
    """Names one call in the logs of both sides."""
    return f"{random.getrandbits(64):016x}"


@dataclass(slots=True)
class Call:
    """An operation on a company of a connector, its request as bytes.

    `company` may be empty or `-` where the connector serves one. `timeout`: seconds that the caller waits. Writes need
    an idempotency key; `expire_after` (seconds) and `ordering_key` are theirs.
    """

    operation: Operation
    connector: str
    company: str
    request: bytes
    timeout: float
    caller: Caller
    idempotency_key: str = ""
    expire_after: float = DEFAULT_EXPIRE_AFTER
    ordering_key: str = ""
    command_id: str = field(default_factory=new_command_id)
    #: Seconds that it was with connectors until now.
    away: float = 0.0
    #: The session that it was sent to; empty until then.
    session_id: str = ""
    #: The trace that it belongs to, "" for none; `span` is this process's part of it.
    traceparent: str = ""
    span: Span | None = None

    def __post_init__(self) -> None:
        # No name is so long: what is left of it names nothing either, and waits in the audit's memory.
        self.connector, self.company = self.connector[:_LONGEST_NAME], self.company[:_LONGEST_NAME]

    @property
    def site(self) -> ConnectorId:
        """The connector that is meant: of the caller's tenant, always."""
        return ConnectorId(self.caller.tenant, self.connector)

    def check(self) -> None:
        """Raise Invalid for what is wrong beside the request itself."""
        if self.operation.write and not self.idempotency_key:
            raise Invalid.of(
                IDEMPOTENCY_KEY,
                f"{self.operation.name} needs one; repeat it when you repeat the call",
            )
        for name, key in (
            (IDEMPOTENCY_KEY, self.idempotency_key),
            (ORDERING_KEY, self.ordering_key),
        ):
            if len(key) > MAX_KEY or not key.isprintable():
                raise Invalid.of(name, f"must be at most {MAX_KEY} printable characters")


def expire_after_of(text: str) -> float:
    """Seconds, from metadata or a header; empty: the default. Raises Invalid."""
    if not text:
        return float(DEFAULT_EXPIRE_AFTER)
    if re.fullmatch(r"[0-9]{1,7}", text) and 1 <= int(text) <= LONGEST_EXPIRE_AFTER:
        return float(text)
    raise Invalid.of(EXPIRE_AFTER, f"must be whole seconds from 1 to {LONGEST_EXPIRE_AFTER}")
