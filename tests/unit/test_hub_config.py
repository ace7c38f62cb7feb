"""The hub's settings."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from mostek.hub.config import HubConfig, split_address


@pytest.mark.parametrize("address", ["0.0.0.0:7443", "10.0.0.1:80", "example.com:443", "[::]:1"])
def test_the_hub_refuses_to_listen_on_anything_but_loopback(address: str) -> None:
    with pytest.raises(ValidationError, match="listens on loopback only"):
        HubConfig(api=address)


@pytest.mark.parametrize("address", ["127.0.0.1:0", "127.8.8.8:1", "[::1]:7443", "localhost:80"])
def test_loopback_addresses_are_taken(address: str) -> None:
    assert HubConfig(http=address).http == address


@pytest.mark.parametrize("address", ["", "7443", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999"])
def test_what_is_no_address_is_refused_with_an_example(address: str) -> None:
    with pytest.raises(ValueError, match="write host:port"):
        split_address(address)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOSTEK_HUB_LINK", "127.0.0.1:9")
    assert HubConfig().link == "127.0.0.1:9"
