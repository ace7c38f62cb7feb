"""Orders and customers by Sfera GT, with the double of its COM objects."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from pydantic import ValidationError

from mostek.erp.v1.order_pb2 import OrderState
from mostek.plugin.rights import LoginNames, logins_script
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
from mostek_subiekt.config import SubiektConfig
from mostek_subiekt.orders.config import SferaConfig
from mostek_subiekt.sfera.com import faults, opening
from mostek_subiekt.sfera.sandbox.double import ComError, DoubleCom
from mostek_subiekt.sfera.writer import SferaWriter

from . import faulty
from .test_customers_write import ADDRESS, NIP

Company = Callable[..., Any]
SFERA: dict[str, Any] = {
    "mode": "sfera",
    "operator": "Szef",
    "password": "tajne-hasło",
    "customers": True,
    "worker": {"start_timeout": 20.0, "call_timeout": 20.0},
}
PLAIN = {key: value for key, value in ADDRESS.items() if key in {"street", "city", "postal_code"}}


@pytest.fixture
def sfera(company: Company) -> Any:
    return company(**SFERA)


@pytest.fixture
def broken(company: Company) -> Callable[..., Any]:
    """A company whose Sfera fails as it is told."""

    def make(fault: str, *statements: str, **worker: Any) -> Any:
        shop = company(*statements, **SFERA | {"worker": SFERA["worker"] | worker})
        shop.plugin.writer.close()
        config = shop.plugin.config.orders
        assert isinstance(config, SferaConfig)
        office = f"{faulty.__name__}:Faulty"
        shop.plugin.writer = SferaWriter(shop.plugin, config, office)
        Path(f"{shop.path}.fault").write_text(fault)
        return shop

    return make


def orders(shop: Any) -> list[Any]:
    found: list[Any] = shop.column(
        "SELECT dok_Id FROM dbo.dok__Dokument WHERE dok_NrPelnyOryg = 'WEB-1'"
    )
    return found


def priced(shop: Any, **price: str) -> dict[str, Any]:
    line = {"product": {"code": shop.goods[0]}, "quantity": "3", "vat_code": "23"}
    return (
        line
        | {key: value for key, value in price.items() if key == "discount"}
        | {"price": {key: value for key, value in price.items() if key != "discount"}}
    )


# What is written


def test_an_order_is_written_by_the_program_and_read_back(sfera: Any) -> None:
    answer = sfera.order(remarks="Zażółć gęślą jaźń", delivery_date="2026-12-01")
    row = sfera.row("dok__Dokument", "dok_Id", int(answer.id))
    assert (row["dok_Typ"], row["dok_Status"], row["dok_NrPelny"]) == (16, 6, answer.number)
    assert (row["dok_NrPelnyOryg"], row["dok_Uwagi"]) == ("WEB-1", "Zażółć gęślą jaźń")
    assert (row["dok_PlatnikId"], row["dok_OdbiorcaId"]) == (sfera.buyer, sfera.buyer)
    assert row["dok_TerminRealizacji"] == "2026-12-01 00:00:00"
    assert row["dok_DataWyst"] == "2026-11-20 00:00:00"
    assert answer.order.state == OrderState.ORDER_STATE_OPEN
    assert not answer.already_existed
    assert not answer.warnings


def test_an_order_sent_again_is_found_whatever_its_prices_were_rounded_to(sfera: Any) -> None:
    lines = [
        priced(sfera, net="10.3333"),
        priced(sfera, net="0.9900", discount="10"),
        priced(sfera, net="7", discount="33.3333"),
    ]
    first = sfera.order(lines=lines)
    again = sfera.order(lines=lines)
    assert again.already_existed
    assert again.id == first.id
    assert len(orders(sfera)) == 1


def test_another_price_under_the_same_number_is_a_conflict(sfera: Any) -> None:
    sfera.order(lines=[priced(sfera, net="10.00")])
    with pytest.raises(Conflict, match=r"lines\[0\].price"):
        sfera.order(lines=[priced(sfera, net="10.01")])
    with pytest.raises(Conflict, match=r"lines\[0\].price"):
        sfera.order(lines=[priced(sfera, net="10.00", discount="5")])


def test_prices_are_the_draft_s_net_or_gross_to_the_grosz(sfera: Any) -> None:
    answer = sfera.order(lines=[priced(sfera, gross="9.99")], expected_total="29.97")
    row = sfera.row("dok__Dokument", "dok_Id", int(answer.id))
    assert (row["dok_WartNetto"], row["dok_WartVat"], row["dok_WartBrutto"]) == (24.37, 5.6, 29.97)
    assert row["dok_CenyTyp"] == 0
    assert not answer.warnings


def test_without_a_price_the_program_s_price_list_holds(sfera: Any) -> None:
    answer = sfera.order(price_list_id="3")
    line = sfera.row("dok_Pozycja", "ob_DokHanId", int(answer.id))
    listed = sfera.value(
        "SELECT tc_CenaNetto3 FROM dbo.tw_Cena WHERE tc_IdTowar = ?", line["ob_TowId"]
    )
    assert line["ob_CenaNetto"] == listed
    assert not answer.warnings


def test_a_total_that_the_program_counts_otherwise_is_refused_before_it_is_saved(
    broken: Callable[..., Any],
) -> None:
    shop = broken("dearer")
    line = priced(shop, gross="9.99")
    with pytest.raises(Rejected, match=r"Subiekt GT counts 30\.97 gross"):
        shop.order(lines=[line], expected_total="29.97")
    assert not orders(shop)
    shop.order(lines=[line], expected_total="29.97", tolerance="1.00")
    assert len(orders(shop)) == 1


def test_goods_are_reserved_by_the_program(sfera: Any) -> None:
    code, product, free = sfera.rows(
        "SELECT tw_Symbol, tw_Id, st_StanRez FROM dbo.tw__Towar JOIN dbo.tw_Stan ON st_TowId = tw_Id"
        " JOIN dbo.sl_Magazyn ON mag_Id = st_MagId AND mag_Glowny = 1 WHERE tw_Rodzaj = 1"
        " AND st_Stan - st_StanRez > 5 AND tw_Zablokowany = 0 AND tw_Usuniety = 0"
        " AND tw_Id NOT IN (SELECT jm_IdTowar FROM dbo.tw_JednMiary)"
    )[0]
    line = {"product": {"code": code}, "quantity": "2"}
    answer = sfera.order(lines=[line], reserve=True)
    assert answer.order.state == OrderState.ORDER_STATE_RESERVED
    assert sfera.value(
        "SELECT MAX(st_StanRez) FROM dbo.tw_Stan JOIN dbo.sl_Magazyn ON mag_Id = st_MagId"
        " AND mag_Glowny = 1 WHERE st_TowId = ?",
        product,
    ) == pytest.approx(free + 2)


def test_goods_that_are_not_there_are_not_reserved(sfera: Any) -> None:
    line = {"product": {"code": sfera.goods[0]}, "quantity": "100000"}
    with pytest.raises(Rejected, match="not enough of a product in the warehouse") as raised:
        sfera.order(lines=[line], reserve=True)
    assert sfera.goods[0] in raised.value.erp_text
    assert not orders(sfera)


def test_whether_to_reserve_is_the_program_s_setting_unless_it_is_said(company: Company) -> None:
    shop = company(
        "UPDATE dbo.su_Parametr SET su_StatusDokZK = 7",
        "UPDATE dbo.tw_Stan SET st_Stan = st_StanRez + 100",
        **SFERA,
    )
    assert shop.order().order.state == OrderState.ORDER_STATE_RESERVED
    other = shop.order(external_number="WEB-2", reserve=False)
    assert other.order.state == OrderState.ORDER_STATE_OPEN


def test_the_warehouse_is_the_named_one_else_the_configured_one_else_the_main_one(
    company: Company,
) -> None:
    shop = company(**SFERA)
    main = shop.value("SELECT mag_Id FROM dbo.sl_Magazyn WHERE mag_Glowny = 1")
    other = shop.value("SELECT MAX(mag_Id) FROM dbo.sl_Magazyn WHERE mag_Glowny = 0")
    assert shop.order().order.warehouse.id == str(main)
    named = shop.order(external_number="WEB-2", warehouse_id=str(other))
    assert named.order.warehouse.id == str(other)
    configured = company(**SFERA, warehouse=other)
    assert configured.check().order.warehouse.id == str(other)


def test_how_and_when_it_is_paid_is_written(sfera: Any) -> None:
    form = sfera.value(
        "SELECT MAX(fp_Id) FROM dbo.sl_FormaPlatnosci WHERE fp_Typ = 0 AND fp_Aktywna = 1"
    )
    answer = sfera.order(payment_method_id=str(form), payment_days=21)
    row = sfera.row("dok__Dokument", "dok_Id", int(answer.id))
    assert (row["dok_PlatId"], row["dok_PlatTermin"]) == (form, "2026-12-11 00:00:00")


def test_long_remarks_go_on_in_the_second_column(sfera: Any) -> None:
    answer = sfera.order(remarks="x" * 400 + "\n" + "y" * 400)
    row = sfera.row("dok__Dokument", "dok_Id", int(answer.id))
    assert (row["dok_Uwagi"], row["dok_UwagiExt"]) == ("x" * 400, "y" * 400)


def test_every_thing_that_is_wrong_is_told_at_once_and_nothing_is_asked_of_the_program(
    sfera: Any,
) -> None:
    before = psutil.Process().children()
    with pytest.raises(Invalid) as raised:
        sfera.order(
            lines=[{"product": {"code": "nope"}, "quantity": "1"}],
            delivery={"address": {"address": PLAIN}},
            attributes={"kolor": "czerwony"},
            warehouse_id="999",
        )
    assert [violation.field for violation in raised.value.violations] == [
        "order.attributes.kolor",
        "order.warehouse_id",
        "order.delivery.address",
        "order.lines[0].product.code",
    ]
    assert psutil.Process().children() == before


# Customers


def test_a_customer_is_created_once_and_found_in_any_notation(sfera: Any) -> None:
    draft: dict[str, Any] = {
        "name": "Zażółć Gęślą",
        "full_name": "Zażółć Gęślą Spółka z o.o.",
        "tax_id": NIP,
        "address": PLAIN,
        "phone": "42 600 00 00",
        "email": "biuro@zazolc.example",
    }
    first = sfera.customer(**draft).customer
    assert (first.created, first.code) == (True, "ZAZOLCGESLA")
    again = sfera.customer(**draft | {"tax_id": f"PL {NIP}"}).customer
    assert (again.created, again.id) == (False, first.id)
    card = sfera.row("kh__Kontrahent", "kh_Id", int(first.id))
    assert (card["kh_Osoba"], card["kh_EMail"]) == (0, "biuro@zazolc.example")
    (seat,) = sfera.rows(
        "SELECT adr_NazwaPelna, adr_NIP, adr_Kod, adr_Telefon FROM dbo.adr__Ewid"
        " WHERE adr_IdObiektu = ? AND adr_TypAdresu = 1",
        int(first.id),
    )
    assert seat[0] == "Zażółć Gęślą Spółka z o.o."
    assert seat[2:] == (PLAIN["postal_code"], "42 600 00 00")


def test_a_consumer_has_first_and_last_name_and_a_code_of_its_own(sfera: Any) -> None:
    codes = [
        sfera.customer(name="Łucja Żółta-Kowalska", address=PLAIN).customer.code for _ in range(2)
    ]
    assert codes == ["LUCJAZOLTAKOWALS", "LUCJAZOLTAKOWA-2"]
    card = sfera.row("kh__Kontrahent", "kh_Symbol", codes[0])
    assert (card["kh_Imie"], card["kh_Nazwisko"]) == ("Łucja", "Żółta-Kowalska")
    assert (card["kh_Osoba"], card["kh_OdbDet"]) == (1, 1)


def test_a_new_buyer_is_created_before_the_order(sfera: Any) -> None:
    draft = {"name": "Nowa", "tax_id": NIP, "address": PLAIN}
    answer = sfera.order(buyer={"draft": draft})
    assert answer.customer.created
    row = sfera.row("dok__Dokument", "dok_Id", int(answer.id))
    assert row["dok_PlatnikId"] == int(answer.customer.id)


def test_what_sfera_is_not_known_to_take_of_a_customer_is_refused_by_name(sfera: Any) -> None:
    with pytest.raises(Unsupported) as raised:
        sfera.customer(
            name="Nowa",
            address=PLAIN | {"county": "łódzki"},
            correspondence_address=PLAIN,
            invoice_email="a@b.example",
        )
    assert [violation.field for violation in raised.value.violations] == [
        "customer.invoice_email",
        "customer.correspondence_address",
        "customer.address.county",
    ]


def test_customers_are_created_only_where_the_configuration_lets_them(company: Company) -> None:
    shop = company(**SFERA | {"customers": False})
    with pytest.raises(Unsupported, match="set customers = true"):
        shop.customer(name="Nowa", address=PLAIN)
    assert "CreateCustomer" not in shop.plugin.operations()
    assert "CreateOrder" in shop.plugin.operations()


# What goes wrong


def test_a_dialog_that_nobody_answers_costs_the_program_and_nothing_is_saved(
    broken: Callable[..., Any],
) -> None:
    shop = broken("dialog", call_timeout=0.5)
    with pytest.raises(ErpUnavailable, match="Most likely it shows a dialog") as raised:
        shop.order()
    assert raised.value.retriable
    assert not orders(shop)
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
    broken: Callable[..., Any], fault: str, worker: dict[str, float]
) -> None:
    shop = broken(fault, **worker)
    answer = shop.order()
    assert orders(shop) == [int(answer.id)]
    assert not answer.already_existed


@pytest.mark.skipif(sys.platform == "win32", reason="NOT RUN: forks")
def test_a_commit_after_its_caller_was_killed_is_found(broken: Callable[..., Any]) -> None:
    shop = broken("commits late", call_timeout=0.5)

    def gone(processes: Any, timeout: float) -> bool:
        """What SQL Server's list of sessions shows."""
        late = int(Path(f"{shop.path}.pid").read_text())
        ends = time.monotonic() + timeout
        while psutil.pid_exists(late) and time.monotonic() < ends:
            time.sleep(0.01)
        return not psutil.pid_exists(late)

    shop.plugin.database.wait_until_gone = gone
    answer = shop.order()
    assert orders(shop) == [int(answer.id)]


