"""Orders: once, whole or not at all, whatever the procedures do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from mostek.erp.v1.order_pb2 import OrderState
from mostek.wire.failures import Conflict, Locked, Rejected, UnknownOutcome, Unsupported
from mostek_wapro.orders import emulated

Company = Callable[..., Any]
CONFIRM = "RM_ZatwierdzZamowienie"


class Killed(BaseException):
    """The process ended here."""


@pytest.fixture
def procedure(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put something before or after what a procedure does, or in its place."""

    def change(name: str, *, before: Any = None, after: Any = None, instead: Any = None) -> None:
        does = emulated.PROCEDURES[name]

        def changed(session: Any, given: Any) -> Any:
            if before:
                before(session, given)
            answer = (instead or does)(session, given)
            if after:
                after(session, given)
            return answer

        monkeypatch.setitem(emulated.PROCEDURES, name, changed)

    return change


def commits(session: Any, _: Any) -> None:
    session.execute("COMMIT")


def fails(*_: Any) -> None:
    raise Rejected("The ERP refused the operation.", erp_text="błąd 266")


def does_nothing(*_: Any) -> Any:
    return [], {}


# What is written


def test_totals_and_lines_are_recorded_to_the_grosz(shop: Any) -> None:
    lines = [{"product": {"code": code}, "quantity": "3.333"} for code in shop.goods[:4]]
    answer = shop.order(lines=lines)
    planned = shop.check(external_number="x", lines=lines).order
    assert (answer.order.net, answer.order.gross) == (planned.net, planned.gross)
    net = shop.value(
        "SELECT SUM(round(ZAMOWIONO * CENA_NETTO, 2)) FROM dbo.POZYCJA_ZAMOWIENIA WHERE ID_ZAMOWIENIA = ?",
        int(answer.id),
    )
    assert float(answer.order.net) == pytest.approx(net)
    assert answer.order.state == OrderState.ORDER_STATE_OPEN


def test_an_order_from_gross_prices_keeps_its_gross_total(shop: Any) -> None:
    line = {"product": {"code": shop.goods[0]}, "quantity": "3", "price": {"gross": "9.99"}}
    answer = shop.order(lines=[line], expected_total="29.97")
    row = shop.row("ZAMOWIENIE", "ID_ZAMOWIENIA", int(answer.id))
    assert row["OBLICZANIE_WG_CEN"] == "Brutto"
    assert (row["WARTOSC_NETTO"], row["WARTOSC_BRUTTO"]) == (24.37, 29.97)


def test_a_discount_is_in_the_price_and_the_same_order_is_found_again(shop: Any) -> None:
    line = {"product": {"code": shop.goods[0]}, "quantity": "3", "price": {"net": "9.99"}}
    answer = shop.order(lines=[line | {"discount": "33.3333"}])
    row = shop.row("POZYCJA_ZAMOWIENIA", "ID_ZAMOWIENIA", int(answer.id))
    assert (row["CENA_NETTO"], row["NARZUT"], row["ZNACZNIK_CENY"]) == (6.66, 0, "m")
    assert shop.order(lines=[line | {"discount": "33.3333"}]).already_existed
    with pytest.raises(Conflict, match=r"lines\[0\].price"):
        shop.order(lines=[line])


def test_goods_are_to_be_reserved_only_if_the_draft_or_the_site_says_so(company: Company) -> None:
    for config, draft, expected in ((False, {}, 0), (False, {"reserve": True}, 2), (True, {}, 2)):
        shop = company(reserve=config)
        number = int(shop.order(**draft).id)
        row = shop.row("POZYCJA_ZAMOWIENIA", "ID_ZAMOWIENIA", number)
        assert row["DO_REZERWACJI"] == expected
        header = shop.row("ZAMOWIENIE", "ID_ZAMOWIENIA", number)
        assert header["AUTO_REZERWACJA"] == bool(expected)


def test_a_buyer_s_days_hold_also_where_its_card_names_no_method(company: Company) -> None:
    shop = company("UPDATE dbo.KONTRAHENT SET FORMA_PLATNOSCI = ''")
    row = shop.row("ZAMOWIENIE", "ID_ZAMOWIENIA", int(shop.order().id))
    assert (row["FORMA_PLATNOSCI"], row["DNI_PLATNOSCI"]) == ("", 14)


