"""The hub's settings."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mostek.hub.config import HubConfig, split_address


@pytest.mark.parametrize("address", ["0.0.0.0:7443", "10.0.0.1:80", "example.com:443", "[::]:1"])
def test_a_hub_without_tls_refuses_to_listen_on_anything_but_loopback(address: str) -> None:
    with pytest.raises(ValidationError, match="listens on loopback only"):
        HubConfig(api=address, insecure=True)


def test_a_hub_with_tls_listens_anywhere_and_says_where_sites_find_it() -> None:
    assert HubConfig(api="0.0.0.0:7443", link="10.0.0.1:443").api == "0.0.0.0:7443"
    with pytest.raises(ValidationError, match="set MOSTEK_HUB_PUBLIC_LINK to what sites dial"):
        HubConfig(link="0.0.0.0:443")
    with pytest.raises(ValidationError, match="set MOSTEK_HUB_PUBLIC_HTTP to what sites dial"):
        HubConfig(http="[::]:443")
    config = HubConfig(
        link="0.0.0.0:443",
        http="0.0.0.0:80",
        public_link="link.example.com:443",
        public_http="api.example.com:443",
        names="hub.example.com, 10.0.0.7",
    )
    assert config.hosts == [
        "hub.example.com",
        "10.0.0.7",
        "api.example.com",
        "link.example.com",
        "127.0.0.1",
    ]


def test_several_replicas_need_postgresql_and_say_where_each_is() -> None:
    with pytest.raises(ValidationError, match="one hub works on a SQLite file"):
        HubConfig(internal="127.0.0.1:7445")
    database = "postgresql://hub@db/hub"
    assert HubConfig(internal="10.0.0.7:7445", database=database).internal
    with pytest.raises(ValidationError, match="PUBLIC_INTERNAL to the address of this replica"):
        HubConfig(internal="0.0.0.0:7445", database=database)
    with pytest.raises(ValidationError, match="listens on loopback only"):
        HubConfig(internal="10.0.0.7:7445", database=database, insecure=True)


def test_certificate_and_key_come_together() -> None:
    with pytest.raises(ValidationError, match="together or not at all"):
        HubConfig(tls_certificate="a.pem")


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


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"oidc_issuer": "https://id.example.com"}, "set together"),
        ({"oidc_issuer": "http://id.example.com", "oidc_audience": "m"}, "must be an https://"),
        ({"oidc_issuer": "file:///keys", "oidc_audience": "m"}, "must be an https://"),
        ({"oidc_algorithms": "RS256,HS256"}, "'HS256' is none of RS256"),
        ({"oidc_algorithms": "none"}, "'none' is none of RS256"),
        ({"audit_days": 30}, "greater than or equal to 31"),
    ],
)
def test_an_issuer_that_could_be_forged_is_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        HubConfig(**settings)
