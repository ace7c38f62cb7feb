"""Values are encrypted with a named key, and opened only where they belong."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mostek.hub.keyring import KeyFileError, Keyring, Sealed, add_key, load_keys

RING = Keyring({"new": b"n" * 32, "old": b"o" * 32})


@given(st.binary(max_size=1000), st.text(max_size=50))
def test_what_was_sealed_is_opened(value: bytes, about: str) -> None:
    sealed = RING.seal(value, about)
    assert sealed.key_id == "new"
    assert value not in sealed.data or len(value) < 4
    assert RING.open(sealed, about) == value


def test_a_value_of_an_older_key_is_opened() -> None:
    sealed = Keyring({"old": b"o" * 32}).seal(b"value", "here")
    assert RING.open(sealed, "here") == b"value"


def test_a_value_that_was_moved_or_changed_is_not_opened() -> None:
    sealed = RING.seal(b"value", "here")
    changed = Sealed(sealed.key_id, sealed.data[:-1] + b"x")
    for wrong, about in ((sealed, "there"), (changed, "here")):
        with pytest.raises(KeyFileError, match="another key of that name"):
            RING.open(wrong, about)


def test_a_key_that_is_missing_is_named() -> None:
    sealed = Keyring({"lost": b"l" * 32}).seal(b"value", "here")
    with pytest.raises(KeyFileError, match="'lost'"):
        RING.open(sealed, "here")


def test_a_new_key_goes_first_and_only_its_owner_reads_the_file(tmp_path: Path) -> None:
    file = tmp_path / "state" / "hub.keys"
    first = add_key(file)
    assert load_keys(file).current == first
    sealed = load_keys(file).seal(b"value", "here")
    second = add_key(file)
    assert load_keys(file).current == second
    assert load_keys(file).open(sealed, "here") == b"value"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "\n", "id", "id c2hvcnQ=", "i/d " + "A" * 43 + "=", "ż x"])
def test_a_file_without_proper_keys_is_refused_without_showing_them(
    tmp_path: Path, text: str
) -> None:
    file = tmp_path / "keys"
    file.write_text(text)
    with pytest.raises(KeyFileError) as refused:
        load_keys(file)
    assert "c2hvcnQ" not in str(refused.value)


def test_a_file_that_is_not_there_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="mostek-hub new-key"):
        load_keys(tmp_path / "keys")