def test_a_receipt_can_be_wanted_and_a_payment_method_chosen(shop: Any) -> None:
    answer = shop.order(
        document_wanted="DOCUMENT_WANTED_RECEIPT", payment_method_id="1", payment_days=3
    )
    row = shop.row("ZAMOWIENIE", "ID_ZAMOWIENIA", int(answer.id))
    assert (row["FAKTURA_DO_ZAMOWIENIA"], row["DNI_PLATNOSCI"]) == (0, 3)
    assert row["FORMA_PLATNOSCI"] == "gotówka"


def test_the_card_is_that_of_the_order_s_warehouse(shop: Any) -> None:
    for warehouse in ("1", "2"):
        answer = shop.order(external_number=f"W-{warehouse}", warehouse_id=warehouse)
        card = shop.row("POZYCJA_ZAMOWIENIA", "ID_ZAMOWIENIA", int(answer.id))["ID_ARTYKULU"]
        assert shop.row("ARTYKUL", "ID_ARTYKULU", card)["ID_MAGAZYNU"] == int(warehouse)


# Once


def test_the_same_number_with_the_same_content_is_one_order(shop: Any) -> None:
    first = shop.order()
    before = shop.counted()
    again = shop.order()
    assert (again.id, again.number, again.already_existed) == (first.id, first.number, True)
    assert shop.counted() == before


def test_two_at_once_with_one_external_number_are_one_order(shop: Any) -> None:
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(shop.order())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answer.id for answer in answers}) == 1
    assert sorted(answer.already_existed for answer in answers) == [False, True, True, True]


@pytest.mark.parametrize("generation", ["2019", "2022", "2026"])
def test_a_write_that_is_killed_at_any_procedure_leaves_nothing_and_is_written_when_repeated(
    company: Company, generation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = company(generation=generation, customers=True)
    new = {"draft": {"name": "Nowa sp. z o.o.", "tax_id": "5260250274"}}
    before = shop.counted()
    for step in range(100):
        calls = iter(range(1000))

        def killed(
            session: Any, name: str, given: Any, calls: Any = calls, step: int = step
        ) -> Any:
            # Once before and once after each of them.
            if next(calls) == step:
                raise Killed
            answer = emulated.emulate(session, name, given)
            if next(calls) == step:
                raise Killed
            return answer

        with monkeypatch.context() as patch:
            patch.setattr("mostek_wapro.orders.procedures.emulate", killed)
            try:
                shop.order(buyer=new)
            except Killed:
                assert shop.counted() == before, step
                continue
        break
    assert step > 8
    after = shop.counted()
    assert after["ZAMOWIENIE"] == before["ZAMOWIENIE"] + 1
    assert after[""] == before[""] + 1
    assert shop.order(buyer=new).already_existed
    assert shop.counted() == after


def test_an_order_that_an_operator_has_open_is_found_again(shop: Any) -> None:
    first = shop.order()
    shop.connection.execute("UPDATE dbo.ZAMOWIENIE SET SEMAFOR = 1, FLAGA_STANU = 1")
    again = shop.order()
    assert (again.id, again.already_existed) == (first.id, True)
    row = shop.row("ZAMOWIENIE", "ID_ZAMOWIENIA", int(first.id))
    assert (row["SEMAFOR"], row["FLAGA_STANU"]) == (1, 1), "an operator's lock was taken away"


def test_an_unfinished_order_under_the_number_is_never_adopted(shop: Any) -> None:
    first = shop.order()
    shop.connection.execute(
        "UPDATE dbo.ZAMOWIENIE SET NUMER = '<auto> 7' WHERE ID_ZAMOWIENIA = ?", (int(first.id),)
    )
    with pytest.raises(Conflict, match=f"id {first.id}"):
        shop.order()
    assert "finish or delete it" in shop.problems()["external_number"]


def test_a_database_that_an_operator_locks_is_told_as_locked(company: Company) -> None:
    shop = company(lock_timeout=0.01)
    shop.check()
    shop.connection.execute("BEGIN IMMEDIATE")
    with pytest.raises(Locked):
        shop.order()
    shop.connection.execute("ROLLBACK")
    assert shop.order().id


# What procedures may do


@pytest.mark.parametrize("name", ["RM_DodajPozycjeZamowienia", "RM_SumujZamowienie", CONFIRM])
def test_an_error_of_any_procedure_leaves_nothing(
    shop: Any, procedure: Callable[..., None], name: str
) -> None:
    procedure(name, after=fails)
    before = shop.counted()
    with pytest.raises(Rejected) as raised:
        shop.order()
    assert raised.value.erp_text == "błąd 266"
    assert shop.counted() == before


def test_a_confirmation_that_does_nothing_is_taken_back(
    shop: Any, procedure: Callable[..., None]
) -> None:
    procedure(CONFIRM, instead=does_nothing)
    before = shop.counted()
    with pytest.raises(Rejected, match="it has no number"):
        shop.order()
    assert shop.counted() == before


def test_saved_that_saved_nothing_is_told(shop: Any, procedure: Callable[..., None]) -> None:
    procedure(
        CONFIRM,
        after=lambda session, _: session.execute(
            "DELETE FROM dbo.ZAMOWIENIE WHERE NR_ZAMOWIENIA_KLIENTA = 'WEB-1'"
        ),
    )
    with pytest.raises(Rejected, match="nothing is there"):
        shop.order()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("ZAMOWIENIE SET SEMAFOR = 3000007", "still locked"),
        ("ZAMOWIENIE SET NR_ZAMOWIENIA_KLIENTA = 'WEB'", "external number"),
        ("ZAMOWIENIE SET WARTOSC_BRUTTO = 1", "totals are others"),
        ("POZYCJA_ZAMOWIENIA SET ZAMOWIONO = 1", "lines are others"),
        ("POZYCJA_ZAMOWIENIA SET CENA_NETTO = 1", "lines are others"),
    ],
)
def test_another_order_than_was_sent_is_taken_back(
    shop: Any, procedure: Callable[..., None], change: str, said: str
) -> None:
    where = "WHERE ID_ZAMOWIENIA = (SELECT MAX(ID_ZAMOWIENIA) FROM dbo.ZAMOWIENIE)"
    procedure(CONFIRM, after=lambda session, _: session.execute(f"UPDATE dbo.{change} {where}"))
    before = shop.counted()
    with pytest.raises(Rejected, match=said):
        shop.order()
    assert shop.counted() == before