def test_while_the_program_s_session_is_left_the_end_is_unknown(broken: Callable[..., Any]) -> None:
    shop = broken("dialog", call_timeout=0.5)
    shop.plugin.database.wait_until_gone = lambda processes, timeout: False
    with pytest.raises(UnknownOutcome):
        shop.order()


def test_saved_that_saved_nothing_is_told(broken: Callable[..., Any]) -> None:
    shop = broken("vanishes")
    with pytest.raises(Rejected, match="says that it has saved, but nothing is there"):
        shop.order()
    with pytest.raises(Rejected, match="says that it has saved, but nothing is there"):
        shop.customer(name="Nowa", tax_id=NIP, address=PLAIN)


def test_a_program_that_dies_before_it_commits_has_saved_nothing(
    broken: Callable[..., Any],
) -> None:
    with pytest.raises(ErpUnavailable, match="broke off; nothing was saved"):
        broken("dies").order()


def test_a_refusal_is_told_in_the_program_s_own_words(broken: Callable[..., Any]) -> None:
    with pytest.raises(Rejected, match="Subiekt GT refused the order") as raised:
        broken("refuses").order()
    assert raised.value.erp_text == "Dokument nie może być zapisany: okres jest zamknięty."


def test_a_record_that_an_operator_has_open_is_told_as_locked(company: Company) -> None:
    shop = company(**SFERA)
    shop.connection.execute(
        "INSERT INTO dbo.ins_blokada (obid, obextra, obtype, username) VALUES (?, 0, 1, 'Anna')",
        (shop.buyer,),
    )
    with pytest.raises(Locked, match="open in Subiekt GT") as raised:
        shop.order()
    assert "przez operatora Anna" in raised.value.erp_text
    shop.connection.execute("DELETE FROM dbo.ins_blokada")
    assert not shop.order().already_existed


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("no licence", "no licence seat left"),
        ("licence lost", "no licence seat left"),
        ("not registered", "32-bit Python as `worker.python`"),
        ("other account", "Subiekt.exe of another Windows account"),
        ("wrong password", "look at server, database, operator, password"),
    ],
)
def test_a_program_that_does_not_start_says_why(
    broken: Callable[..., Any], fault: str, told: str
) -> None:
    shop = broken(fault)
    with pytest.raises(ErpUnavailable, match=told) as raised:
        shop.order()
    assert raised.value.retriable
    assert raised.value.erp_text


