"""What the registry says of a connector that it knows in part."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mostek.hub.identity import ConnectorId
from mostek.hub.registry import Registry
from mostek.hub.store.records import SessionRecord
from mostek.link.v1.link_pb2 import Company, Status
from mostek.wire.failures import Invalid, NotFound, Offline

ACME = ConnectorId("default", "acme")


@pytest.fixture
def registry() -> Registry:
    """It knows of a session that another replica has, and not yet what that serves."""
    made = Registry()
    made.place(SessionRecord("s", ACME, "i", "p", "other", "1", 8, 0.0, number=1))
    return made


def serving(registry: Registry, *names: str) -> None:
    companies = [Company(name=name, operations=["CreateOrder"]) for name in names]
    registry.learn(ACME, Status(companies=companies), datetime.now(UTC))


@pytest.mark.parametrize("company", ["", "-", "main"])
def test_a_write_is_to_come_again_while_it_is_not_known_what_its_connector_serves(
    registry: Registry, company: str
) -> None:
    with pytest.raises(Offline, match="not known yet") as refused:
        registry.company(ACME, company, "CreateOrder")
    assert refused.value.retriable
    assert refused.value.retry_after
    serving(registry, "main")
    assert registry.company(ACME, company, "CreateOrder") == "main"


def test_what_is_known_of_the_companies_is_told_for_good(registry: Registry) -> None:
    serving(registry, "north", "south")
    with pytest.raises(Invalid, match=r"several companies \(north, south\): name one"):
        registry.company(ACME, "", "CreateOrder")
    with pytest.raises(NotFound, match="serves no company 'east'"):
        registry.company(ACME, "east", "CreateOrder")
