"""Who is who, and who may what: callers and connectors, each of one tenant. No I/O, no clock."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import NamedTuple

from google.protobuf.message import DecodeError, Message

from mostek.wire.failures import Denied, Internal, NotFound
from mostek.wire.fields import DeniedFields
from mostek.wire.operations import OPERATIONS, Operation

__all__ = [
    "EVERYTHING",
    "HUB",
    "LOCAL",
    "PATTERN",
    "Caller",
    "ConnectorId",
    "Reach",
    "Scope",
    "no_connector",
]

#: What restricts a key to connectors or operations: a name, or one with `*` in it.
PATTERN = re.compile(r"[A-Za-z0-9*](?:[A-Za-z0-9*-]{0,61}[A-Za-z0-9*])?")
#: Stands for the hub itself where a tenant is named: no tenant can have this name.
HUB = "-"


class ConnectorId(NamedTuple):
    """A connector: its name is its tenant's own affair, other tenants may have one of the same name."""

    tenant: str
    name: str


class Scope(StrEnum):
    """What a caller may do."""

    #: Operations that change nothing.
    READ = "read"
    #: Operations that change the ERP.
    WRITE = "write"
    #: The tenant's own affairs: its keys, connectors and audit, and settling its commands.
    ADMIN = "admin"
    #: All tenants' affairs, but none of their data. Only the hub's own machine gives it.
    OPERATOR = "operator"


@dataclass(frozen=True)
class Reach:
    """What a caller is restricted to; what is empty restricts nothing. Names may have `*` in them."""

    connectors: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    #: Fields that the caller may not see, as the site's policy names them: `Customer.pesel`.
    denied_fields: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether nothing is restricted."""
        return not (self.connectors or self.operations or self.denied_fields)

    def has(self, connector: str, operation: str = "") -> bool:
        """Whether a connector, and an operation if one is named, are within it."""
        return _matches(connector, self.connectors) and (
            not operation or _matches(operation, self.operations)
        )

    @property
    def operation_names(self) -> frozenset[str]:
        """The operations of the contract that are within it."""
        return frozenset(name for name in OPERATIONS if _matches(name, self.operations))


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


#: No restriction.
EVERYTHING = Reach()


@dataclass(frozen=True)
class Caller:
    """Somebody who calls the hub for a tenant; `name` goes to the logs, to the audit and to the site."""

    tenant: str
    name: str
    scopes: frozenset[Scope] = frozenset()
    reach: Reach = EVERYTHING
    #: Of the API key; empty for others.
    key_id: str = ""
    #: Seconds since 1970; None: never.
    expires_at: float | None = None
    denied: DeniedFields = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "denied", DeniedFields(self.reach.denied_fields))

    def require(self, *scopes: Scope, to: str) -> None:
        """Raise Denied if the caller has none of the scopes; `to` is what it wants to do."""
        if self.scopes.isdisjoint(scopes):
            needed = " or ".join(scopes)
            raise Denied(f"{self.name} may not {to}: that needs the scope {needed}.")

    def check(self, operation: Operation, connector: str) -> None:
        """Raise Denied for an operation that is not the caller's, NotFound for a connector that it may not see."""
        scope = Scope.WRITE if operation.write else Scope.READ
        if scope not in self.scopes:
            self.require(scope, to=f"call {operation.name}")
        if self.reach is EVERYTHING:
            return
        if not _matches(operation.name, self.reach.operations):
            raise Denied(f"{self.name} may not call {operation.name}: its key is for others.")
        if not _matches(connector, self.reach.connectors):
            raise no_connector(connector)

    def check_request(self, operation: Operation, request: Message) -> None:
        """Raise Denied for a filter or look-up that tells of a field that the caller may not see."""
        self.denied.check(request, write=operation.write, by="this key")

    def pruned(self, operation: Operation, response: bytes) -> Message:
        """A response without what the caller may not see: of a write, it may have been made for another. Raises
        Internal for bytes that are none."""
        try:
            found: Message = operation.response.FromString(response)
        except DecodeError:
            name = operation.response.DESCRIPTOR.name
            raise Internal(f"The connector's response is no {name}.") from None
        if self.denied:
            self.denied.prune(found)
            # What this hub's contract does not know can't be told to be allowed.
            found.DiscardUnknownFields()
        return found

    def tenant_of(self, named: str) -> str:
        """The tenant that a request is about: the caller's own, where it names none. Raises Denied."""
        if named and named != self.tenant and Scope.OPERATOR not in self.scopes:
            # Said of every other name, so that it tells nothing of which there are.
            raise Denied("Another tenant may be named by the hub's operators only.")
        return named or self.tenant


def no_connector(name: str) -> NotFound:
    """The one way to say that a connector is not there, or not for the caller."""
    return NotFound(f"No connector {name!r} is known to this hub.")


#: Whoever reaches a hub that is `insecure`, and so listens on loopback only: somebody on this machine.
LOCAL = Caller("default", "local", frozenset(Scope))
