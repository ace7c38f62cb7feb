"""A thing that the doctor says: one level, one sentence in each language, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

__all__ = ["Lang", "Level", "Text"]

Lang = Literal["en", "pl"]


class Level(IntEnum):
    """How bad a finding is; the exit code of the worst."""

    OK = 0
    WARNING = 1
    FAILURE = 2
    #: Not looked at, because what it needs is broken.
    SKIPPED = -1


@dataclass(frozen=True)
class Text:
    """A sentence with `{parameters}`, and a remedy with the same or fewer."""

    level: Level
    en: str
    pl: str
    en_do: str = ""
    pl_do: str = ""

    def said(self, lang: Lang) -> str:
        return self.pl if lang == "pl" else self.en

    def remedy(self, lang: Lang) -> str:
        return self.pl_do if lang == "pl" else self.en_do
