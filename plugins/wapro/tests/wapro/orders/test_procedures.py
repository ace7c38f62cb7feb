"""The procedures: found in the database, understood by name, called as T-SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from mostek.plugin.sql_types import SqlType
from mostek.plugin.testing import context
from mostek.wire.failures import Drift, Unsupported
from mostek_wapro.orders.emulated import emulate
from mostek_wapro.orders.insertion import _IDENTITY
from mostek_wapro.orders.procedures import (
    _PARAMETERS,
    ADD,
    CONFIRM,
    EXECUTED,
    Parameter,
    Procedures,
    understood,
)

Company = Callable[..., Any]
GENERATIONS = ("2019", "2022", "2026")
PARAMETERS = "dbo.MOSTEK_PARAMETERS"


@pytest.mark.parametrize("generation", GENERATIONS)
def test_an_order_is_written_with_each_known_generation(company: Company, generation: str) -> None:
    shop = company(generation=generation)
    answer = shop.order(remarks="Zażółć gęślą jaźń", expected_total=shop.check().order.gross[:-2])
    row = shop.row("ZAMOWIENIE", "ID_ZAMOWIENIA", int(answer.id))
    assert (row["NUMER"], row["NR_ZAMOWIENIA_KLIENTA"]) == (answer.number, "WEB-1")
    assert (row["SEMAFOR"], row["FLAGA_STANU"], row["TRYBREJESTRACJI"]) == (0, 0, 0)
    assert (row["ID_KONTRAHENTA"], row["ID_PRACOWNIKA"]) == (shop.buyer, 5)
    assert (row["FORMA_PLATNOSCI"], row["DNI_PLATNOSCI"]) == ("przelew 14 dni", 14)
    assert row["UWAGI"] == "Zażółć gęślą jaźń"
    assert not answer.already_existed
    assert not answer.warnings


@pytest.mark.parametrize("generation", GENERATIONS)
def test_every_call_is_t_sql_that_names_its_parameters(company: Company, generation: str) -> None:
    procedures = procedures_of(company(generation=generation))
    assert not procedures.problems
    for call in procedures.calls.values():
        text = call.text()
        assert all(isinstance(e, exp.Expression) for e in sqlglot.parse(text, read="tsql")), text
        inputs = [p for p in call.parameters if not p.output]
        assert text.count("= ?") == len(inputs)
        assert f"EXEC dbo.{call.name} " in text
        assert text.count(" OUTPUT") == len(call.parameters) - len(inputs)
        assert f"dbo.{call.name}" in EXECUTED


def test_every_call_is_t_sql_to_another_grammar_too(company: Company) -> None:
    sqlfluff = pytest.importorskip("sqlfluff.core", reason="sqlfluff is not installed")
    linter = sqlfluff.Linter(dialect="tsql")
    for call in procedures_of(company()).calls.values():
        # sqlfluff knows no ODBC markers.
        assert not linter.parse_string(call.text().replace("?", "@p") + "\n").violations, call.name


def test_a_parameter_that_nobody_knows_is_refused_by_name(company: Company) -> None:
    shop = company(
        f"INSERT INTO {PARAMETERS} VALUES ('RM_SumujZamowienie', 2, '@tryb2', 0, 'int', 'x')"
    )
    problems = shop.problems()
    assert "@tryb2" in problems[""]
    assert '"RM_SumujZamowienie.@tryb2" = 0' in problems[""]
    before = shop.counted()
    with pytest.raises(Unsupported, match="@tryb2"):
        shop.order()
    assert shop.counted() == before


def test_the_site_can_say_what_an_unknown_parameter_gets(company: Company) -> None:
    statement = (
        f"INSERT INTO {PARAMETERS} VALUES ('RM_SumujZamowienie', 2, '@tryb2', 0, 'int', 'x')"
    )
    shop = company(statement, parameters={"rm_SumujZamowienie.@Tryb2": 7})
    assert procedures_of(shop).calls["RM_SumujZamowienie"].values == {"@tryb2": 7}
    assert shop.order().id


def test_names_that_are_other_are_understood_by_their_place(company: Company) -> None:
    shop = company(
        f"UPDATE {PARAMETERS} SET parameter = '@p' || position"
        " WHERE procedure IN ('RM_DodajZamowienie_Server', 'RM_DodajPozycjeZamowienia')"
    )
    assert shop.order(external_number="WEB-9").order.external_number == "WEB-9"


def test_a_place_tells_nothing_where_known_names_stand_elsewhere() -> None:
    numeric = SqlType.parse("numeric(18,0)")
    moved = [Parameter(name, False, numeric) for name in ("@Tryb", "@cos_innego")]
    with pytest.raises(Unsupported, match="@cos_innego"):
        understood("RM_UsunBlokadeZamowienia", moved, {})


def test_a_procedure_without_a_parameter_that_orders_need_is_refused(company: Company) -> None:
    statement = f"DELETE FROM {PARAMETERS} WHERE meaning = 'nr_zam_klienta'"
    shop = company(statement, generation="2022")
    with pytest.raises(Unsupported, match="@nr_zam_klienta, which orders need"):
        shop.order()


def test_a_procedure_that_is_not_seen_is_named_with_what_to_grant(company: Company) -> None:
    shop = company(f"DELETE FROM {PARAMETERS} WHERE procedure LIKE 'JL_%'")
    with pytest.raises(Unsupported, match="grant it EXECUTE"):
        shop.order()


def test_the_other_procedure_of_a_step_serves_where_one_is_not_understood(company: Company) -> None:
    shop = company(
        f"INSERT INTO {PARAMETERS} SELECT 'RM_DodajZamowienie', position, parameter, output, type, meaning"
        f" FROM {PARAMETERS} WHERE procedure = 'RM_DodajZamowienie_Server' AND position <= 8",
        f"INSERT INTO {PARAMETERS} VALUES ('RM_DodajZamowienie_Server', 12, '@nikt', 0, 'int', 'x')",
    )
    procedures = procedures_of(shop)
    assert not procedures.problems
    assert procedures.first(ADD).name == "RM_DodajZamowienie"
    assert shop.order().id


def test_a_text_is_as_long_as_the_parameter_that_takes_it(company: Company) -> None:
    shop = company(f"UPDATE {PARAMETERS} SET type = 'varchar(20)' WHERE meaning = 'nr_zam_klienta'")
    assert "20 characters" in shop.problems(external_number="x" * 21)["external_number"]
    assert not shop.problems(external_number="x" * 20)


def test_after_an_update_of_the_program_its_procedures_are_read_anew(shop: Any) -> None:
    shop.order()
    shop.connection.execute(
        f"UPDATE {PARAMETERS} SET parameter = '@id' WHERE procedure = 'RM_SumujZamowienie'"
    )
    with pytest.raises(Drift):
        shop.order(external_number="WEB-2")
    assert shop.order(external_number="WEB-2").id


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"@id_zamowienia": 1, "@inny": 2}, "@inny is not a parameter"),
        ({}, "expects parameter '@id_zamowienia'"),
    ],
)
def test_the_sandbox_is_as_strict_as_sql_server(
    shop: Any, arguments: dict[str, Any], said: str
) -> None:
    with shop.plugin.database.writing(context("CreateOrder")) as session:
        with pytest.raises(Drift, match=said):
            emulate(session, "RM_SumujZamowienie", arguments)
        with pytest.raises(Drift, match="Could not find"):
            emulate(session, "RM_Nieznana", arguments)


def test_what_the_catalogue_is_asked_is_t_sql() -> None:
    for sql in (_PARAMETERS.format("?, ?"), _IDENTITY):
        assert isinstance(sqlglot.parse_one(sql, read="tsql"), exp.Select)


class SqlServer:
    """Stands for a session of SQL Server: what it is sent, and prepared answers."""

    dialect = "mssql"

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self.rows = rows
        self.answers: list[Any] = []
        self.sent: list[tuple[str, list[Any]]] = []

    def fetch(self, sql: str, params: Any = ()) -> list[tuple[Any, ...]]:
        return self.rows

    def results(self, sql: str, params: Any = ()) -> Any:
        self.sent.append((sql, [(p.value, str(p.type)) for p in params]))
        return self.answers.pop(0)


def test_on_sql_server_values_have_the_parameters_own_types_and_outputs_are_read() -> None:
    types = {"format_num": ("varchar", 50, 0, 0), "okresnumeracji": ("tinyint", 1, 3, 0)}
    names = ("id_firmy", "dokument", "id_typu", "id_zasobu", "format_num", "okresnumeracji")
    server: Any = SqlServer(
        [
            (
                "JL_PobierzFormatNumeracji_Server",
                f"@{name}",
                name in {"format_num", "okresnumeracji", "parametr1", "parametr2"},
                *types.get(name, ("numeric", 9, 18, 0)),
            )
            for name in (*names, "parametr1", "parametr2")
        ]
    )
    server.answers = [[[("a row of the procedure's own",)], [("ZO ####/$$", 1, 1, 0)]]]
    call = Procedures.read(server, {}).calls["JL_PobierzFormatNumeracji_Server"]
    results, outputs = call.run(server, id_firmy=3, dokument=2, id_typu=14, id_zasobu=1)
    assert results == [[("a row of the procedure's own",)]]
    assert outputs["format_num"] == "ZO ####/$$"
    sql, params = server.sent[0]
    assert "DECLARE @out1 varchar(50), @out2 tinyint" in sql
    assert "@format_num = @out1 OUTPUT" in sql
    assert sql.startswith("SET NOCOUNT ON;")
    assert params == [(value, "numeric(18,0)") for value in (3, 2, 14, 1)]


def test_the_last_parameter_of_2026_gets_nought_whatever_its_name(company: Company) -> None:
    call = procedures_of(company()).first(CONFIRM)
    assert call.meaning["@nowy_parametr"] == ""


def procedures_of(shop: Any) -> Procedures:
    shop.check()
    found: Procedures = shop.plugin.writer._known
    return found