def test_the_licence_seat_is_given_back_after_idle_minutes(broken: Callable[..., Any]) -> None:
    shop = broken("", idle_minutes=0.002)
    Path(f"{shop.path}.fault").unlink()
    shop.order()
    ends = time.monotonic() + 10
    while not Path(f"{shop.path}.closed").exists() and time.monotonic() < ends:
        time.sleep(0.02)
    assert Path(f"{shop.path}.closed").exists()
    assert not shop.order(external_number="WEB-2").already_existed


# What the double holds the office to


@pytest.fixture
def com(current: Path, tmp_path: Path) -> Iterator[DoubleCom]:
    path = tmp_path / "double.db"
    path.write_bytes(current.read_bytes())
    com = DoubleCom(str(path))
    yield com
    com.books.close()


def launched(com: DoubleCom) -> Any:
    gt = com.dispatch("InsERT.GT")
    gt.Produkt, gt.Autentykacja, gt.Serwer, gt.Baza = 1, 1, "s", "b"
    gt.Operator, gt.OperatorHaslo = "Szef", ""
    return gt.Uruchom(0, 4)


@pytest.mark.parametrize(
    ("member", "value"),
    [("MagazynId", 1), ("NumerOrginalny", "x"), ("Identyfikator", 7), ("KwotaDoZaplaty", 1.0)],
)
def test_a_member_that_is_not_there_or_read_only_can_not_be_set(
    com: DoubleCom, member: str, value: Any
) -> None:
    document = launched(com).SuDokumentyManager.DodajZK()
    with pytest.raises(AttributeError, match=member):
        setattr(document, member, value)