def test_a_grosz_that_the_program_rounds_otherwise_is_a_warning_unless_the_total_was_expected(
    shop: Any, procedure: Callable[..., None]
) -> None:
    where = "WHERE ID_ZAMOWIENIA = (SELECT MAX(ID_ZAMOWIENIA) FROM dbo.ZAMOWIENIE)"
    change = f"UPDATE dbo.ZAMOWIENIE SET WARTOSC_BRUTTO = WARTOSC_BRUTTO + 0.01 {where}"
    procedure(CONFIRM, after=lambda session, _: session.execute(change))
    expected = shop.check().order.gross[:-2]
    with pytest.raises(Rejected, match="expected total"):
        shop.order(expected_total=expected)
    answer = shop.order(expected_total=expected, tolerance="0.01")
    assert ["gross" in warning.message for warning in answer.warnings] == [False, True]


@pytest.mark.parametrize("error", [None, fails])
def test_a_confirmation_that_commits_by_itself_has_written_the_order(
    shop: Any, procedure: Callable[..., None], error: Any
) -> None:
    procedure(CONFIRM, after=commits)
    if error:
        procedure(CONFIRM, after=error)
    answer = shop.order()
    assert answer.order.external_number == "WEB-1"
    assert ["after it had saved" in warning.message for warning in answer.warnings] == [True]
    assert shop.order().already_existed


