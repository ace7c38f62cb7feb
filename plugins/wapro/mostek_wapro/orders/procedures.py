"""The procedures that write orders, called by the names that their parameters have in the database at hand.

What is known of them are calls in programs of 2019, 2022 and 2026 (`data/wapro-mag-procedures.csv`): all parameters of
2022 by name, those of the others by number. A parameter of the database is what its name says. One whose name is not
known is what its place says in a known signature of that length whose names all stand at their places. Any other is
refused: a value that is left out or guessed could be anything.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from mostek.plugin.database import Row, Session
from mostek.plugin.odbc_database import type_text
from mostek.plugin.sql_types import Param, SqlType
from mostek.wire.failures import Drift, Unsupported
from mostek_wapro.orders.emulated import emulate, emulated_parameters

__all__ = ["ADD", "ADD_LINE", "CONFIRM", "EXECUTED", "NUMBERING", "SUM", "UNLOCK", "Procedures"]

#: What a step can be done with: the first that the database has and that is understood.
ADD = ("RM_DodajZamowienie_Server", "RM_DodajZamowienie")
ADD_LINE = ("RM_DodajPozycjeZamowienia", "RM_DodajPozycjeZamowienia_Server")
SUM = ("RM_SumujZamowienie", "RM_SumujZamowienie_Server")
NUMBERING = ("JL_PobierzFormatNumeracji_Server",)
CONFIRM = ("RM_ZatwierdzZamowienie", "RM_ZatwierdzZamowienie_Server")
UNLOCK = ("RM_UsunBlokadeZamowienia",)
_NEEDED = (ADD, ADD_LINE, SUM, NUMBERING, CONFIRM)
EXECUTED = frozenset(f"dbo.{name}" for step in (*_NEEDED, UNLOCK) for name in step)

#: What parameters get that an order says nothing of.
_NEUTRAL: Mapping[str, object] = {
    **dict.fromkeys(("id_pozycji_zamowienia", "zrealizowano", "zarezerwowano", "narzut"), 0),
    **dict.fromkeys(("cena_netto_wal", "cena_brutto_wal", "znak_narzutu", "id_dostawy_rez"), 0),
    **dict.fromkeys(("id_wariantu_produktu", "autonumer", "zaliczka", "data_kurs_wal"), 0),
    **dict.fromkeys(("dok_wal", "rabat_narzut", "znak_rabatu", "id_rachunku", "id_kontaktu"), 0),
    **dict.fromkeys(("trybrejestracji", "idoperatoraprzesylki", "tryb"), 0),
    **dict.fromkeys(("nr_serii", "sym_wal", "informacjedodatkowe", "osobazamawiajaca"), ""),
    "numerprzesylki": "",
    "typ": 1,
    "przelicznik": 1,
    "przelicznik_wal": 1,
    "priorytet": 2,
    "flaga_stanu": 1,
    # The final price is given, so that it does not matter what the program's marks of discounts mean.
    "znacznik_ceny": "m",
    # Misspelt in the product, as the parameter is.
    "typ_transkacji_transgranicznej": "Nie dotyczy",
}
#: An input whose name nobody knows: its callers give it this.
_UNNAMED = 0

_PARAMETERS = """
SELECT o.name, p.name, p.is_output, TYPE_NAME(p.system_type_id), p.max_length, p.precision, p.scale
FROM sys.parameters p
JOIN sys.objects o ON o.object_id = p.object_id
JOIN sys.schemas s ON s.schema_id = o.schema_id
WHERE s.name = 'dbo' AND o.type = 'P' AND p.parameter_id > 0 AND o.name IN ({})
ORDER BY o.name, p.parameter_id
"""


@dataclass(frozen=True)
class Parameter:
    """A parameter as the database has it; `name` begins with `@`. `type` is None where it is not known."""

    name: str
    output: bool
    type: SqlType | None = None


@dataclass(frozen=True)
class _Known:
    """A parameter of a known signature; `name` in lower case without `@`, empty if nobody knows it."""

    name: str
    output: bool


@dataclass(frozen=True)
class Call:
    """A procedure of the database. `meaning`: the known name of each parameter, "" for one that gets `values`."""

    name: str
    parameters: Sequence[Parameter]
    meaning: Mapping[str, str]
    values: Mapping[str, object] = field(default_factory=dict)

    def type_of(self, known: str) -> SqlType | None:
        """The type of the parameter of that known name; None if it has none or nobody knows it."""
        found = (p.type for p in self.parameters if self.meaning[p.name] == known.lower())
        return next(found, None)

    def run(self, session: Session, **given: object) -> tuple[list[list[Row]], dict[str, Any]]:
        """Call it; its result sets, and its outputs by known name. It may have ended the transaction."""
        values = {name.lower(): value for name, value in given.items()}
        bound = {p.name: self._value(p, values) for p in self.parameters if not p.output}
        if session.dialect == "mssql":
            results = session.results(self.text(), [*bound.values()])
        else:
            plain = {name: param.value for name, param in bound.items()}
            results = emulate(session, self.name, plain)
        outputs = [self.meaning[p.name] for p in self.parameters if p.output]
        found = results.pop()[0] if outputs else ()
        return results, dict(zip(outputs, found, strict=True))

    def text(self) -> str:
        """The batch. Without NOCOUNT, a count of rows would come as a result."""
        outputs = [p for p in self.parameters if p.output]
        names = {p.name: f"@out{number}" for number, p in enumerate(outputs, 1)}
        declared = ", ".join(f"{names[p.name]} {p.type or 'sql_variant'}" for p in outputs)
        arguments = ", ".join(
            f"{p.name} = {names[p.name]} OUTPUT" if p.output else f"{p.name} = ?"
            for p in self.parameters
        )
        lines = ["SET NOCOUNT ON;", f"EXEC dbo.{self.name} {arguments};"]
        if outputs:
            lines.insert(1, f"DECLARE {declared};")
            lines.append(f"SELECT {', '.join(names.values())};")
        return "\n".join(lines)

    def _value(self, parameter: Parameter, given: Mapping[str, object]) -> Param:
        known = self.meaning[parameter.name]
        value = self.values.get(parameter.name, given.get(known, _NEUTRAL.get(known, _UNNAMED)))
        kind = parameter.type or _type_of(value)
        return Param(str(value) if kind.is_text else value, kind)


@dataclass(frozen=True)
class Procedures:
    """The procedures of one database. `problems`: why orders can't be written with them, as sentences."""

    calls: Mapping[str, Call]
    problems: Sequence[str] = ()

    @classmethod
    def read(cls, session: Session, extra: Mapping[str, object]) -> Procedures:
        """What the session's login may execute. `extra`: the configured values, by `procedure.@parameter`."""
        found: dict[str, list[Parameter]] = {}
        for name, parameter in _parameters(session):
            found.setdefault(name.lower(), []).append(parameter)
        calls: dict[str, Call] = {}
        reasons: dict[str, str] = {}
        for name in (name for step in (*_NEEDED, UNLOCK) for name in step):
            try:
                calls[name] = understood(name, found.get(name.lower(), []), extra)
            except Unsupported as refused:
                reasons[name] = refused.message
        return cls(calls, list(_problems(calls, reasons, found.keys())))

    def first(self, step: Sequence[str]) -> Call:
        """What a step is done with. Raises Drift if there is nothing."""
        for name in step:
            if name in self.calls:
                return self.calls[name]
        raise Drift(f"The ERP has no procedure {' or '.join(step)} that the plugin knows.")

    def has(self, step: Sequence[str]) -> bool:
        return any(name in self.calls for name in step)


