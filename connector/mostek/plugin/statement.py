"""The text of a query as it is sent: the file's own lines, cut and joined, with `?` for its parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mostek.plugin.dialect import Dialect
from mostek.plugin.query_file import Parameter
from mostek.plugin.sql_subset import tokens
from mostek.plugin.sql_types import Param
from mostek.wire.failures import Invalid

__all__ = ["MOST_PARAMETERS", "Statement"]

#: SQL Server takes 2100 in one statement.
MOST_PARAMETERS = 2090


@dataclass(frozen=True)
class Statement:
    """A statement with its parameters still by name."""

    #: Text and parameters, in order.
    parts: tuple[str | Parameter, ...]

    @classmethod
    def of(cls, text: str, parameters: Mapping[str, Parameter]) -> Statement:
        parts: list[str | Parameter] = []
        end = 0
        for token in tokens(text):
            if token.kind == "parameter":
                parts += [text[end : token.start], parameters[token.text[1:]]]
                end = token.end
        return cls((*parts, text[end:]))

    def uses(self, name: str) -> int:
        """How often a parameter stands in the text."""
        return sum(isinstance(part, Parameter) and part.name == name for part in self.parts)

    def render(
        self, dialect: Dialect, values: Mapping[str, Sequence[object]]
    ) -> tuple[str, list[Param]]:
        """The text and its parameters in order; `values` has the values of each, one unless it is a list.

        Lists are filled up to a power of two with a value of theirs, so that the server keeps few plans.
        """
        text: list[str] = []
        params: list[Param] = []
        for part in self.parts:
            if isinstance(part, str):
                text.append(part)
                continue
            given = values[part.name]
            if part.is_list:
                given = padded(given)
            text.append(", ".join([dialect.placeholder(part.type)] * len(given)))
            params += [Param(value, part.type) for value in given]
        if len(params) > MOST_PARAMETERS:
            longest = max(values, key=lambda name: len(values[name]))
            raise Invalid.of(
                longest, f"too many values at once ({len(values[longest])}): ask in parts"
            )
        return "".join(text), params


def padded(values: Sequence[object]) -> Sequence[object]:
    """The values, the last one repeated until their number is a power of two."""
    wanted = 1 << (len(values) - 1).bit_length()
    return [*values, *[values[-1]] * (wanted - len(values))]
