"""The subset of T-SQL that SQL Server and SQLite both run unchanged and to the same result."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

__all__ = ["Token", "check_tokens", "tokens"]

_TOKEN = re.compile(
    r"""
    (?P<comment>--[^\n]*)
  | (?P<string>'(?:[^'\n]|'')*')
  | (?P<bracket>\[[^\]\n]*\])
  | (?P<parameter>:[A-Za-z_]\w*)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<number>\d+(?:\.\d+)?)
  | (?P<space>\s+)
  | (?P<symbol><>|<=|>=|.)
    """,
    re.VERBOSE | re.ASCII,
)
_FUNCTIONS = frozenset(
    {"CAST", "COALESCE", "NULLIF", "COUNT", "SUM", "MIN", "MAX", "ABS", "UPPER", "LOWER"}
    | {"LTRIM", "RTRIM", "REPLACE", "SUBSTRING", "ROW_NUMBER"}
)
_BEFORE_BRACKET = (
    _FUNCTIONS
    | {
        "IN",
        "EXISTS",
        "AND",
        "OR",
        "NOT",
        "ON",
        "WHERE",
        "FROM",
        "JOIN",
        "SELECT",
        "WHEN",
        "THEN",
        "ELSE",
    }
    | {"CASE", "AS", "OVER", "ALL", "BY", "LIKE", "BETWEEN"}
    | {"VARCHAR", "CHAR", "NVARCHAR", "NCHAR", "DECIMAL", "NUMERIC"}
)
_FORBIDDEN = {
    word: reason
    for words, reason in (
        ("TOP LIMIT OFFSET FETCH", "the SDK does the paging"),
        ("ORDER", "the SDK orders by the key (ORDER BY may stand only in OVER)"),
        ("WITH", "use a derived table; hints are forbidden"),
        ("APPLY PIVOT UNPIVOT", "SQLite has none: use a scalar subquery or a child file"),
        ("INTO", "a query only reads"),
        ("GETDATE CURRENT_TIMESTAMP", "pass the moment as a parameter"),
        ("ISNULL IIF LEN CONVERT CHARINDEX CONCAT", "SQLite has none"),
        (
            "EXEC EXECUTE INSERT UPDATE DELETE MERGE TRUNCATE CREATE ALTER DROP GRANT DENY REVOKE"
            " DECLARE SET USE GO BEGIN COMMIT ROLLBACK SAVE SHUTDOWN CHECKPOINT REVERT RECONFIGURE"
            " KILL BACKUP RESTORE DBCC BULK WAITFOR OPENROWSET OPENQUERY OPTION PRINT RAISERROR"
            " THROW IF WHILE RETURN GOTO BREAK CONTINUE OPEN CLOSE DEALLOCATE DISABLE ENABLE RECEIVE SEND"
            " READTEXT WRITETEXT UPDATETEXT SETUSER LINENO DUMP LOAD",
            "a query is one SELECT",
        ),
        ("NEXT", "NEXT VALUE FOR draws a number, which changes the database"),
        ("FOR", "a query only reads rows"),
        ("COLLATE", "the SDK's parameters have the column's collation"),
        (
            "CURRENT_USER SESSION_USER SYSTEM_USER USER",
            "who logs in is no data of the ERP",
        ),
    )
    for word in words.split()
}
_SYMBOLS = frozenset({"(", ")", ",", ".", "=", "<", ">", "<>", "<=", ">=", "+", "-", "*"})

Fail = Callable[[int, str], Exception]


class Token(NamedTuple):
    kind: str
    text: str
    start: int
    line: int
    #: How many brackets are open around it.
    depth: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def word(self) -> str:
        return self.text.upper() if self.kind == "word" else ""


def tokens(text: str) -> Iterator[Token]:
    """The tokens but white space."""
    line, depth = 1, 0
    for match in _TOKEN.finditer(text):
        kind, found = str(match.lastgroup), match[0]
        if kind == "space":
            # No other token has the end of a line in it.
            line += found.count("\n")
            continue
        depth -= found == ")"
        yield Token(kind, found, match.start(), line, depth)
        depth += found == "("


def check_tokens(code: Sequence[Token], fail: Fail) -> None:
    """Raise what `fail(line, message)` makes for the first thing outside the subset."""
    words = [token for token in code if token.kind != "comment"]
    if not words or words[0].word != "SELECT":
        raise fail(words[0].line if words else 1, "the query must begin with SELECT")
    before: Token | None = None
    for token, after in zip(words, [*words[1:], None], strict=True):
        message = _objection(before, token, after)
        if message:
            raise fail(token.line, message)
        before = token


def _objection(before: Token | None, token: Token, after: Token | None) -> str | None:
    if token.kind == "word":
        return _word_objection(before, token, after)
    if token.kind == "bracket" and after is not None and after.text == "(":
        return f"{token.text}(): a query may call no function of the database"
    if token.kind in {"string", "bracket"} and not token.text.isprintable():
        return "a text or a name must not contain control characters"
    if token.kind == "string" and before and before.word == "N" and before.end == token.start:
        return "N'…' is unknown to SQLite: write '…'"
    if token.kind == "symbol":
        return _symbol_objection(before, token, after)
    return None


def _word_objection(before: Token | None, token: Token, after: Token | None) -> str | None:
    called = after is not None and after.text == "("
    if before and before.text == "." and not called:
        return None
    in_over = token.word == "ORDER" and token.depth > 0
    if token.word in _FORBIDDEN and not in_over:
        return f"{token.text}: {_FORBIDDEN[token.word]}"
    if called and token.word == "LEFT":
        return "LEFT(): SQLite has none, use SUBSTRING(x, 1, n)"
    if called and token.word not in _BEFORE_BRACKET:
        return f"{token.text}(): not in the subset of SQL that a query may use; convert in Python"
    return None


def _symbol_objection(before: Token | None, token: Token, after: Token | None) -> str | None:
    if token.text not in _SYMBOLS:
        return f"{token.text!r} is not in the subset of SQL that a query may use"
    neighbours = [t for t in (before, after) if t]
    if token.text == "+" and any(t.kind == "string" for t in neighbours):
        return "'+' joins no texts in SQLite: select both and join them in a converter"
    counts_all = {t.text for t in neighbours} == {"(", ")"}
    if token.text == "*" and not counts_all:
        return "'*' is allowed in COUNT(*) only: multiply in Python, name the columns"
    return None
