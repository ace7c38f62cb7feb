from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mostek.erp.v1.order_pb2 import OrderProblemCode
from mostek.wire.failures import CommandFailure, Conflict, Invalid, Rejected, Unsupported

Company = Callable[..., Any]


def told(shop: Any, **changes: Any) -> list[tuple[str, str]]:
    """What ValidateOrder says: fields and codes, after CreateOrder was seen to name the same fields."""
    draft = shop.draft(**changes)
    problems = shop.check(draft).problems
    with pytest.raises(CommandFailure) as raised:
        shop.order(draft)
    fields = [violation.field for violation in raised.value.violations]
    assert fields == [".".join(filter(None, ("order", problem.field))) for problem in problems]
    assert shop.rows("SELECT 1 FROM dbo.dok__Dokument WHERE dok_NrPelnyOryg = 'WEB-1'") == []
    return [(problem.field, code(problem.code)) for problem in problems]


def code(value: OrderProblemCode.ValueType) -> str:
    return OrderProblemCode.Name(value).removeprefix("ORDER_PROBLEM_CODE_")


def line(shop: Any, **changes: Any) -> dict[str, Any]:
    return {"product": {"code": shop.goods[0]}, "quantity": "1"} | changes


def failure_of(shop: Any, **changes: Any) -> type[CommandFailure]:
    with pytest.raises(CommandFailure) as raised:
        shop.order(**changes)
    return type(raised.value)


def test_a_right_order_has_no_problems_and_is_shown_as_it_would_be(shop: Any) -> None:
    checked = shop.check()
    written = shop.order()
    assert not checked.problems
    for name in ("net", "vat", "gross", "order_date", "delivery_date", "price_basis"):
        assert getattr(checked.order, name) == getattr(written.order, name)
    assert checked.order.lines[0].net_price == written.order.lines[0].net_price
    assert not checked.order.HasField("id")
    assert not checked.order.HasField("number")


def test_every_problem_of_every_line_is_told_at_once(shop: Any) -> None:
    lines = [
        line(shop, product={"code": "NIE-MA"}),
        line(shop),
        line(shop, quantity="1.00001"),
        line(shop, unit="beczka", warehouse_id="2"),
        line(shop, vat_code="22"),
        line(shop, product={"code": "X" * 21}),
        line(shop, product={"ean": "0"}, remark="x" * 256),
        line(shop, product={"id": "abc"}),
    ]
    found = told(shop, lines=lines, buyer={"code": "NIKT"}, warehouse_id="77", price_list_id="11")
    assert found == [
        ("buyer.code", "NOT_FOUND"),
        ("warehouse_id", "NOT_FOUND"),
        ("price_list_id", "NOT_FOUND"),
        ("lines[0].product.code", "NOT_FOUND"),
        ("lines[5].product.code", "TOO_LONG"),
        ("lines[6].product.ean", "NOT_FOUND"),
        ("lines[7].product.id", "NOT_FOUND"),
        ("lines[2].quantity", "TOO_LONG"),
        ("lines[3].warehouse_id", "UNSUPPORTED"),
        ("lines[3].unit", "NOT_FOUND"),
        ("lines[4].vat_code", "NOT_FOUND"),
        ("lines[6].remark", "TOO_LONG"),
    ]


