"""The HTTP proxy between connector and hub."""

from __future__ import annotations

import os

import pytest

from mostek.connector.config import HubConfig
from mostek.connector.proxy import channel_options, checked_proxy, explained, named, proxy_for
from mostek.wire.tracing import checked_endpoint

HUB = "link.example.com:443"
NONE = (("grpc.enable_http_proxy", 0),)


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def test_without_a_proxy_none_is_used() -> None:
    assert channel_options(HUB) == NONE


@pytest.mark.parametrize(
    "name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"]
)
def test_the_environments_proxy_is_used_in_any_case_of_letters(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "http://proxy:3128")
    assert channel_options(HUB) == (("grpc.http_proxy", "http://proxy:3128"),)
    assert named() == name


def test_the_proxy_for_https_goes_before_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://third:1")
    monkeypatch.setenv("ALL_PROXY", "http://second:1")
    assert proxy_for(HUB) == "http://second:1"
    monkeypatch.setenv("https_proxy", "http://first:1")
    assert proxy_for(HUB) == "http://first:1"


def test_the_setting_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://other:1")
    assert channel_options(HUB, "http://proxy:3128") == (("grpc.http_proxy", "http://proxy:3128"),)


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_a_hub_that_no_proxy_names_is_reached_directly(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv(name, "example.com")
    assert channel_options(HUB) == NONE
    assert channel_options(HUB, "http://proxy:3128") == NONE


@pytest.mark.parametrize("link", ["127.0.0.1:7444", "[::1]:7444", "localhost:7444"])
def test_a_hub_on_this_machine_is_reached_directly(link: str) -> None:
    assert channel_options(link, "http://proxy:3128") == NONE


@pytest.mark.parametrize(
    "url",
    [
        "https://proxy:3128",
        "http://proxy",
        "socks5://p:1",
        "http://p:x",
        "http://u:p#w@p:1",
        "http://u:p/w@p:1",
    ],
)
def test_a_proxy_that_can_not_be_used_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must b"):
        checked_proxy(url)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("proxy:3128", "http://proxy:3128"),
        ("http://proxy:3128/", "http://proxy:3128"),
        ("http://user:p@ss w%rd@proxy:3128", "http://user:p%40ss%20w%25rd@proxy:3128"),
        ("http://DOM%5Cuser:p%40ss@proxy:3128", "http://DOM%5Cuser:p%40ss@proxy:3128"),
        ("http://user@[::1]:3128", "http://user:@[::1]:3128"),
    ],
)
def test_a_proxys_user_and_password_are_written_as_grpc_reads_them(given: str, used: str) -> None:
    assert checked_proxy(given) == used
    assert checked_proxy(used) == used


def test_an_environments_proxy_that_can_not_be_used_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://user:s3cret@proxy:1080")
    with pytest.raises(ValueError, match=r"^ALL_PROXY must begin with http:") as error:
        proxy_for(HUB)
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize("sign", ["\u2100", "[", "]", "\uff0f"])
def test_nor_by_the_parser_of_addresses(sign: str) -> None:
    """It quotes what it does not take: signs that are others once they are normalised."""
    with pytest.raises(ValueError, match="must be http://") as error:
        checked_proxy(f"http://user:s3cret{sign}@proxy:3128")
    assert "s3cret" not in str(error.value)
    with pytest.raises(ValueError, match="must be the address") as error:
        checked_endpoint(f"http://user:s3cret{sign}@collector:4318")
    assert "s3cret" not in str(error.value)


def test_a_proxys_password_is_never_shown() -> None:
    config = HubConfig.model_validate(
        {"link": HUB, "api": HUB, "proxy": "http://user:s3cret@proxy:3128"}
    )
    assert "s3cret" not in repr(config)
    assert config.proxy.get_secret_value() == "http://user:s3cret@proxy:3128"
    with pytest.raises(ValueError, match="must begin with http") as error:
        HubConfig.model_validate(
            {"link": HUB, "api": HUB, "proxy": "https://user:s3cret@proxy:3128"}
        )
    assert "must begin with http://" in str(error.value.errors()[0]["msg"])  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (407, "wants a user and a password"),
        (403, "allow CONNECT"),
        (502, "could not reach"),
        (418, "not understood"),
    ],
)
def test_a_proxys_refusal_says_what_to_do(code: int, words: str) -> None:
    said = explained(f"failed to connect: HTTP proxy returned response code {code}")
    assert said.startswith("The proxy ")
    assert words in said
    assert str(code) in said


def test_other_errors_keep_their_words() -> None:
    assert explained("Connection refused") == "Connection refused"


def test_a_certificate_that_is_not_the_hubs_is_told_as_inspection() -> None:
    details = "Ssl handshake failed: OPENSSL_internal:CERTIFICATE_VERIFY_FAILED: unable to get it"
    assert "ask for an exemption" in explained(details)
