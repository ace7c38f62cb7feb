"""Procedures of an ERP: all that they answer is read, and whether they ended the transaction is seen."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mostek.plugin.database import Mode, Session
from mostek.plugin.database_config import SqlServerConfig
from mostek.plugin.orders.amounts import final_price
from mostek.plugin.testing import context
from mostek.wire.failures import Drift, Internal, Rejected


class Connection:
    """A connection whose statements answer with prepared results: rows, None (a count), or an error."""

    timeout = 0
    autocommit = False

    def __init__(self, *results: Any) -> None:
        self._results = list(results)
        self.description: tuple[str, ...] | None = None
        self.answer: Any = None
        self.asked: list[tuple[Any, ...]] = []
        self._step()

    def _step(self) -> None:
        self._now = self._results.pop(0)
        if isinstance(self._now, Exception):
            raise self._now
        self.description = None if self._now is None else ("column",)

    def cursor(self) -> Connection:
        return self

    def execute(self, *asked: Any) -> Connection:
        self.asked.append(asked)
        return self

    def setinputsizes(self, sizes: Any) -> None: ...

    def nextset(self) -> bool:
        if not self._results:
            return False
        self._step()
        return True

    def fetchall(self) -> Any:
        return self._now

    def fetchval(self) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def cancel(self) -> None: ...

    def close(self) -> None: ...


def session(connection: Connection) -> Session:
    pytest.importorskip("pyodbc", exc_type=ImportError)
    from mostek.plugin.odbc_database import OdbcDatabase

    config = SqlServerConfig.model_validate({"server": "s", "database": "d"})
    return Session(OdbcDatabase(config), connection, context(), Mode.WRITE)


def test_every_result_of_a_procedure_is_read_to_the_last() -> None:
    connection = Connection(None, [(1,)], None, [], [(2,), (3,)])
    assert session(connection).results("EXEC dbo.P") == [[(1,)], [], [(2,), (3,)]]


@pytest.mark.parametrize(
    ("error", "failure"),
    [("Procedure expects parameter (201)", Drift), ("refused (50000)", Rejected)],
)
def test_an_error_that_comes_after_a_result_is_seen(error: str, failure: type[Exception]) -> None:
    pyodbc = pytest.importorskip("pyodbc", exc_type=ImportError)
    late = pyodbc.Error("42000", f"[42000] {error} (SQLMoreResults)")
    with pytest.raises(failure):
        session(Connection([(1,)], late)).results("EXEC dbo.P")


@pytest.mark.parametrize("code", [201, 8144, 8145, 8146, 8162])
def test_other_parameters_than_a_procedure_has_are_drift(code: int) -> None:
    pyodbc = pytest.importorskip("pyodbc", exc_type=ImportError)
    late = pyodbc.Error("42000", f"[42000] wrong ({code}) (SQLExecDirectW)")
    with pytest.raises(Drift, match="parameters"):
        session(Connection([(1,)], late)).results("EXEC dbo.P")


def test_a_transaction_that_a_procedure_ended_is_seen_by_a_lock_that_it_owned() -> None:
    connection = Connection(None)
    connection.answer = 0
    with session(connection).one_transaction() as unbroken:
        sql, mark = connection.asked[-1]
        assert "@LockOwner = 'Transaction'" in sql
        connection.answer = "Exclusive"
        assert unbroken()
        assert connection.asked[-1] == ("SELECT APPLOCK_MODE('public', ?, 'Transaction')", mark)
        connection.answer = "NoLock"
        assert not unbroken()


def test_a_lost_connection_tells_of_no_transaction() -> None:
    pyodbc = pytest.importorskip("pyodbc", exc_type=ImportError)
    connection = Connection(None)
    connection.answer = 0
    with session(connection).one_transaction() as unbroken:
        connection.answer = pyodbc.OperationalError("08S01", "[08S01] gone (0) (SQLExecDirectW)")
        assert not unbroken()


def test_without_a_transaction_there_is_nothing_to_mark() -> None:
    connection = Connection(None)
    connection.answer = -999
    with pytest.raises(Internal, match="-999"), session(connection).one_transaction():
        pass


@given(
    st.decimals(min_value=0, max_value=10**6, places=4),
    st.decimals(min_value=0, max_value=100, places=4),
)
def test_a_price_after_discount_is_within_half_of_its_last_digit(
    price: Decimal, discount: Decimal
) -> None:
    found = final_price(price, discount)
    assert abs(found - price * (100 - discount) / 100) <= Decimal("0.00005")
    assert found <= price
    assert final_price(price, Decimal(0)) == price


def test_a_look_as_the_writer_is_made_with_the_login_of_writes_and_writes_nothing() -> None:
    pytest.importorskip("pyodbc", exc_type=ImportError)
    from mostek.plugin.odbc_database import OdbcDatabase

    logins: list[bool] = []

    class Faked(OdbcDatabase):
        def connect(self, *, write: bool) -> Connection:
            logins.append(write)
            return Connection([(1,)])

    database = Faked(SqlServerConfig.model_validate({"server": "s", "database": "d"}))
    running = context()
    for as_writer in (False, True):
        with database.reading(running, committed=True, as_writer=as_writer) as one:
            assert one.results("SELECT 1") == [[(1,)]]
    assert logins == [False, True]
    assert not running.written
