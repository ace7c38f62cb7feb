"""What several tests of the hub's APIs need."""

from __future__ import annotations

from typing import cast

from mostek.hub.admin import Admin
from mostek.hub.registry import Registry
from mostek.hub.router import Router
from mostek.hub.store import Store
from mostek.hub.writes import Writes


def apis(registry: Registry) -> tuple[Router, Admin]:
    """The two halves of the API for tests that write nothing: there is no store."""
    writes = Writes(registry, cast(Store, None))
    return Router(registry, writes), Admin(registry, writes)