def understood(name: str, parameters: Sequence[Parameter], extra: Mapping[str, object]) -> Call:
    """A procedure with the meaning of each parameter. Raises Unsupported, saying why, if one has none."""
    if not parameters:
        raise Unsupported(
            f"the write login sees no procedure {name}: grant it EXECUTE (`mostek-connector logins`)"
        )
    signatures = [*_signatures()[name].values()]
    names = {one.name: one.output for signature in signatures for one in signature if one.name}
    meaning = {p.name: _bare(p.name) for p in parameters if names.get(_bare(p.name)) is p.output}
    given = {
        p.name: extra[f"{name}.{p.name}".lower()]
        for p in parameters
        if f"{name}.{p.name}".lower() in extra
    }
    meaning |= dict.fromkeys(given.keys() - meaning.keys(), "")
    for signature in signatures:
        meaning |= _by_place(signature, parameters, meaning)
    unknown = [p.name for p in parameters if p.name not in meaning]
    if unknown:
        raise Unsupported(
            f"{name} has a parameter {', '.join(unknown)} that this version of the connector does not know: set its"
            f' value in [companies.<name>.orders.parameters], "{name}.{unknown[0]}" = 0, as the vendor\'s guide'
            " of your version says"
        )
    always = set.intersection(*({one.name for one in s if one.name} for s in signatures))
    lacking = sorted(always - set(meaning.values()))
    if lacking:
        raise Unsupported(f"{name} has no parameter @{', @'.join(lacking)}, which orders need")
    return Call(name, parameters, meaning, given)


