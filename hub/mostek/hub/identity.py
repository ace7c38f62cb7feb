"""Who is who: callers and connectors, each of one tenant. One place decides who calls; both APIs ask here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["LOCAL", "Caller", "ConnectorId"]


class ConnectorId(NamedTuple):
    """A connector: its name is its tenant's own affair, other tenants may have one of the same name."""

    tenant: str
    name: str


@dataclass(frozen=True)
class Caller:
    """Somebody who calls the hub for a tenant; `name` goes to the logs and to the site."""

    tenant: str
    name: str


#: The hub listens on loopback only, so whoever reaches it is on this machine.
LOCAL = Caller("default", "local")