@pytest.mark.parametrize(
    ("member", "value"),
    [("KontrahentId", "7"), ("Rezerwacja", 1), ("Uwagi", None), ("PlatnoscKredytKwota", 1)],
)
def test_a_value_of_another_type_is_refused(com: DoubleCom, member: str, value: Any) -> None:
    document = launched(com).SuDokumentyManager.DodajZK()
    with pytest.raises(ComError, match="Niezgodność typu"):
        setattr(document, member, value)


def test_an_order_whose_reservation_is_not_said_is_refused(com: DoubleCom) -> None:
    with pytest.raises(ComError, match="zarezerwować"):
        launched(com).SuDokumentyManager.DodajZK().Zapisz()


def test_a_closed_document_takes_nothing_more(com: DoubleCom) -> None:
    document = launched(com).SuDokumentyManager.DodajZK()
    document.Zamknij()
    with pytest.raises(ComError, match="zamknięty"):
        document.Uwagi = "x"


# Errors


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ComError.of("Rekord został zablokowany przez operatora Anna"), "locked"),
        (ComError.of("Brak towaru w magazynie", -2147217568), "refused"),
        (ComError.of("Dostawy zmodyfikowane", -2147217567), "locked"),
        (ComError.of("Brak wymaganej nazwy"), "refused"),
        (ComError(-2147467259, "Unspecified error", None, None), "refused"),
        (ComError(-2147023174, "Serwer RPC jest niedostępny.", None, None), "unknown"),
        (ComError(-2147417848, "Obiekt odłączony", None, None), "unknown"),
        (ComError("not as COM has it"), "unknown"),
    ],
)
def test_an_error_of_a_call_is_told_by_what_it_means(error: ComError, kind: str) -> None:
    com: Any = type("_", (), {"error": ComError})
    with pytest.raises(Fault) as raised, faults(com, "order"):
        raise error
    assert raised.value.kind == kind


