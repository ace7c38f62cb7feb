"""The hub's database: PostgreSQL, or a SQLite file for one replica. Nothing else knows SQL."""

from mostek.hub.store.engine import StoreError
from mostek.hub.store.records import CommandFilter, CommandRecord, Event, Lane
from mostek.hub.store.store import Full, KeyTaken, Moved, Store

__all__ = [
    "CommandFilter",
    "CommandRecord",
    "Event",
    "Full",
    "KeyTaken",
    "Lane",
    "Moved",
    "Store",
    "StoreError",
]
