"""Own fields (pola własne) by their visible names: which column each is in is looked up in the program's dictionaries.

Simple fields are columns of the card (`kh_Pole1` to `8`, `tw_Pole1` to `8`), labelled in `kh_ParametrG` and
`tw_Parametr`; extended ones are columns of `pw_Dane`, named in `pw_Pole` for each kind of object (`gt__Obiekt`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mostek.plugin.database import Session
from mostek.plugin.query import DriftNote
from mostek.plugin.sql_types import Param

__all__ = ["OBJECTS", "TABLES", "OwnFields", "find_own_fields"]

_PLACE = re.compile(r"pwd_(Data|Liczba|Tekst|Kwota|Flaga)(0[1-9]|10)")
_SIMPLE = range(1, 9)


@dataclass(frozen=True)
class _Object:
    """What has own fields. `key`: its id in the query. `labels`: table and column of the labels of simple fields, and
    the column that these are in. `kind`: of extended ones, its code or its name in `gt__Obiekt`."""

    message: str
    key: str
    kind: int | str
    labels: tuple[str, str, str] | None = None


#: By query. Codes of documents are those of the type library.
OBJECTS: Mapping[str, _Object] = {
    "customers": _Object(
        "Customer", "k.kh_Id", "Kontrahent", ("kh_ParametrG", "khp_Nazwa", "k.kh_Pole")
    ),
    "products": _Object("Product", "t.tw_Id", -14, ("tw_Parametr", "twp_Nazwa", "t.tw_Pole")),
    "invoices": _Object("Invoice", "d.dok_Id", -2),
    "orders": _Object("Order", "d.dok_Id", -8),
}
#: What is read for it.
TABLES = tuple(
    f"dbo.{name}" for name in ("gt__Obiekt", "pw_Pole", "pw_Dane", "kh_ParametrG", "tw_Parametr")
)


@dataclass(frozen=True)
class OwnFields:
    """`attributes`: by query and attribute, the SQL expression of its value. `missing`: fields that are not there."""

    attributes: Mapping[str, Mapping[str, str]]
    missing: tuple[DriftNote, ...] = ()


def find_own_fields(session: Session, wanted: Mapping[str, Mapping[str, str]]) -> OwnFields:
    """Look up `wanted`: by query and attribute, the visible name of a field."""
    attributes: dict[str, dict[str, str]] = {}
    missing: list[DriftNote] = []
    for query, names in wanted.items():
        found = {_folded(name): sql for name, sql in _fields(session, OBJECTS[query])}
        attributes[query] = {
            attribute: found[_folded(name)]
            for attribute, name in names.items()
            if _folded(name) in found
        }
        missing += [
            _missing(query, attribute, name)
            for attribute, name in names.items()
            if _folded(name) not in found
        ]
    return OwnFields(attributes, tuple(missing))


def _fields(session: Session, what: _Object) -> Iterator[tuple[str, str]]:
    """The visible names of all fields of an object, each with the expression of its value."""
    kind = _kind(session, what.kind)
    if kind is not None:
        sql = "SELECT pwp_Nazwa, pwp_Pole FROM dbo.pw_Pole WHERE pwp_TypObiektu = ?"
        for name, column in session.fetch(sql, [Param.of(kind, "int")]):
            # Fields of dictionaries hold the id of a word that is somewhere else.
            if _PLACE.fullmatch(column.rstrip()):
                yield (
                    name,
                    f"(SELECT MAX(own.{column.rstrip()}) FROM dbo.pw_Dane own"  # noqa: S608 - a column that was checked
                    f" WHERE own.pwd_TypObiektu = {kind} AND own.pwd_IdObiektu = {what.key}"
                    " AND own.pwd_IdPozycji IS NULL)",
                )
    if what.labels:
        table, label, column = what.labels
        names = ", ".join(f"{label}{number}" for number in _SIMPLE)
        labels = session.one(f"SELECT {names} FROM dbo.{table}") or ()  # noqa: S608 - names of this module
        yield from (
            (name, f"{column}{number}")
            for number, name in zip(_SIMPLE, labels, strict=False)
            if name and name.strip()
        )


def _kind(session: Session, kind: int | str) -> int | None:
    if isinstance(kind, int):
        return kind
    sql = "SELECT gto_Id FROM dbo.gt__Obiekt WHERE gto_Nazwa = ?"
    found = session.one(sql, [Param.of(kind, "varchar(100)")])
    return int(found[0]) if found else None


def _missing(query: str, attribute: str, name: str) -> DriftNote:
    return DriftNote(
        f'own field "{name}"',
        f'Subiekt GT has no own field "{name}" for {query} that can be read: correct its visible name in'
        f" [companies.<name>.fields.{query}], or leave {attribute} out.",
        query,
        (f"{OBJECTS[query].message}.attributes.{attribute}",),
    )


def _folded(name: str) -> str:
    return name.strip().casefold()
