"""Doubles of the value types of enova365 and of .NET that its business objects take."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as Exact
from typing import Any, ClassVar

__all__ = ["Date", "Decimal", "DoubleCy", "Guid", "MemoText", "Percent", "Quantity", "Struct"]


class Decimal:
    """System.Decimal: no Python number is one."""

    def __init__(self, exact: Exact) -> None:
        self.exact = exact

    def __str__(self) -> str:
        """As the culture of a Polish machine writes it."""
        return str(self.exact).replace(".", ",")


class Struct:
    """A value with fields that are only read."""

    names: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **values: Any) -> None:
        vars(self).update({name: values[name] for name in self.names})


class Date:
    def __init__(self, year: int, month: int, day: int) -> None:
        self.day = date(year, month, day)


class MemoText:
    def __init__(self) -> None:
        self.text = ""

    @staticmethod
    def op_Implicit(text: str) -> MemoText:
        if not isinstance(text, str):
            raise TypeError("a text becomes a MemoText")
        made = MemoText()
        made.text = text
        return made


class Guid:
    def __init__(self, text: str) -> None:
        self.text = text


class Quantity:
    """An amount and its unit."""

    def __init__(self, value: float, symbol: str) -> None:
        if type(value) is not float or not isinstance(symbol, str):
            raise TypeError("Quantity(double, string)")
        self.value, self.symbol = value, symbol

    @property
    def Symbol(self) -> str:
        return self.symbol


class DoubleCy:
    """A price and its currency."""

    def __init__(self, value: Decimal, symbol: str) -> None:
        if not isinstance(value, Decimal) or not isinstance(symbol, str):
            raise TypeError("DoubleCy(decimal, string)")
        self.value, self.symbol = value, symbol

    @property
    def Symbol(self) -> str:
        return self.symbol


class Percent:
    """A fraction: 0.1 is 10 %."""

    def __init__(self, value: Decimal) -> None:
        if not isinstance(value, Decimal):
            raise TypeError("Percent(decimal)")
        self.value = value