def test_an_error_at_the_start_is_never_a_doubt() -> None:
    com: Any = type("_", (), {"error": ComError})
    with pytest.raises(Fault) as raised, opening(com):
        raise ComError(-2147023174, "Serwer RPC jest niedostępny.", None, None)
    assert raised.value.kind == "unavailable"


def test_the_office_needs_nothing_but_the_standard_library() -> None:
    root = Path(__file__).parents[4]
    roots = [str(root / "connector"), str(root / "plugins" / "subiekt")]
    script = f"import sys; sys.path += {roots!r}; import mostek_subiekt.sfera.office; print('ok')"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, timeout=20
    )
    assert done.stdout.strip() == "ok", done.stderr


# Configuration


def test_a_wrong_mode_is_told_with_the_right_ones() -> None:
    database = {"kind": "sqlite", "path": "x.db"}
    with pytest.raises(ValidationError, match="'sql', 'sfera'"):
        SubiektConfig.model_validate({"database": database, "orders": {"mode": "com"}})
    with pytest.raises(ValidationError, match="operator"):
        SubiektConfig.model_validate({"database": database, "orders": {"mode": "sfera"}})


def test_passwords_show_nowhere(sfera: Any) -> None:
    # Servers that other tests share are children of this process, too.
    others = psutil.Process().children()
    sfera.order()
    assert "tajne" not in repr(sfera.plugin.config)
    [worker] = set(psutil.Process().children()) - set(others)
    assert "tajne" not in " ".join(worker.cmdline())
    assert "tajne" not in repr(worker.environ())


def test_sfera_writes_with_a_login_of_its_own_and_ours_only_reads_and_sees_sessions(
    sfera: Any,
) -> None:
    rights = sfera.plugin.rights()
    assert not rights.writes
    assert "dbo.su_Parametr" in rights.read_tables
    script = logins_script(rights, LoginNames(database="Acme"))
    assert "mostek_write" not in script
    assert "USE [master];\nGO\nGRANT VIEW SERVER STATE TO [mostek_read];" in script
    sqlfluff = pytest.importorskip("sqlfluff.core", reason="sqlfluff is not installed")
    text = re.sub(r"\$\((\w+)\)", r"\1", script)
    assert not sqlfluff.Linter(dialect="tsql").parse_string(text).violations