def _by_place(
    signature: Sequence[_Known], parameters: Sequence[Parameter], meaning: Mapping[str, str]
) -> dict[str, str]:
    """The meaning of the parameters that have none yet, if this is the procedure's signature."""
    pairs = list(zip(signature, parameters, strict=False))
    same = len(signature) == len(parameters) and all(
        known.output == p.output and meaning.get(p.name, known.name) == known.name
        for known, p in pairs
    )
    return {p.name: known.name for known, p in pairs if p.name not in meaning} if same else {}


def _problems(
    calls: Mapping[str, Call], reasons: Mapping[str, str], found: Iterable[str]
) -> Iterator[str]:
    """What each step lacks: of the procedures that are there, else of all that would do."""
    there = set(found)
    for step in _NEEDED:
        if not any(name in calls for name in step):
            named = [name for name in step if name.lower() in there] or step
            yield f"Orders can't be written: {'; '.join(reasons[name] for name in named)}."


def _parameters(session: Session) -> Iterator[tuple[str, Parameter]]:
    names = sorted(name for step in (*_NEEDED, UNLOCK) for name in step)
    if session.dialect == "sqlite":
        for name, parameter, output, text in emulated_parameters(session):
            yield name, Parameter(parameter, output, SqlType.parse(text))
        return
    sql = _PARAMETERS.format(", ".join("?" * len(names)))
    params = [Param.of(name, "nvarchar(128)") for name in names]
    for procedure, own, is_output, *kind in session.fetch(sql, params):
        yield str(procedure), Parameter(str(own), bool(is_output), _parsed(type_text(*kind)))


def _parsed(text: str) -> SqlType | None:
    try:
        return SqlType.parse(text)
    except ValueError:
        return None


def _type_of(value: object) -> SqlType:
    if isinstance(value, str):
        return SqlType("varchar", max(1, len(value)))
    return SqlType.parse("decimal(18,6)" if isinstance(value, Decimal) else "bigint")


def _bare(name: str) -> str:
    return name.lstrip("@").lower()


@cache
def _signatures() -> Mapping[str, Mapping[str, Sequence[_Known]]]:
    """Procedure → version → parameters in their order."""
    found: dict[str, dict[str, list[_Known]]] = {}
    text = (files("mostek_wapro") / "data" / "wapro-mag-procedures.csv").read_text("utf-8")
    for row in csv.DictReader(text.splitlines()):
        versions = found.setdefault(row["procedure"], {})
        known = _Known(_bare(row["parameter"]), row["direction"] == "out")
        versions.setdefault(row["version"], []).append(known)
    return found
