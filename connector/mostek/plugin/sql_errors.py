"""Errors of the database drivers, turned into failures.

A failure's message says what to do; the driver's own text, which may quote the ERP's data, goes to `erp_text` only.
"""

from __future__ import annotations

import re
import sqlite3

from mostek.wire.failures import (
    CommandFailure,
    Conflict,
    Drift,
    ErpUnavailable,
    Internal,
    Invalid,
    Locked,
    Rejected,
)

__all__ = [
    "LOGIN_REFUSED",
    "NO_DATABASE",
    "NO_DRIVER",
    "NO_RIGHTS",
    "UNREACHABLE",
    "is_lost",
    "odbc_failure",
    "sqlite_failure",
]

NO_DRIVER = (
    "The ODBC driver is not installed: install Microsoft's ODBC Driver 18 for SQL Server,"
    " or set `driver` to the name of one that is installed."
)
LOGIN_REFUSED = (
    "The database server refused the login: check user and password in the connector's"
    " configuration."
)
NO_DATABASE = (
    "The database server has no such database for this login: check `database` and the"
    " login's rights."
)
NO_RIGHTS = (
    "The database login lacks a right that the plugin needs: grant it what"
    " `mostek-connector logins` prints."
)
UNREACHABLE = "The database server can't be reached: check that it runs and that `server` is right."

# "… (1222) (SQLExecDirectW); [01000] …": the native code stands before the name of the ODBC function.
_NATIVE = re.compile(r"\((-?\d+)\) \(SQL\w+\)")
_QUOTED = re.compile(r"'([\w.]+)'", re.ASCII)

_LOGIN_REFUSED = frozenset({18456, 18452, 18470, 18486, 18487, 18488})
_NO_DATABASE = frozenset({4060, 911, 40615})
_NO_RIGHTS = frozenset({229, 230, 262, 297, 300, 916, 15247})
_LOCKED = frozenset({1222, 1205, 3960})
_DRIFT = frozenset({207, 208, 209, 2812})
#: A parameter that a procedure does not have, or lacks.
_SIGNATURE = frozenset({201, 8144, 8145, 8146, 8162})
_TRUNCATED = frozenset({8152, 2628})
_DUPLICATE = frozenset({2601, 2627})
_CONSTRAINT = frozenset({547, 515})
_RAISED_BY_ERP = 50000


def odbc_failure(error: Exception, *, connecting: bool = False) -> CommandFailure:
    """The failure that a `pyodbc.Error` stands for, by SQLSTATE and the server's own error number."""
    state = str(error.args[0]) if error.args else ""
    text = str(error.args[-1]) if error.args else ""
    codes = {int(code) for code in _NATIVE.findall(text)}
    failure = (
        _no_driver(state, text)
        or _no_login(state, codes)
        or _no_answer(state, connecting)
        or _refused_statement(state, codes, text)
        or Internal("The ERP's database refused a statement of the plugin.")
    )
    failure.erp_text = text
    return failure


def _no_driver(state: str, text: str) -> CommandFailure | None:
    if state not in {"IM002", "IM003"} and "Can't open lib" not in text:
        return None
    return ErpUnavailable(NO_DRIVER, retriable=False)


def _no_login(state: str, codes: set[int]) -> CommandFailure | None:
    if state == "28000" or codes & _LOGIN_REFUSED:
        return ErpUnavailable(LOGIN_REFUSED, retriable=False)
    if codes & _NO_DATABASE:
        return ErpUnavailable(NO_DATABASE, retriable=False)
    if codes & _NO_RIGHTS:
        return ErpUnavailable(NO_RIGHTS, retriable=False)
    return None


def _no_answer(state: str, connecting: bool) -> CommandFailure | None:
    if (connecting and state in {"HYT00", "HYT01"}) or state.startswith("08"):
        return ErpUnavailable(UNREACHABLE, retriable=True)
    if state in {"HYT00", "HYT01"}:
        return ErpUnavailable(
            "A statement took longer than `statement_timeout`: ask for less at once, or raise it.",
            retriable=True,
        )
    return None


def _refused_statement(state: str, codes: set[int], text: str) -> CommandFailure | None:
    if codes & _LOCKED or state == "40001":
        return _locked()
    if codes & _SIGNATURE:
        return Drift(
            "A procedure of the ERP has other parameters than the plugin gives it: see the connector's drift."
        )
    if codes & _DRIFT or state in {"42S02", "42S22"}:
        return _drift(_QUOTED.findall(text))
    if codes & _TRUNCATED or state == "22001":
        return Invalid("A text is longer than the ERP's column: shorten it.")
    if codes & _DUPLICATE:
        return Conflict("The ERP already has a record with this key.")
    if codes & _CONSTRAINT or state == "23000":
        return Rejected("A rule of the ERP's database refuses the record.")
    if _RAISED_BY_ERP in codes:
        return Rejected("The ERP refused the operation.")
    return None


def sqlite_failure(error: sqlite3.Error) -> CommandFailure:
    """The failure that an error of SQLite stands for, by its result code and, where that says nothing, its text."""
    text = str(error)
    failure = _sqlite_failure(getattr(error, "sqlite_errorname", ""), text)
    failure.erp_text = text
    return failure


def _sqlite_failure(name: str, text: str) -> CommandFailure:
    missing = re.search(r"no such (?:column|table): ([\w.]+)", text)
    if missing:
        return _drift([missing[1]])
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return _locked()
    if "would be truncated" in text:
        return Invalid("A text is longer than the ERP's column: shorten it.")
    if name in {"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}:
        return Conflict("The ERP already has a record with this key.")
    if name.startswith("SQLITE_CONSTRAINT"):
        return Rejected("A rule of the ERP's database refuses the record.")
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_IOERR")):
        return ErpUnavailable(
            "The sandbox's database can't be opened: check `path`, or create the sandbox anew.",
            retriable=False,
        )
    return Internal("The ERP's database refused a statement of the plugin.")


def _locked() -> CommandFailure:
    return Locked(
        "Another user of the ERP holds a lock on these records: try again.", retry_after=2.0
    )


def _drift(names: list[str]) -> CommandFailure:
    what = f" ({', '.join(names)})" if names else ""
    return Drift(
        f"The ERP's database has no such table or column{what}: see the connector's drift."
    )


def is_lost(failure: CommandFailure) -> bool:
    """Whether the connection of the statement that failed so is not to be used again."""
    return not isinstance(failure, Locked | Drift | Invalid | Conflict | Rejected)
