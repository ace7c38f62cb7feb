"""Addresses: those of the card index (`adr__Ewid`) and the frozen ones that documents point to (`adr_Historia`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mostek.erp.v1.common_pb2 import Address
from mostek.plugin.orders.lookup import integer, text
from mostek.plugin.orders.problems import INCONSISTENT, NOT_FOUND, Problems
from mostek.plugin.sql_types import Param
from mostek_subiekt.orders.rows import Rows

__all__ = ["CORRESPONDENCE", "DELIVERY", "SEAT", "Addresses", "address_parts"]

#: adr_TypAdresu of a contractor's addresses.
SEAT, CORRESPONDENCE, DELIVERY = 1, 2, 11

_PARTS = {
    "street": "Ulica",
    "house_number": "NrDomu",
    "flat_number": "NrLokalu",
    "postal_code": "Kod",
    "city": "Miejscowosc",
    "post_office": "Poczta",
    "commune": "Gmina",
    "county": "Powiat",
}
#: When and by whom an address was changed says nothing of what it is.
_NOT_COMPARED = {"id", "idobiektu", "typadresu", "idwersja", "idzmienil", "datazmiany", "adres"}


def address_parts(rows: Rows, address: Address, path: str, problems: Problems) -> dict[str, object]:
    """The columns of an address by the part of their names that `adr_` and `adrh_` share: `Ulica`."""
    parts: dict[str, object] = {
        column: problems.text(
            f"{path}.{name}", getattr(address, name), rows.type_of("adr__Ewid", f"adr_{column}")
        )
        for name, column in _PARTS.items()
    }
    if address.HasField("address_line"):
        parts["Ulica"] = _line(rows, address, path, problems)
    parts["IdPanstwo"] = _country(rows, address.country or "PL", f"{path}.country", problems)
    parts["IdWojewodztwo"] = _voivodeship(rows, address, path, problems)
    return parts


def _line(rows: Rows, address: Address, path: str, problems: Problems) -> str:
    if address.street or address.house_number or address.flat_number:
        problems.add(
            f"{path}.address_line", INCONSISTENT, "give this or street and house, not both"
        )
    kind = rows.type_of("adr__Ewid", "adr_Ulica")
    return problems.text(f"{path}.address_line", address.address_line, kind)


def _country(rows: Rows, code: str, path: str, problems: Problems) -> int | None:
    sql = "SELECT pa_Id FROM dbo.sl_Panstwo WHERE pa_KodPanstwaISO = ?"
    found = rows.one(sql, Param.of(code, "varchar(2)"))
    if found is None:
        problems.add(path, NOT_FOUND, "the program's list of countries has no such code")
    return int(found[0]) if found else None


def _voivodeship(rows: Rows, address: Address, path: str, problems: Problems) -> int | None:
    if not address.voivodeship:
        return None
    name = problems.text(f"{path}.voivodeship", address.voivodeship, "varchar(50)")
    sql = "SELECT woj_Id FROM dbo.sl_Wojewodztwo WHERE woj_Nazwa = ?"
    found = rows.one(sql, Param.of(name, "varchar(50)")) if name else None
    if found is None and name:
        problems.add(f"{path}.voivodeship", NOT_FOUND, "the program's list has none of this name")
    return int(found[0]) if found else None


class Addresses:
    """The addresses of contractors, in the transaction of one write."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def of(self, customer: int, kind: int) -> int | None:
        """The id of a contractor's address of that type."""
        sql = "SELECT adr_Id FROM dbo.adr__Ewid WHERE adr_IdObiektu = ? AND adr_TypAdresu = ?"
        found = self._rows.one(sql, integer(customer), integer(kind))
        return int(found[0]) if found else None

    def frozen(self, address: int) -> int:
        """The newest frozen address that says what the address says now; a new one if there is none."""
        own = _said(self._rows.row("adr__Ewid", "adr_Id", address) or {}, "adr_")
        for number in self.versions(address):
            version = self._rows.row("adr_Historia", "adrh_Id", number) or {}
            said = _said(version, "adrh_")
            if all(said[name] == value for name, value in own.items() if name in said):
                return number
        return self.freeze(address)

    def versions(self, address: int) -> list[int]:
        """The ids of an address's frozen versions, newest first."""
        sql = "SELECT adrh_Id FROM dbo.adr_Historia WHERE adrh_IdAdresu = ? ORDER BY adrh_Id DESC"
        return [int(row[0]) for row in self._rows.fetch(sql, integer(address))]

    def freeze(
        self, address: int, changes: Mapping[str, object] | None = None, number: int | None = None
    ) -> int:
        """A new frozen version of the address, other in some parts (`Ulica`); its id."""
        number = number or self._rows.next_id("adr_Historia")
        columns = [
            name.removeprefix("adrh_")
            for name in self._rows.catalogue.tables["dbo.adr_historia"]
            if self._rows.has("adr__Ewid", name.replace("adrh_", "adr_", 1))
        ]
        items: dict[str, str | Param] = {f"adrh_{name}": f"[adr_{name}]" for name in columns}
        # Computed in the address, an ordinary column in its versions.
        items["adrh_adres"] = "[adr_Adres]"
        items |= {"adrh_id": integer(number), "adrh_idadresu": integer(address)}
        for name, value in (changes or {}).items():
            column = f"adrh_{name.lower()}"
            items[column] = Param(value, self._rows.type_of("adr_Historia", column))
        self._rows.copy_into("adr_Historia", items, "adr__Ewid", "adr_Id", address)
        return number


def _said(row: Mapping[str, Any], prefix: str) -> dict[str, str]:
    """What a row says, comparable between an address and its versions."""
    return {
        name.removeprefix(prefix): text(value)
        for name, value in row.items()
        if name.startswith(prefix) and name.removeprefix(prefix) not in _NOT_COMPARED
    }