def test_a_commit_whose_answer_was_lost_is_settled_by_looking(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = shop.plugin.database.end

    def lost(connection: Any, mode: Any, *, commit: bool, after: bool) -> None:
        if after or not mode.writes:
            end(connection, mode, commit=commit)
        if mode.writes and commit:
            raise UnknownOutcome("The database was lost while the transaction was being committed.")

    shop.check()
    for number, after in (("A-1", True), ("A-2", False)):
        with monkeypatch.context() as patch:
            patch.setattr(
                shop.plugin.database, "end", lambda *a, after=after, **k: lost(*a, after=after, **k)
            )
            if after:
                assert shop.order(external_number=number).order.external_number == number
            else:
                with pytest.raises(UnknownOutcome, match="being committed"):
                    shop.order(external_number=number)


def test_a_look_that_others_lock_out_is_tried_again(
    shop: Any, procedure: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    procedure(CONFIRM, after=commits)
    reading = shop.plugin.database.reading
    locked = iter([True, True])

    def sometimes(context: Any, **how: Any) -> Any:
        if context.operation == "look" and next(locked, False):
            raise Locked("Another user of the ERP holds a lock on these records: try again.")
        return reading(context, **how)

    monkeypatch.setattr(shop.plugin.database, "reading", sometimes)
    assert shop.order().order.external_number == "WEB-1"


def test_an_order_that_is_whole_but_locked_is_unlocked(
    shop: Any, procedure: Callable[..., None]
) -> None:
    def locks(session: Any, given: Any) -> None:
        session.execute(
            "UPDATE dbo.ZAMOWIENIE SET SEMAFOR = 3000007, FLAGA_STANU = 1"
            f" WHERE ID_ZAMOWIENIA = {int(given['id_zamowienia'])}"
        )
        commits(session, given)

    procedure(CONFIRM, after=locks)
    row = shop.row("ZAMOWIENIE", "ID_ZAMOWIENIA", int(shop.order().id))
    assert (row["SEMAFOR"], row["FLAGA_STANU"]) == (0, 0)


@pytest.mark.parametrize("generation", ["2022", "2026"])
def test_half_an_order_that_a_procedure_committed_is_unknown_and_freed_where_that_can_be(
    company: Company, procedure: Callable[..., None], generation: str
) -> None:
    shop = company(generation=generation)
    procedure("RM_SumujZamowienie", after=commits)
    with pytest.raises(UnknownOutcome, match=r"id \d+.*no number.*delete or finish it"):
        shop.order()
    made = shop.value("SELECT MAX(ID_ZAMOWIENIA) FROM dbo.ZAMOWIENIE")
    held = shop.row("ZAMOWIENIE", "ID_ZAMOWIENIA", made)["SEMAFOR"]
    assert bool(held) == (generation == "2022"), "only 2026 is known to have the procedure"


def test_a_stranger_s_order_that_took_the_id_meanwhile_is_left_alone(
    shop: Any, procedure: Callable[..., None]
) -> None:
    made: list[int] = []

    def rolls_back(session: Any, given: Any) -> None:
        number = int(given["id_zamowienia"])
        made.append(number)
        session.execute("ROLLBACK")
        shop.connection.execute(
            "INSERT INTO dbo.ZAMOWIENIE (ID_ZAMOWIENIA, ID_FIRMY, ID_MAGAZYNU, ID_KONTRAHENTA, TYP, NUMER, SEMAFOR,"
            " FLAGA_STANU, AUTONUMER, ID_RACHUNKU) VALUES (?, 3, 1, 3000000001, '1', '<auto> 1', 1, '1', 0, 0)",
            (number,),
        )

    procedure(CONFIRM, after=rolls_back)
    with pytest.raises(Rejected, match="ended the transaction by itself"):
        shop.order()
    assert shop.row("ZAMOWIENIE", "ID_ZAMOWIENIA", made[0])["SEMAFOR"] == 1


# The configuration


def test_without_configuration_nothing_is_written_and_it_says_what_to_configure(
    company: Company,
) -> None:
    shop = company(closed=True)
    with pytest.raises(Unsupported, match=r"\[companies\.<name>\.orders\]"):
        shop.order()
    assert "companies.<name>.orders" in shop.problems()[""]
    with pytest.raises(Unsupported, match="customers = true"):
        shop.customer(name="Nowa")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"user": "NIKT"}, "no user of this name"),
        ({"user": "DAWNY"}, "not active"),
        ({"signature": "XX"}, "no type of documents"),
        ({"warehouse": "XXX"}, "no warehouse of this symbol"),
        ({"price_list": "Brak"}, "no price list of this name"),
    ],
)
def test_what_the_configuration_names_must_be_there(
    company: Company, config: dict[str, Any], said: str
) -> None:
    with pytest.raises(Unsupported, match=said):
        company(**config).order()


def test_of_several_warehouses_one_must_be_named(company: Company) -> None:
    shop = company(warehouse=None)
    problems = shop.problems()
    assert list(problems) == ["warehouse_id"]
    assert "several warehouses, which DescribeErp shows: name one" in problems["warehouse_id"]
    assert shop.order(warehouse_id="2").order.warehouse.code == "SKL"


def test_numbers_without_a_layout_are_refused(company: Company) -> None:
    shop = company("DELETE FROM dbo.DEFINICJA_NUMERACJI")
    before = shop.counted()
    with pytest.raises(Rejected, match="no layout for the numbers"):
        shop.order()
    assert shop.counted() == before
