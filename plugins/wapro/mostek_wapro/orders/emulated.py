"""What a sandbox has instead of the procedures: their documented effects, and SQL Server's strictness.

The table `MOSTEK_PARAMETERS` of a sandbox stands for `sys.parameters`; its procedures are those of one generation of
the program. Where nothing is documented, this is one reading:

- the order is counted from its prices of one kind, VAT by rate from the sums;
- its number is drawn from NUMERACJA by year, and laid out with `####` for it and `$$` for the year;
- a quantity to reserve is noted at the line, nothing is reserved.

Documented: a semaphore that is no user's leaves the order locked; a line's card must be of the order's warehouse.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from mostek.plugin.database import Row, Session
from mostek.plugin.orders.amounts import Amounts, by_rate, total
from mostek.plugin.sql_types import Param
from mostek.wire.failures import Drift, Rejected

__all__ = ["PARAMETERS_TABLE", "PROCEDURES", "emulate", "emulated_parameters"]

PARAMETERS_TABLE = "MOSTEK_PARAMETERS"
_TABLE = f"dbo.{PARAMETERS_TABLE}"
_ORDERS = 2
_FORMAT = re.compile(r"#+")

#: Columns of a line, each from the parameter of its name.
_LINE = (
    *("ID_ARTYKULU", "KOD_VAT", "ZAMOWIONO", "ZREALIZOWANO", "ZAREZERWOWANO", "DO_REZERWACJI"),
    *("CENA_NETTO", "CENA_BRUTTO", "CENA_NETTO_WAL", "CENA_BRUTTO_WAL", "PRZELICZNIK"),
    *("JEDNOSTKA", "NARZUT", "OPIS", "TRYBREJESTRACJI", "ID_DOSTAWY_REZ", "ZNACZNIK_CENY"),
)
#: Columns of an order that is confirmed, each with its parameter.
_HEADER = {
    name: name.lower()
    for name in (
        *("ID_KONTRAHENTA", "DATA", "DATA_REALIZACJI", "ZALICZKA", "PRIORYTET", "AUTO_REZERWACJA"),
        *("TYP", "ID_PRACOWNIKA", "PRZELICZNIK_WAL", "DATA_KURS_WAL", "SYM_WAL", "DOK_WAL"),
        *("TRYBREJESTRACJI", "RABAT_NARZUT", "UWAGI", "ID_KONTAKTU"),
    )
} | {
    "NR_ZAMOWIENIA_KLIENTA": "nr_zam_klienta",
    "INFORMACJE_DODATKOWE": "informacjedodatkowe",
    "OSOBA_ZAMAWIAJACA": "osobazamawiajaca",
    "FORMA_PLATNOSCI": "formaplatnosci",
    "DNI_PLATNOSCI": "dniplatnosci",
    "FAKTURA_DO_ZAMOWIENIA": "fakturaparagon",
    "NUMER_PRZESYLKI": "numerprzesylki",
    "ID_OPERATORA_PRZESYLKI": "idoperatoraprzesylki",
}

Given = Mapping[str, Any]


def emulated_parameters(session: Session) -> Iterator[tuple[str, str, bool, str]]:
    """Procedure, parameter, whether it is an output, type."""
    sql = f"SELECT procedure, parameter, output, type FROM {_TABLE} ORDER BY procedure, position"  # noqa: S608
    for procedure, parameter, output, kind in session.fetch(sql):
        yield procedure, parameter, bool(output), kind


def emulate(session: Session, procedure: str, arguments: Given) -> list[list[Row]]:
    """Do what the procedure does; its results, the last of them its outputs, if it has any.

    Raises Drift for a parameter that it does not have, and for one that it misses.
    """
    sql = f"SELECT parameter, output, meaning FROM {_TABLE} WHERE procedure = ? ORDER BY position"  # noqa: S608
    known = list(session.fetch(sql, [_text(procedure)]))
    if not known:
        raise Drift(f"Could not find stored procedure '{procedure}'.")
    inputs = {name: meaning for name, output, meaning in known if not output}
    for name in arguments.keys() - inputs.keys():
        raise Drift(f"{name} is not a parameter for procedure {procedure}.")
    for name in inputs.keys() - arguments.keys():
        raise Drift(f"Procedure '{procedure}' expects parameter '{name}', which was not supplied.")
    given = {meaning.lower(): arguments[name] for name, meaning in inputs.items()}
    results, outputs = PROCEDURES[procedure](session, given)
    wanted = [meaning for _, output, meaning in known if output]
    return [*results, [[outputs.get(name.lower()) for name in wanted]]] if wanted else results


Answer = tuple[list[list[Row]], dict[str, Any]]


def _add(session: Session, given: Given) -> Answer:
    """RM_DodajZamowienie: an empty order that its user has open."""
    number = _next(session, "ZAMOWIENIE", "ID_ZAMOWIENIA")
    buyer = _one(
        session,
        "SELECT NAZWA FROM dbo.KONTRAHENT WHERE ID_KONTRAHENTA = ?",
        given["id_kontrahenta"],
    )
    _insert(
        session,
        "ZAMOWIENIE",
        ID_ZAMOWIENIA=number,
        ID_FIRMY=given["id_firmy"],
        ID_KONTRAHENTA=given["id_kontrahenta"],
        KONTRAHENT_NAZWA=buyer[0],
        ID_MAGAZYNU=given["id_magazynu"],
        TYP=given["typ"],
        DATA=given["data"],
        SEMAFOR=given["semafor"],
        TRYBREJESTRACJI=given["trybrejestracji"],
        OBLICZANIE_WG_CEN=given["brutto_netto"],
        NUMER=f"<auto> {number}",
        FLAGA_STANU=given.get("flaga_stanu", 1),
        AUTONUMER=0,
    )
    return [[[number]]] if "flaga_stanu" not in given else [], {"id_zamowienia": number}


def _add_line(session: Session, given: Given) -> Answer:
    order = given["id_zamowienia"]
    warehouse = _one(
        session, "SELECT ID_MAGAZYNU FROM dbo.ZAMOWIENIE WHERE ID_ZAMOWIENIA = ?", order
    )
    card = _one(
        session, "SELECT ID_MAGAZYNU FROM dbo.ARTYKUL WHERE ID_ARTYKULU = ?", given["id_artykulu"]
    )
    if card != warehouse:
        raise Rejected("The ERP refused the operation.", erp_text="artykuł z innego magazynu")
    _insert(
        session,
        "POZYCJA_ZAMOWIENIA",
        ID_POZYCJI_ZAMOWIENIA=_next(session, "POZYCJA_ZAMOWIENIA", "ID_POZYCJI_ZAMOWIENIA"),
        ID_ZAMOWIENIA=order,
        DO_REALIZACJI=given["zamowiono"],
        **{name: given[name.lower()] for name in _LINE},
    )
    return [], {}


def _sum(session: Session, given: Given) -> Answer:
    order = given["id_zamowienia"]
    amounts = _counted(session, order)
    _update(session, order, WARTOSC_NETTO=amounts.net, WARTOSC_BRUTTO=amounts.gross)
    return [], {}


def _numbering(session: Session, given: Given) -> Answer:
    sql = (
        "SELECT FORMAT, OKRESNUMERACJI, PARAMETR1, PARAMETR2 FROM dbo.DEFINICJA_NUMERACJI"
        " WHERE ID_FIRMY = ? AND DOKUMENT = ? AND ID_TYPU = ? AND ID_ZASOBU = ?"
    )
    keys = [_number(given[name]) for name in ("id_firmy", "dokument", "id_typu", "id_zasobu")]
    found = session.one(sql, keys) or (None, None, None, None)
    names = ("format_num", "okresnumeracji", "parametr1", "parametr2")
    return [], dict(zip(names, found, strict=True))


def _confirm(session: Session, given: Given) -> Answer:
    """RM_ZatwierdzZamowienie: deletes empty lines, counts the order, draws its number, lets go of it."""
    order = given["id_zamowienia"]
    sql = "DELETE FROM dbo.POZYCJA_ZAMOWIENIA WHERE ID_ZAMOWIENIA = ? AND ZAMOWIONO = 0"
    session.execute(sql, [_number(order)])
    _sum(session, given)
    own = (
        "SELECT SEMAFOR, (SELECT COUNT(*) FROM dbo.UZYTKOWNIK u WHERE u.ID_UZYTKOWNIKA = z.SEMAFOR)"
    )
    _, users = _one(session, f"{own} FROM dbo.ZAMOWIENIE z WHERE ID_ZAMOWIENIA = ?", order)
    columns = {column: given[name] for column, name in _HEADER.items()}
    columns["NUMER"] = (
        _drawn(session, given) if given["numer"].rstrip() == "<auto>" else given["numer"]
    )
    if users:
        columns |= {"SEMAFOR": 0, "FLAGA_STANU": 0}
    _update(session, order, **columns)
    return [], {}


def _unlock(session: Session, given: Given) -> Answer:
    _update(session, given["id_zamowienia"], SEMAFOR=0, FLAGA_STANU=0)
    return [], {}


#: Procedure → what it does, given its parameters by their documented names in lower case.
PROCEDURES: dict[str, Callable[[Session, Given], Answer]] = {
    "RM_DodajZamowienie": _add,
    "RM_DodajZamowienie_Server": _add,
    "RM_DodajPozycjeZamowienia": _add_line,
    "RM_DodajPozycjeZamowienia_Server": _add_line,
    "RM_SumujZamowienie": _sum,
    "RM_SumujZamowienie_Server": _sum,
    "JL_PobierzFormatNumeracji_Server": _numbering,
    "RM_ZatwierdzZamowienie": _confirm,
    "RM_ZatwierdzZamowienie_Server": _confirm,
    "RM_UsunBlokadeZamowienia": _unlock,
}


def _counted(session: Session, order: Any) -> Amounts:
    sql = (
        "SELECT z.OBLICZANIE_WG_CEN, q.KOD_VAT, q.ZAMOWIONO, q.CENA_NETTO, q.CENA_BRUTTO, v.STAWKA"
        " FROM dbo.POZYCJA_ZAMOWIENIA q JOIN dbo.ZAMOWIENIE z ON z.ID_ZAMOWIENIA = q.ID_ZAMOWIENIA"
        " LEFT JOIN dbo.STAWKA_VAT v ON v.KOD_VAT = q.KOD_VAT WHERE q.ID_ZAMOWIENIA = ?"
    )
    lines = []
    from_net = True
    for basis, code, quantity, net, gross, rate in session.fetch(sql, [_number(order)]):
        from_net = str(basis).lower().startswith("n")
        price, percent = Decimal(f"{net if from_net else gross:.4f}"), Decimal(f"{rate or 0:.2f}")
        value = (Decimal(f"{quantity:.6f}") * price).quantize(Decimal("0.01"), "ROUND_HALF_UP")
        lines.append((str(code), percent, Amounts.of(value, percent, from_net=from_net)))
    return total(by_rate(lines, from_net=from_net, from_sums=True))


def _drawn(session: Session, given: Given) -> str:
    """The next number of the year, from the counter that only procedures touch."""
    day = date(1800, 12, 28) + timedelta(days=int(given["data"]))
    keys = [_number(given[name]) for name in ("id_firmy", "id_mag", "id_typu")]
    keys += [_number(_ORDERS), _number(day.year)]
    where = "WHERE ID_FIRMY = ? AND ID_MAGAZYNU = ? AND TYP_DOKUMENTU = ? AND DOKUMENT = ? AND OKRES = ?"
    if session.execute(f"UPDATE dbo.NUMERACJA SET LAST_ID = LAST_ID + 1 {where}", keys) == 0:  # noqa: S608
        firm, warehouse, kind = (given[name] for name in ("id_firmy", "id_mag", "id_typu"))
        counter = {"ID_FIRMY": firm, "ID_MAGAZYNU": warehouse, "TYP_DOKUMENTU": kind}
        _insert(session, "NUMERACJA", **counter, DOKUMENT=_ORDERS, OKRES=day.year, LAST_ID=1)
    found = session.one(f"SELECT LAST_ID FROM dbo.NUMERACJA {where}", keys)  # noqa: S608
    last = int(found[0]) if found else 0
    text = _FORMAT.sub(lambda match: f"{last:0{len(match[0])}d}", str(given["num_format"]))
    return text.replace("$$", f"{day:%y}")


def _next(session: Session, table: str, key: str) -> int:
    found = session.one(f"SELECT COALESCE(MAX({key}), 0) + 1 FROM dbo.{table}")  # noqa: S608
    return int(found[0]) if found else 1


def _one(session: Session, sql: str, key: Any) -> Row:
    found = session.one(sql, [_number(key)])
    if found is None:
        raise Rejected("A rule of the ERP's database refuses the record.")
    return found


def _insert(session: Session, table: str, **columns: Any) -> None:
    marks = ", ".join("?" * len(columns))
    sql = f"INSERT INTO dbo.{table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
    session.execute(sql, [_param(value) for value in columns.values()])


def _update(session: Session, order: Any, **columns: Any) -> None:
    changes = ", ".join(f"{name} = ?" for name in columns)
    sql = f"UPDATE dbo.ZAMOWIENIE SET {changes} WHERE ID_ZAMOWIENIA = ?"  # noqa: S608
    session.execute(sql, [*(_param(value) for value in columns.values()), _number(order)])


def _param(value: Any) -> Param:
    return _text(value) if isinstance(value, str) else _number(value)


def _text(value: str) -> Param:
    return Param.of(value, "varchar(1000)")


def _number(value: Any) -> Param:
    return Param.of(value, "decimal(18,6)")
