"""Names in certificates and enrolment tokens: text that people and certificates carry."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mostek.wire.names import NAME
from mostek.wire.trust import EnrolmentToken, InstanceId, renewal

NAMES = st.from_regex(NAME, fullmatch=True)
INSTANCES = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
HOSTS = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,60}|\[[0-9a-f:]{2,30}\]", fullmatch=True)
DAMAGED = "the token is damaged: copy it whole, from its first to its last letter"
TOKENS = st.builds(
    lambda host, port, pin, secret: EnrolmentToken(f"{host}:{port}", pin, secret),
    HOSTS,
    st.integers(1, 65535),
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=20, max_size=20),
)


@given(NAMES, NAMES, INSTANCES)
def test_an_instances_uri_names_it(tenant: str, connector: str, instance: str) -> None:
    named = InstanceId(tenant, connector, instance)
    assert InstanceId.of(named.uri) == named


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "spiffe://mostek/tenant/a/connector/b",
        "spiffe://other/tenant/a/connector/b/instance/c",
        "spiffe://mostek/tenant/a/connector/b/instance/c/d",
        "spiffe://mostek/tenant/a/connector/b/instance/c\n",
        "spiffe://mostek/tenant/A/connector/b/instance/c",
        "spiffe://mostek/tenant/a/connector/b%2f/instance/c",
        "spiffe://mostek/tenant/a/connector//instance/c",
        "https://mostek/tenant/a/connector/b/instance/c",
    ],
)
def test_what_is_no_such_uri_names_nobody(uri: str) -> None:
    with pytest.raises(ValueError, match="names"):
        InstanceId.of(uri)


@given(TOKENS)
def test_a_token_survives_being_copied_and_broken_into_lines(token: EnrolmentToken) -> None:
    text = token.text
    assert EnrolmentToken.of(text) == token
    assert EnrolmentToken.of(f"  {text[:20]}\n{text[20:]}\r\n") == token
    assert text.isascii()
    assert not text.startswith("-")


@given(TOKENS, st.data())
def test_a_token_that_was_changed_anywhere_is_told_from_a_wrong_one(
    token: EnrolmentToken, data: st.DataObject
) -> None:
    text = token.text
    at = data.draw(st.integers(8, len(text) - 2))
    other = data.draw(st.sampled_from("Ab0-_").filter(lambda letter: letter != text[at]))
    with pytest.raises(ValueError, match="copy it whole"):
        EnrolmentToken.of(text[:at] + other + text[at + 1 :])
    with pytest.raises(ValueError, match="copy it whole"):
        EnrolmentToken.of(text[:at])


@given(st.text())
def test_any_text_is_a_token_or_a_mistake_that_does_not_show_it(text: str) -> None:
    with pytest.raises(ValueError, match="token") as error:
        EnrolmentToken.of("mostek1_" + text)
    assert str(error.value) == DAMAGED


def test_what_is_no_token_is_told_by_how_one_begins() -> None:
    with pytest.raises(ValueError, match="one begins with mostek1_"):
        EnrolmentToken.of("sk-12345")


def test_a_tokens_secret_is_not_in_its_repr() -> None:
    token = EnrolmentToken("hub:443", b"p" * 32, b"secret secret secret")
    assert "secret" not in repr(token)


def test_what_a_renewal_signs_depends_on_each_of_its_parts() -> None:
    signed = renewal("a", b"b", b"c")
    others = [renewal("x", b"b", b"c"), renewal("a", b"x", b"c"), renewal("a", b"b", b"x")]
    assert signed not in others
    assert renewal("a", b"bc", b"") != renewal("a", b"b", b"c")