def test_a_problem_of_a_line_has_its_index(shop: Any) -> None:
    problems = shop.check(lines=[line(shop), line(shop, vat_code="22")]).problems
    assert [problem.line for problem in problems] == [1]
    assert not shop.check(external_number="x" * 31).problems[0].HasField("line")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"reserve": True}, ("reserve", "UNSUPPORTED")),
        ({"currency": "EUR"}, ("currency", "UNSUPPORTED")),
        ({"exchange_rate": {"rate": "4.2"}}, ("exchange_rate", "INCONSISTENT")),
        ({"discount": "5"}, ("discount", "UNSUPPORTED")),
        ({"series": "ZK2"}, ("series", "UNSUPPORTED")),
        ({"transaction_kind": 2}, ("transaction_kind", "UNSUPPORTED")),
        ({"document_wanted": 1}, ("document_wanted", "UNSUPPORTED")),
        ({"attributes": {"trasa": "7"}}, ("attributes.trasa", "UNSUPPORTED")),
        ({"external_number": "x" * 31}, ("external_number", "TOO_LONG")),
        ({"external_number": "zamówienie 🙂"}, ("external_number", "NOT_ENCODABLE")),
        ({"external_number": " WEB"}, ("external_number", "INCONSISTENT")),
        ({"remarks": "Dzięki 👍"}, ("remarks", "NOT_ENCODABLE")),
        ({"remarks": "x" * 501}, ("remarks", "TOO_LONG")),
        ({"delivery_date": "2026-11-19"}, ("delivery_date", "INCONSISTENT")),
        ({"order_date": "9999-12-31"}, ("order_date", "INCONSISTENT")),
        ({"payment_method_id": "99"}, ("payment_method_id", "NOT_FOUND")),
        ({"payment_method_id": "5"}, ("payment_method_id", "UNSUPPORTED")),
        ({"delivery": {"id": "1"}}, ("delivery.id", "NOT_FOUND")),
        ({"payer": {"id": "9"}}, ("payer", "UNSUPPORTED")),
        ({"buyer": {"code": "x" * 21}}, ("buyer.code", "TOO_LONG")),
        ({"buyer": {"tax_id": "5260250274"}}, ("buyer.tax_id", "NOT_FOUND")),
        ({"buyer": {"draft": {"name": "A"}}}, ("buyer.draft", "UNSUPPORTED")),
        ({"expected_total": "1"}, ("expected_total", "TOTAL_DIFFERS")),
    ],
)
def test_what_can_t_be_recorded_is_named(
    shop: Any, changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert told(shop, **changes) == [expected]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"price": {"net": "1"}, "discount": "0"}, None),
        ({"remark": "uwaga 🎁"}, ("lines[0].remark", "NOT_ENCODABLE")),
        ({"quantity": "999999999999999"}, ("lines[0].quantity", "TOO_LONG")),
        (
            {"price": {"net": "999999999999999"}, "quantity": "1000"},
            ("lines[0].price.net", "TOO_LONG"),
        ),
        ({"price": {"net": "99999999999999"}, "quantity": "1000"}, ("lines[0]", "TOO_LONG")),
    ],
)
def test_what_a_line_can_t_hold_is_named(
    shop: Any, changes: dict[str, Any], expected: tuple[str, str] | None
) -> None:
    lines = [line(shop, **changes)]
    if expected is None:
        assert not shop.check(lines=lines).problems
    else:
        assert expected in told(shop, lines=lines)


def test_net_and_gross_prices_in_one_order_are_inconsistent(shop: Any) -> None:
    lines = [line(shop, price={"net": "1"}), line(shop, price={"gross": "1"})]
    assert told(shop, lines=lines) == [("lines[1].price.gross", "INCONSISTENT")]


def test_a_price_finer_than_the_program_is_set_to_is_refused(company: Company) -> None:
    shop = company("UPDATE dbo.dok_Parametr SET dkp_CenyPrecyzjaZwykla = 1")
    lines = [line(shop, price={"net": "1.005"})]
    assert told(shop, lines=lines) == [("lines[0].price.net", "TOO_LONG")]
    assert not company().check(lines=lines).problems


def test_withdrawn_products_and_blocked_customers_are_the_erp_s_refusal(company: Company) -> None:
    shop = company()
    shop.connection.execute("UPDATE dbo.tw__Towar SET tw_Zablokowany = 1")
    shop.connection.execute(
        "UPDATE dbo.kh__Kontrahent SET kh_Zablokowany = 1 WHERE kh_Id = ?", (shop.buyer,)
    )
    assert told(shop) == [("buyer.id", "INACTIVE"), ("lines[0].product.code", "INACTIVE")]
    assert failure_of(shop) is Rejected


def test_packaging_is_refused(shop: Any) -> None:
    bottle = shop.value("SELECT MIN(tw_Symbol) FROM dbo.tw__Towar WHERE tw_Rodzaj = 4")
    lines = [line(shop, product={"code": bottle})]
    assert told(shop, lines=lines) == [("lines[0].product.code", "UNSUPPORTED")]


def test_an_ambiguous_code_is_refused(shop: Any) -> None:
    shop.connection.execute(
        "UPDATE dbo.tw__Towar SET tw_Symbol = ? WHERE tw_Symbol = ?", (shop.goods[0], shop.goods[1])
    )
    assert told(shop) == [("lines[0].product.code", "AMBIGUOUS")]


