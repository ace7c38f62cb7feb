"""Who calls. One place decides it; both APIs ask here."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LOCAL", "Caller"]


@dataclass(frozen=True)
class Caller:
    """Somebody who calls the hub; `name` goes to the logs and to the site."""

    name: str


#: The hub listens on loopback only, so whoever reaches it is on this machine.
LOCAL = Caller("local")
