"""What callers ask for and what they are told, as the ledger keeps it."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["Asked", "Ledger", "Line", "Told"]


@dataclass(frozen=True)
class Line:
    """One line of an order. `price` is net per piece, as `10.00`."""

    product: str
    quantity: int
    price: str


@dataclass(frozen=True)
class Asked:
    """One write: an order, or a new customer where there are no lines.

    The buyer of an order is the customer with the id `buyer`, or a new one with `tax_id`.
    """

    key: str
    site: str
    #: What is tried with it: `plain`, `shared`, `impostor`, …
    story: str
    external_number: str = ""
    buyer: str = ""
    tax_id: str = ""
    lines: tuple[Line, ...] = ()

    @property
    def net(self) -> Decimal:
        """What the order must come to."""
        return sum((line.quantity * Decimal(line.price) for line in self.lines), Decimal(0))


@dataclass(frozen=True)
class Told:
    """One answer to a write. `end` is `ok`, `accepted` (it goes on as `command`), `cancelled` or a failure's kind."""

    key: str
    external_number: str
    end: str
    #: The ERP's id and number of what was written.
    id: str = ""
    number: str = ""
    customer: str = ""
    command: str = ""
    retriable: bool = False
    message: str = ""


class Ledger:
    """A file to which all that is asked and told is appended, whatever the hub says later."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("w", encoding="utf-8")
        self.asked: list[Asked] = []
        self.told: list[Told] = []

    def ask(self, asked: Asked) -> Asked:
        """Before it is sent."""
        self.asked.append(asked)
        self._append("asked", asdict(asked))
        return asked

    def tell(self, told: Told) -> Told:
        """When the answer is there."""
        self.told.append(told)
        self._append("told", asdict(told))
        return told

    def _append(self, kind: str, what: dict[str, Any]) -> None:
        line = {"at": round(time.time(), 3), kind: what}
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
