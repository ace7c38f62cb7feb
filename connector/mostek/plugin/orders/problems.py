"""What is wrong with a draft: gathered whole, then told (`ValidateOrder`) or raised (the writes)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from mostek.erp.v1.order_pb2 import OrderProblem, OrderProblemCode
from mostek.plugin.sql_types import SqlType, check_text
from mostek.wire.failures import (
    CommandFailure,
    Conflict,
    Invalid,
    Rejected,
    Unsupported,
    Violation,
)

__all__ = [
    "AMBIGUOUS",
    "DUPLICATE",
    "INACTIVE",
    "INCONSISTENT",
    "NOT_ENCODABLE",
    "NOT_FOUND",
    "NO_PRICE",
    "OTHER",
    "TOO_LONG",
    "TOTAL_DIFFERS",
    "UNSUPPORTED",
    "Problem",
    "Problems",
    "failure",
]

Code: TypeAlias = OrderProblemCode.ValueType

NOT_FOUND = OrderProblemCode.ORDER_PROBLEM_CODE_NOT_FOUND
AMBIGUOUS = OrderProblemCode.ORDER_PROBLEM_CODE_AMBIGUOUS
INACTIVE = OrderProblemCode.ORDER_PROBLEM_CODE_INACTIVE
TOO_LONG = OrderProblemCode.ORDER_PROBLEM_CODE_TOO_LONG
NOT_ENCODABLE = OrderProblemCode.ORDER_PROBLEM_CODE_NOT_ENCODABLE
INCONSISTENT = OrderProblemCode.ORDER_PROBLEM_CODE_INCONSISTENT
UNSUPPORTED = OrderProblemCode.ORDER_PROBLEM_CODE_UNSUPPORTED
NO_PRICE = OrderProblemCode.ORDER_PROBLEM_CODE_NO_PRICE
TOTAL_DIFFERS = OrderProblemCode.ORDER_PROBLEM_CODE_TOTAL_DIFFERS
DUPLICATE = OrderProblemCode.ORDER_PROBLEM_CODE_DUPLICATE
OTHER = OrderProblemCode.ORDER_PROBLEM_CODE_OTHER

_LINE = re.compile(r"lines\[(\d+)\]")
_INVALID = frozenset({NOT_FOUND, AMBIGUOUS, TOO_LONG, NOT_ENCODABLE, INCONSISTENT})


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong. `field` is a path from the draft; empty: it concerns the draft as a whole."""

    field: str
    code: Code
    message: str

    def message_of_order(self) -> OrderProblem:
        """The problem as the contract tells it, with the line that its field lies in."""
        line = _LINE.match(self.field)
        return OrderProblem(
            field=self.field or None,
            code=self.code,
            message=self.message,
            line=int(line[1]) if line else None,
        )


@dataclass
class Problems:
    """Gathers problems, and warnings: what is written nevertheless."""

    found: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.found)

    def add(self, path: str, code: Code, message: str) -> None:
        self.found.append(Problem(path, code, message))

    def warn(self, path: str, message: str, code: Code = OTHER) -> None:
        self.warnings.append(Problem(path, code, message))

    def unsupported(self, path: str, message: str) -> None:
        self.add(path, UNSUPPORTED, message)

    def text(self, path: str, value: str, kind: SqlType | str) -> str:
        """The text as the column can hold it; what it can't is a problem, nothing is cut or replaced."""
        try:
            return check_text(path, value, kind)
        except Invalid as refused:
            code = TOO_LONG if _encodable(value, kind) else NOT_ENCODABLE
            self.add(path, code, refused.violations[0].description)
            return ""

    def fits(self, path: str, value: str, kind: SqlType | str) -> bool:
        """Whether the column can hold the text; if not, that is a problem."""
        before = len(self.found)
        self.text(path, value, kind)
        return len(self.found) == before

    def raise_any(self, root: str = "") -> None:
        """Raise what was found as one failure, its fields led by the request's field if it is not in them."""
        if self.found:
            raise failure(self.found, root)


def failure(problems: Iterable[Problem], root: str) -> CommandFailure:
    """One failure that names every problem; its kind is that of the worst: what can be corrected comes first."""
    found = list(problems)
    violations = [
        Violation(".".join(filter(None, (root, problem.field))), problem.message)
        for problem in found
    ]
    codes = {problem.code for problem in found}
    if codes & _INVALID:
        return Invalid.of_all(violations)
    if UNSUPPORTED in codes:
        return Unsupported.of_all(violations)
    return (Conflict if DUPLICATE in codes else Rejected).of_all(violations)


def _encodable(text: str, kind: SqlType | str) -> bool:
    narrow = (SqlType.parse(kind) if isinstance(kind, str) else kind).is_narrow
    try:
        text.encode("cp1250" if narrow else "utf-8")
    except UnicodeEncodeError:
        return False
    return "\0" not in text
