"""What one replica says to another, as both spell it."""

from __future__ import annotations

import json
from typing import Final

from mostek.hub.identity import Caller, Reach

__all__ = ["ABSENT", "CALLER", "CANCEL", "LOST", "PROBE", "SERVICE", "WHERE", "caller_of", "told"]

#: Metadata of a forwarded call: who calls. Only a replica may say that.
CALLER: Final = "mostek-caller-bin"
#: Trailing metadata where a session was not found (ABSENT: nothing was sent), or was lost with the call.
WHERE: Final = "mostek-session"
ABSENT: Final = "absent"
LOST: Final = "lost"
#: What replicas ask each other besides: whether a session answers, and to have a write cancelled. Ids as bytes.
SERVICE: Final = "mostek.hub.Replica"
PROBE: Final = "Probe"
CANCEL: Final = "Cancel"


def told(caller: Caller) -> bytes:
    """What the other replica needs of the caller; this one has checked what it may."""
    about = {
        "tenant": caller.tenant,
        "name": caller.name,
        "denied_fields": caller.reach.denied_fields,
    }
    return json.dumps(about).encode()


def caller_of(data: bytes) -> Caller:
    """The caller. Raises ValueError."""
    try:
        about = json.loads(data)
        tenant, name, denied = about["tenant"], about["name"], tuple(about["denied_fields"])
    except (KeyError, TypeError, ValueError):
        raise ValueError("the metadata names no caller") from None
    return Caller(tenant, name, reach=Reach(denied_fields=denied))
