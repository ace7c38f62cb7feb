"""What doubles of an ERP's COM objects are made of: they know the documented members and types, and nothing else.

A member that the sources do not have, a value of another type, a read-only property that is set: each is an error here,
as there. What a member does is known for the ones that are used; a documented one that is not used says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from mostek.plugin.worker.com import RAISED

__all__ = [
    "AMOUNT",
    "DAY",
    "FLAG",
    "INT",
    "NO_CLASS",
    "OBJECT",
    "TEXT",
    "ComError",
    "ComObject",
    "Member",
    "check",
    "members",
]

NO_CLASS = -2147221005
_TYPE_MISMATCH, _NOT_IMPLEMENTED = -2147352571, -2147467263
#: Within the facility of errors that a program makes up (0x8004....).
_OF_THE_PROGRAM = -2147220504

#: The types that a value may have.
Member = tuple[type, ...]
TEXT: Member = (str,)
INT: Member = (int,)
FLAG: Member = (bool,)
AMOUNT: Member = (float,)
DAY: Member = (datetime,)
#: Another object of the double.
OBJECT: Member = (object,)


class ComError(Exception):
    """As pywin32's: code, text, (…, source, text, …, …, code), argument."""

    @classmethod
    def of(cls, text: str, code: int = _OF_THE_PROGRAM) -> ComError:
        """The object's own refusal."""
        return cls(RAISED, "Wystąpił wyjątek.", (0, "ERP", text, None, 0, code), None)


class ComObject:
    """Knows its members: `written` those that may be set, `read` those that may only be read, by their types.

    `own`: what it keeps for itself.
    """

    written: ClassVar[Mapping[str, Member]] = {}
    read: ClassVar[Mapping[str, Member]] = {}

    def __init__(self, **own: Any) -> None:
        vars(self).update(_values={}, **own)

    def __getattr__(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        if name in self.written or name in self.read:
            raise ComError(_NOT_IMPLEMENTED, f"the double does not tell {name}", None, None)
        raise AttributeError(f"<unknown>.{name}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.written:
            raise AttributeError(f"Property '<unknown>.{name}' can not be set.")
        check(value, self.written[name])
        self._values[name] = value

    def tell(self, **values: Any) -> None:
        """What read-only properties hold from now on."""
        for name, value in values.items():
            check(value, self.read[name])
            self._values[name] = value


def check(value: Any, kinds: Member) -> None:
    """Raise what COM does for a value of another type."""
    fits = isinstance(value, ComObject) if kinds is OBJECT else type(value) in kinds
    if not fits:
        raise ComError(_TYPE_MISMATCH, "Niezgodność typu.", None, None)


def members(names: str, kind: Member) -> dict[str, Member]:
    """Members of one type, by their names."""
    return dict.fromkeys(names.split(), kind)
