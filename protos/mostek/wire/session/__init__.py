"""The rules of a session, for both sides: who may send which frame when, slots, credit, liveness.

Nothing here awaits, sleeps or reads a clock: moments (`now`, seconds on any steady clock) are passed in and frames lie
in an `Outbox`, so every rule can be tested by calling it. The rules themselves stand in `link.proto`.
"""

from __future__ import annotations

from mostek.wire.session.common import (
    DENIED_FIELDS,
    DURABLE,
    REQUEST_CREDIT,
    REVISION,
    Acknowledged,
    Budget,
    CancelAsked,
    Finished,
    Journaled,
    Left,
    Noticed,
    Opened,
    ProtocolError,
    RoundTrip,
    SessionSettings,
    Share,
    Started,
    StatusChanged,
    Welcomed,
    reason_of,
)
from mostek.wire.session.connector import ConnectorSession
from mostek.wire.session.hub import HubSession

__all__ = [
    "DENIED_FIELDS",
    "DURABLE",
    "REQUEST_CREDIT",
    "REVISION",
    "Acknowledged",
    "Budget",
    "CancelAsked",
    "ConnectorSession",
    "Finished",
    "HubSession",
    "Journaled",
    "Left",
    "Noticed",
    "Opened",
    "ProtocolError",
    "RoundTrip",
    "SessionSettings",
    "Share",
    "Started",
    "StatusChanged",
    "Welcomed",
    "reason_of",
]
