"""The arithmetic of an order, in exact decimals.

Every amount is rounded to the grosz, half away from zero, once:

    value of a line     quantity * price * (100 - discount) / 100
    counted from net    the value is net;   VAT = net * rate / 100;             gross = net + VAT
    counted from gross  the value is gross; VAT = gross * rate / (100 + rate);  net = gross - VAT

The VAT of the document is counted for each rate anew, from the sum of its lines' values (`dkp_SpLiczVAT` = 0), or it is
the sum of the lines' VAT (any other value). The document's totals are the sums of its rates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal

__all__ = [
    "MOST_MONEY",
    "ZERO",
    "Amounts",
    "by_rate",
    "final_price",
    "line_amounts",
    "other_price",
    "total",
]

ZERO = Decimal(0)
#: The most that a money column holds, in whole grosze.
MOST_MONEY = Decimal("922337203685477.57")

_GROSZ = Decimal("0.01")
_LEAST = Decimal("0.0001")
_HUNDRED = Decimal(100)
#: Room for the longest product of a draft: 15 + 6 digits times 15 + 4 times a percentage.
_EXACT = Context(prec=80, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Amounts:
    """What a line, a rate or a document comes to."""

    net: Decimal = ZERO
    vat: Decimal = ZERO
    gross: Decimal = ZERO

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(self.net + other.net, self.vat + other.vat, self.gross + other.gross)

    def __sub__(self, other: Amounts) -> Amounts:
        return Amounts(self.net - other.net, self.vat - other.vat, self.gross - other.gross)

    @classmethod
    def of(cls, value: Decimal, percent: Decimal, *, from_net: bool) -> Amounts:
        """From a value that is net or gross, in whole grosze."""
        if from_net:
            vat = _part(value, percent, _HUNDRED)
            return cls(value, vat, value + vat)
        vat = _part(value, percent, _HUNDRED + percent)
        return cls(value - vat, vat, value)


def line_amounts(
    quantity: Decimal, price: Decimal, discount: Decimal, percent: Decimal, *, from_net: bool
) -> Amounts:
    """The amounts of a line; `discount` and `percent` (VAT) in per cent."""
    value = _part(_EXACT.multiply(quantity, price), _HUNDRED - discount, _HUNDRED)
    return Amounts.of(value, percent, from_net=from_net)


def by_rate(
    lines: Iterable[tuple[int | str, Decimal, Amounts]], *, from_net: bool, from_sums: bool
) -> dict[int | str, Amounts]:
    """The amounts of each VAT rate, by its id, in the order in which the rates occur.

    A line is the id of its rate, the rate in per cent, its amounts.
    """
    sums: dict[int | str, Amounts] = {}
    percents: dict[int | str, Decimal] = {}
    for rate, percent, amounts in lines:
        sums[rate] = sums.get(rate, Amounts()) + amounts
        percents[rate] = percent
    if not from_sums:
        return sums
    return {
        rate: Amounts.of(
            amounts.net if from_net else amounts.gross, percents[rate], from_net=from_net
        )
        for rate, amounts in sums.items()
    }


def total(rates: Mapping[int | str, Amounts]) -> Amounts:
    """The totals of the document."""
    return sum(rates.values(), Amounts())


def final_price(price: Decimal, discount: Decimal) -> Decimal:
    """The price after `discount` per cent, to the four decimals of a price's column."""
    if not discount:
        return price
    return _rounded(_EXACT.divide(_EXACT.multiply(price, _HUNDRED - discount), _HUNDRED), _LEAST)


def other_price(price: Decimal, percent: Decimal, *, from_net: bool) -> Decimal:
    """The gross price that belongs to a net one, or the net to a gross one, with as many decimals, at least two."""
    whole = _HUNDRED + percent
    places = max(2, -int(price.normalize().as_tuple().exponent))
    part, of = (whole, _HUNDRED) if from_net else (_HUNDRED, whole)
    return _rounded(_EXACT.divide(_EXACT.multiply(price, part), of), Decimal(1).scaleb(-places))


def _part(value: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    return _rounded(_EXACT.divide(_EXACT.multiply(value, part), whole), _GROSZ)


def _rounded(value: Decimal, unit: Decimal) -> Decimal:
    return _EXACT.quantize(value, unit)
