"""COM of a worker, and what doubles of COM objects are made of."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import ClassVar

import pytest

from mostek.plugin.worker.com import RAISED, Com, ComSaid, com_said
from mostek.plugin.worker.com_double import DAY, OBJECT, TEXT, ComError, ComObject, members
from mostek.plugin.worker.inside import Fault


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ComError.of("Nie ma."), ComSaid(RAISED, -2147220504, "Nie ma.")),
        (ComError(5, "COM", (0, "ERP", None, None, 0, 0), None), ComSaid(5, 0, "COM")),
        (ComError(5, "COM", None, None), ComSaid(5, 0, "COM")),
        (ComError("no code"), ComSaid(0, 0, "None")),
        (ComError(), ComSaid(0, 0, "None")),
    ],
)
def test_an_error_is_told_in_the_object_s_words_if_it_has_some(
    error: ComError, said: ComSaid
) -> None:
    assert com_said(error) == said


@pytest.mark.skipif(sys.platform == "win32", reason="NOT RUN: Windows has COM")
def test_without_pywin32_it_is_told_who_needs_it() -> None:
    with pytest.raises(Fault, match="Sfera needs Windows and pywin32") as raised:
        Com("Sfera")
    assert raised.value.kind == "unavailable"


class Card(ComObject):
    written: ClassVar = members("Kod Nazwa", TEXT) | members("Dzien", DAY) | members("Inny", OBJECT)
    read: ClassVar = members("Numer Wersja", TEXT)


def test_a_double_takes_the_documented_members_of_the_documented_types_alone() -> None:
    card = Card(_place=3)
    card.Kod, card.Dzien, card.Inny = "A", datetime(2026, 1, 1), Card()
    card.tell(Numer="1")
    assert (card.Kod, card.Numer, card._place) == ("A", "1", 3)
    with pytest.raises(AttributeError, match="Kot"):
        card.Kot = "A"
    with pytest.raises(AttributeError, match="can not be set"):
        card.Numer = "2"
    with pytest.raises(AttributeError, match="Kot"):
        _ = card.Kot
    for name, value in (("Kod", 5), ("Kod", None), ("Dzien", "2026-01-01"), ("Inny", "x")):
        with pytest.raises(ComError, match="Niezgodność typu"):
            setattr(card, name, value)
    with pytest.raises(ComError, match="the double does not tell Wersja"):
        _ = card.Wersja