def test_a_price_that_is_not_there_or_not_in_pln_is_told(shop: Any) -> None:
    numbers = "(SELECT tw_Id FROM dbo.tw__Towar WHERE tw_Symbol = ?)"
    set_price = "UPDATE dbo.tw_Cena SET tc_CenaNetto2 = 0 WHERE tc_IdTowar IN "
    shop.connection.execute(set_price + numbers, (shop.goods[0],))
    assert told(shop) == [("lines[0].price", "NO_PRICE")]
    set_currency = (
        "UPDATE dbo.tw_Cena SET tc_CenaNetto2 = 1, tc_IdWaluta2 = 'EUR' WHERE tc_IdTowar IN "
    )
    shop.connection.execute(set_currency + numbers, (shop.goods[0],))
    assert told(shop) == [("lines[0].price", "UNSUPPORTED")]


def test_a_discount_that_the_program_counts_by_itself_is_not_guessed(shop: Any) -> None:
    shop.connection.execute("UPDATE dbo.tw__Towar SET tw_IdRabat = 1")
    assert told(shop) == [("lines[0].discount", "UNSUPPORTED")]
    assert not shop.check(lines=[line(shop, discount="0")]).problems


def test_the_kind_of_failure_follows_what_is_wrong(shop: Any) -> None:
    assert failure_of(shop, buyer={"id": "999"}, reserve=True) is Invalid
    assert failure_of(shop, reserve=True, expected_total="1") is Unsupported
    assert failure_of(shop, expected_total="1") is Rejected


def test_the_expected_total_may_differ_by_the_tolerance(shop: Any) -> None:
    gross = shop.check().order.gross[:-2]
    off = f"{float(gross) + 0.02:.2f}"
    assert [code(p.code) for p in shop.check(expected_total=off, tolerance="0.01").problems] == [
        "TOTAL_DIFFERS"
    ]
    assert not shop.check(expected_total=off, tolerance="0.02").problems


def test_what_the_program_would_add_is_a_warning(shop: Any) -> None:
    shop.connection.execute("UPDATE dbo.tw__Towar SET tw_ObjetySysKaucyjnym = 1")
    answer = shop.order()
    assert ["deposit" in warning.message for warning in answer.warnings] == [True]


def test_a_number_taken_by_another_order_is_told_before(shop: Any) -> None:
    shop.order()
    other = shop.draft(lines=[line(shop, quantity="5")])
    found = shop.check(other).problems
    assert [(problem.field, code(problem.code)) for problem in found] == [
        ("external_number", "DUPLICATE")
    ]
    with pytest.raises(Conflict):
        shop.order(other)


def test_an_order_that_is_there_already_is_a_warning(shop: Any) -> None:
    number = shop.order().number
    checked = shop.check()
    assert not checked.problems
    [warning] = checked.warnings
    assert "is there already, and nothing would be written" in warning.message
    assert number not in warning.message


@pytest.mark.parametrize("typed", ["{0}", "PL{0}", "PL {1}-{2}-{3}-{4}", "{1}-{3}-{4}-{2}"])
def test_a_buyer_is_found_by_its_tax_id_in_any_notation(shop: Any, typed: str) -> None:
    nip = "5260250274"
    spelled = typed.format(nip, nip[:3], nip[3:6], nip[6:8], nip[8:])
    if typed.startswith("{1}-{3}"):
        spelled = f"{nip[:3]}-{nip[3:5]}-{nip[5:7]}-{nip[7:]}"
    shop.connection.execute(
        "UPDATE dbo.adr__Ewid SET adr_NIP = ? WHERE adr_IdObiektu = ? AND adr_TypAdresu = 1",
        (spelled, shop.buyer),
    )
    answer = shop.order(buyer={"tax_id": "526-025-02-74"})
    assert answer.customer.id == str(shop.buyer)


def test_a_tax_id_of_several_customers_is_ambiguous(shop: Any) -> None:
    shop.connection.execute("UPDATE dbo.adr__Ewid SET adr_NIP = '526-025-02-74'")
    found = told(shop, buyer={"tax_id": "5260250274"})
    assert found == [("buyer.tax_id", "AMBIGUOUS")]


def test_validation_works_without_configuration(closed_shop: Any) -> None:
    checked = closed_shop.check(
        lines=[line(closed_shop, product={"code": "NIE-MA"}), line(closed_shop)]
    )
    assert [code(problem.code) for problem in checked.problems] == ["UNSUPPORTED", "NOT_FOUND"]
    assert [entry.line_number for entry in checked.order.lines] == [2]
