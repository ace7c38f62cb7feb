"""Orders and customers by Optima's objects, with the double of them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pytest
from pydantic import ValidationError

from mostek.erp.v1.order_pb2 import OrderState
from mostek.plugin.sandbox import connect_sandbox
from mostek.plugin.worker.inside import Fault
from mostek.wire.failures import (
    Conflict,
    ErpUnavailable,
    Invalid,
    Locked,
    Rejected,
    UnknownOutcome,
    Unsupported,
)
from mostek_optima.com import customer
from mostek_optima.com.errors import faults, opening
from mostek_optima.com.sandbox.double import ComError, DoubleCom
from mostek_optima.com.writer import ComWriter
from mostek_optima.config import OptimaConfig
from mostek_optima.orders.config import ComConfig

from . import faulty
from .conftest import COM, Company, Shop

NIP = "5261040828"
ADDRESS = {"street": "Żółta", "house_number": "7", "postal_code": "90-001", "city": "Łódź"}
ATTRIBUTES = (
    "INSERT INTO CDN.DefAtrybuty (DeA_DeAId, DeA_Typ, DeA_Kod, DeA_Nazwa, DeA_Format, DeA_Zalezny, DeA_CzyKopiowacFA,"
    " DeA_CzyKopiowacDoVAT, DeA_CzyKod, DeA_CzyPrzenosic, DeA_CzyDrukowac, DeA_CzyPrzenosicNaDostawy,"
    " DeA_CzyObowiazkowyDostawy, DeA_TS_Zal, DeA_TS_Mod) VALUES"
    " (1, 4, 'TRASA', 'Trasa', 1, 0, 0, 0, 0, 0, 0, 0, 0, '2026-01-01 00:00:00', '2026-01-01 00:00:00'),"
    " (2, 4, 'DATA', 'Data', 4, 0, 0, 0, 0, 0, 0, 0, 0, '2026-01-01 00:00:00', '2026-01-01 00:00:00')"
)


@pytest.fixture
def broken(company: Company) -> Callable[..., Shop]:
    """A company whose Optima fails as it is told."""

    def make(fault: str, **worker: Any) -> Shop:
        shop = company(orders=COM | {"worker": COM["worker"] | worker})
        shop.plugin.writer.close()
        config = shop.plugin.settings.orders
        assert isinstance(config, ComConfig)
        office = f"{faulty.__name__}:Faulty"
        one_off = shop.plugin.settings.one_off
        shop.plugin.writer = ComWriter(shop.plugin, config, "Demo", one_off, office)
        Path(f"{shop.path}.fault").write_text(fault)
        return shop

    return make


# What is written


def test_an_order_is_written_by_the_program_and_read_back(com: Shop) -> None:
    answer = com.order(remarks="Zażółć gęślą jaźń", delivery_date="2026-12-01")
    row = com.row("TraNag", "TrN_TrNID", int(answer.id))
    assert (row["TrN_TypDokumentu"], row["TrN_Rodzaj"], row["TrN_Bufor"]) == (308, 308000, 0)
    assert (row["TrN_NumerObcy"], row["TrN_Opis"]) == ("WEB-1", "Zażółć gęślą jaźń")
    assert (row["TrN_PodID"], row["TrN_OdbID"]) == (com.buyer, com.buyer)
    assert row["TrN_DataTransportu"] == "2026-12-01 00:00:00"
    assert row["TrN_NumerPelny"] == answer.number
    assert answer.order.state == OrderState.ORDER_STATE_RESERVED
    assert (answer.order.net, answer.order.gross) == ("42.48", "52.25")
    assert not answer.already_existed
    assert not answer.warnings


def test_an_order_sent_again_is_found_whatever_its_prices_were_rounded_to(com: Shop) -> None:
    line = {"product": {"code": com.goods[0]}, "quantity": "3", "price": {"net": "10.3333"}}
    first = com.order(lines=[line])
    again = com.order(lines=[line])
    assert again.already_existed
    assert again.id == first.id
    assert len(com.orders()) == 1
    with pytest.raises(Conflict, match=r"lines\[0\].price"):
        com.order(lines=[line | {"price": {"net": "10.34"}}])


def test_the_value_of_a_net_price_stands_whatever_discount_the_buyer_has(com: Shop) -> None:
    com.change("UPDATE CDN.Kontrahenci SET Knt_Upust = 5")
    answer = com.order(expected_total="52.25")
    assert answer.order.gross == "52.25"
    assert not answer.warnings


def test_a_gross_price_is_taken_unless_the_buyer_has_a_discount(com: Shop) -> None:
    line = {"product": {"code": com.goods[0]}, "quantity": "3", "price": {"gross": "9.99"}}
    answer = com.order(lines=[line], expected_total="29.97")
    row = com.row("TraNag", "TrN_TrNID", int(answer.id))
    assert (row["TrN_RazemNetto"], row["TrN_RazemBrutto"], row["TrN_TypNB"]) == (24.37, 29.97, 2)
    com.change("UPDATE CDN.Kontrahenci SET Knt_Upust = 5")
    with pytest.raises(Unsupported, match="give net prices for this buyer"):
        com.order(external_number="WEB-2", lines=[line])


def test_without_a_price_the_program_s_price_list_holds(com: Shop) -> None:
    answer = com.order(lines=[{"product": {"code": com.goods[0]}, "quantity": "1"}])
    listed = com.rows(
        "SELECT TwC_Wartosc FROM CDN.TwrCeny JOIN CDN.Towary ON Twr_TwrId = TwC_TwrID"
        " AND TwC_TwCNumer = Twr_TwCNumer WHERE Twr_Kod = ?",
        com.goods[0],
    )
    assert Decimal(answer.order.net) == Decimal(str(listed[0][0]))
    assert not answer.warnings


def test_a_total_that_only_the_program_knows_is_not_promised(com: Shop) -> None:
    lines = [{"product": {"code": com.goods[0]}, "quantity": "1"}]
    with pytest.raises(Unsupported, match="give the price of every line"):
        com.order(lines=lines, expected_total="10.00")
    with pytest.raises(Rejected, match=r"the order comes to 52\.25 gross"):
        com.order(expected_total="52.24")
    assert not com.orders()


def test_an_order_waits_in_the_buffer_where_it_is_told_to(com: Shop, company: Company) -> None:
    answer = com.order(reserve=False)
    assert answer.order.state == OrderState.ORDER_STATE_DRAFT
    shop = company(orders=COM | {"approve": False})
    assert shop.order().order.state == OrderState.ORDER_STATE_DRAFT
    reserved = shop.order(external_number="WEB-2", reserve=True)
    assert reserved.order.state == OrderState.ORDER_STATE_RESERVED


def test_series_register_recipient_payment_and_vat_are_the_draft_s(
    com: Shop, company: Company
) -> None:
    other = com.rows(
        "SELECT Knt_KntId FROM CDN.Kontrahenci WHERE Knt_KntId > 9 AND Knt_KntId <> ?", com.buyer
    )
    line = {"product": {"code": com.goods[0]}, "quantity": "1", "price": {"net": "100"}}
    shop = company(orders=COM | {"number_register": "WWW"})
    answer = shop.order(
        series="roi",
        recipient={"id": str(other[0][0])},
        payment_method_id="14",
        lines=[line | {"vat_code": "8", "remark": "pilne"}],
    )
    assert answer.number == "ROI/1/2026/WWW"
    row = shop.row("TraNag", "TrN_TrNID", int(answer.id))
    assert (row["TrN_OdbID"], row["TrN_FPlId"], row["TrN_RazemVAT"]) == (other[0][0], 14, 8)
    assert answer.order.lines[0].remark == "pilne"


def test_attributes_are_written_by_the_names_of_the_configuration(company: Company) -> None:
    names = {"route": "TRASA", "day": "DATA", "gone": "NIEMA"}
    shop = company(ATTRIBUTES, orders=COM | {"attributes": names})
    answer = shop.order(attributes={"route": "północ"})
    found = shop.rows(
        "SELECT DAt_WartoscTxt FROM CDN.DokAtrybuty WHERE DAt_TrNId = ?", int(answer.id)
    )
    assert found == [("północ",)]
    check = shop.check(external_number="WEB-2", attributes={"day": "1", "gone": "x", "other": "y"})
    assert {p.field: p.message for p in check.problems} == {
        "attributes.day": "Optima's attribute DATA is a date or a file, which is not written",
        "attributes.gone": "Optima has no attribute NIEMA of documents in use",
        "attributes.other": "may not be written here; these may: day, gone, route",
    }


def test_every_thing_that_is_wrong_is_told_at_once_and_nothing_is_asked_of_the_program(
    com: Shop,
) -> None:
    before = psutil.Process().children()
    with pytest.raises(Invalid) as raised:
        com.order(
            lines=[
                {"product": {"code": "nope"}, "quantity": "1"},
                {"product": {"code": com.goods[0]}, "quantity": "1", "unit": "opak"},
            ],
            delivery={"address": {"address": ADDRESS}},
            attributes={"kolor": "czerwony"},
            warehouse_id="999",
            series="XXX",
            payment_method_id="17",
            payment_days=7,
            price_list_id="2",
        )
    assert {violation.field for violation in raised.value.violations} == {
        "order.delivery.address",
        "order.payment_days",
        "order.price_list_id",
        "order.attributes.kolor",
        "order.warehouse_id",
        "order.payment_method_id",
        "order.series",
        "order.lines[0].product.code",
        "order.lines[1].unit",
    }
    assert psutil.Process().children() == before


def test_whom_nothing_may_be_sold_to_is_refused(com: Shop) -> None:
    reasons = {}
    for column in ("Knt_BlokadaDok", "Knt_ZakazDokumentowHaMag", "Knt_Nieaktywny"):
        ((code,), *_) = com.rows(f"SELECT Knt_Kod FROM CDN.Kontrahenci WHERE {column} = 1")
        (problem,) = com.check(buyer={"code": code}).problems
        reasons[column] = problem.message
    assert len(set(reasons.values())) == 3


def test_of_several_warehouses_one_has_to_be_named(company: Company) -> None:
    shop = company(orders={key: value for key, value in COM.items() if key != "warehouse"})
    (problem,) = shop.check().problems
    assert "there are several warehouses" in problem.message
    assert shop.check(warehouse_id="2").order.warehouse.id == "2"
    (problem,) = company(orders=COM | {"warehouse": 3}).check().problems
    assert "not in use" in problem.message


# Customers


def test_a_customer_is_created_once_and_found_in_any_notation(com: Shop) -> None:
    draft: dict[str, Any] = {
        "name": "Zażółć Gęślą",
        "full_name": "Zażółć Gęślą Jaźń i Wspólnicy Spółka z ograniczoną odpowiedzialnością",
        "tax_id": NIP,
        "address": ADDRESS,
        "phone": "42 600 00 00",
        "email": "biuro@zazolc.example",
    }
    first = com.customer(**draft).customer
    assert (first.created, first.code) == (True, "ZAZOLCGESLA")
    again = com.customer(**draft | {"tax_id": "PL 526-104-08-28"}).customer
    assert (again.created, again.id) == (False, first.id)
    card = com.row("Kontrahenci", "Knt_KntId", int(first.id))
    assert (card["Knt_Nazwa1"], card["Knt_Nazwa2"]) == (
        "Zażółć Gęślą Jaźń i Wspólnicy Spółka z ograniczoną",
        "odpowiedzialnością",
    )
    assert (card["Knt_Ulica"], card["Knt_KodPocztowy"]) == ("Żółta", "90-001")
    assert (card["Knt_Nip"], card["Knt_Telefon1"]) == (NIP, "42 600 00 00")


def test_a_code_that_is_taken_gets_a_number(com: Shop) -> None:
    codes = [com.customer(name="Łucja Żółta", address=ADDRESS).customer.code for _ in range(2)]
    assert codes == ["LUCJAZOLTA", "LUCJAZOLTA-2"]


def test_a_new_buyer_is_created_before_the_order(com: Shop) -> None:
    draft = {"name": "Nowa", "tax_id": NIP, "address": ADDRESS}
    answer = com.order(buyer={"draft": draft})
    assert answer.customer.created
    row = com.row("TraNag", "TrN_TrNID", int(answer.id))
    assert row["TrN_PodID"] == int(answer.customer.id)


def test_what_the_objects_are_not_known_to_take_is_refused_by_name(com: Shop) -> None:
    with pytest.raises(Unsupported) as raised:
        com.customer(name="Nowa", address=ADDRESS | {"country": "DE"}, gln="5901234123457", kind=2)
    assert {violation.field for violation in raised.value.violations} == {
        "customer.gln",
        "customer.kind",
        "customer.address.country",
    }


def test_customers_are_created_only_where_the_configuration_lets_them(company: Company) -> None:
    shop = company(orders=COM | {"customers": False})
    with pytest.raises(Unsupported, match="customers = true"):
        shop.customer(name="Nowa", address=ADDRESS)
    assert "CreateCustomer" not in shop.plugin.operations()
    assert "CreateOrder" in shop.plugin.operations()
    assert "CreateOrder" not in company(orders=None).plugin.operations()


# What goes wrong


def test_a_dialog_that_nobody_answers_costs_the_program_and_nothing_is_saved(
    broken: Callable[..., Shop],
) -> None:
    shop = broken("dialog", call_timeout=0.5)
    with pytest.raises(ErpUnavailable, match="Most likely it shows a dialog") as raised:
        shop.order()
    assert raised.value.retriable
    assert not shop.orders()
    Path(f"{shop.path}.fault").unlink()
    assert not shop.order().already_existed


@pytest.mark.parametrize(
    ("fault", "worker"),
    [
        ("dialog after commit", {"call_timeout": 0.5}),
        ("raises after commit", {}),
        ("dies after commit", {}),
    ],
)
def test_what_was_committed_is_found_whatever_became_of_the_program(
    broken: Callable[..., Shop], fault: str, worker: dict[str, float]
) -> None:
    shop = broken(fault, **worker)
    answer = shop.order()
    assert [int(answer.id)] == shop.orders()
    Path(f"{shop.path}.fault").unlink()
    assert shop.order().already_existed


@pytest.mark.parametrize(
    ("fault", "failure", "message"),
    [
        ("dies", ErpUnavailable, "broke off; nothing was saved"),
        ("vanishes", Rejected, "says that it has saved, but nothing is there"),
        ("refuses", Rejected, "Optima refused the order"),
        ("locked", Locked, "open in Optima"),
        ("no licence", ErpUnavailable, "no licence left"),
        ("licence lost", ErpUnavailable, "no licence left"),
        ("not registered", ErpUnavailable, "try a 32-bit Python"),
        ("wrong password", ErpUnavailable, "Nobody could log in to Optima"),
    ],
)
def test_known_failures_have_errors_of_their_own_and_save_nothing(
    broken: Callable[..., Shop], fault: str, failure: type[Exception], message: str
) -> None:
    shop = broken(fault)
    with pytest.raises(failure, match=message) as raised:
        shop.order()
    assert "tajne-hasło" not in f"{raised.value}{raised.value.erp_text}"  # type: ignore[attr-defined]
    assert not shop.orders()


def test_while_a_session_is_left_the_end_is_not_known(
    broken: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = broken("dialog", call_timeout=0.5)
    monkeypatch.setattr(shop.plugin.database, "wait_until_gone", lambda processes, timeout: False)
    with pytest.raises(UnknownOutcome):
        shop.order()


def test_idle_licences_are_given_back(broken: Callable[..., Shop]) -> None:
    shop = broken("", idle_minutes=0.005)
    shop.order()
    closed = Path(f"{shop.path}.closed")
    ends = time.monotonic() + 10
    while not closed.exists():
        assert time.monotonic() < ends
        time.sleep(0.01)
    assert shop.order().already_existed


def test_a_code_that_somebody_took_meanwhile_is_told(
    com: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(customer, "_free_code", lambda cards, name: com.code)
    with pytest.raises(Rejected, match="a customer with this code or number already"):
        com.customer(name="Nowa", tax_id=NIP, address=ADDRESS)


# The office and its double


def double(com: Shop) -> Any:
    return DoubleCom(str(com.path), str(Path.cwd()))


def logged_in(com: Shop) -> Any:
    application = double(com).dispatch("CDNBase.Application")
    application.LockApp(256, 5000, None, None, None, None)
    return application.Login("ADMIN", "", "Demo")


def test_the_double_refuses_what_the_objects_do_not_have(com: Shop) -> None:
    session = logged_in(com).CreateSession()
    order = session.CreateObject("CDN.DokumentyHaMag", None).AddNew(None)
    with pytest.raises(AttributeError):
        order.TwrKod = "X"
    with pytest.raises(AttributeError):
        order.ID = 5
    with pytest.raises(ComError):
        order.Bufor = 1  # the kind comes first
    order.Rodzaj = 308000
    order.TypDokumentu = 308
    with pytest.raises(ComError):
        order.Bufor = "1"
    with pytest.raises(ComError):
        order.Podmiot = 5
    with pytest.raises(ComError):
        session.CreateObject("CDN.Dokumenty", None)
    with pytest.raises(ComError):
        session.CreateObject("CDN.Kontrahenci", None).Item("Knt_Kod='nobody'")
    with pytest.raises(ComError):
        _ = order.NumerPelny


@pytest.mark.parametrize(("modules", "works"), [(0, True), (17, True), (18, True), (5, False)])
def test_login_takes_as_many_modules_as_the_version_wants(
    company: Company, modules: int, works: bool
) -> None:
    shop = company(orders=COM | {"login_modules": modules})
    if works:
        assert shop.order().id
    else:
        with pytest.raises(ErpUnavailable, match="login_modules"):
            shop.order()


def test_the_objects_work_in_their_folder_only(com: Shop, tmp_path: Path) -> None:
    with pytest.raises(ComError):
        DoubleCom(str(com.path), str(tmp_path)).dispatch("CDNBase.Application").LockApp(
            256, 5000, None, None, None, None
        )


def test_the_office_needs_nothing_but_the_standard_library() -> None:
    roots = [str(Path(__file__).parents[5] / "connector"), str(Path(__file__).parents[3])]
    script = f"import sys; sys.path += {roots!r}; import mostek_optima.com.office; print('ok')"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, timeout=20
    )
    assert done.stdout.strip() == "ok", done.stderr


def test_errors_without_details_are_understood() -> None:
    class Double:
        error = ComError

    with pytest.raises(Fault) as raised, faults(Double, "order"):
        raise ComError(-1, "?", None, None)
    assert raised.value.kind == "unknown"
    with pytest.raises(Fault) as raised, opening(Double):
        raise ComError
    assert raised.value.kind == "unavailable"


def test_the_configuration_names_the_company_that_is_logged_in_to(tmp_path: Path) -> None:
    database = {"kind": "sqlite", "path": str(tmp_path / "x.db")}
    with pytest.raises(ValidationError, match="need `company`"):
        OptimaConfig.model_validate({"database": database, "orders": COM})
    with pytest.raises(ValidationError, match="mode"):
        OptimaConfig.model_validate({"database": database, "orders": {"template": "RO/1/2026"}})


def test_the_password_shows_nowhere(com: Shop) -> None:
    assert "tajne-hasło" not in repr(com.plugin.settings)


def test_what_a_write_reads_is_what_its_rights_name(com: Shop) -> None:
    rights = com.plugin.write_rights()
    assert rights.sessions
    assert not rights.inserts
    with closing(connect_sandbox(com.path, "CDN")) as connection:
        known = {
            f"CDN.{name}" for (name,) in connection.execute("SELECT name FROM CDN.sqlite_master")
        }
    assert rights.looks_up <= known
