"""How the program goes wrong, and its double."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

from mostek.plugin.sandbox import connect_sandbox
from mostek.plugin.worker.inside import Fault
from mostek.wire.failures import (
    ErpUnavailable,
    Locked,
    Rejected,
)
from mostek_enova.net import CLASSES, load
from mostek_enova.sandbox.objects import Objects
from mostek_enova.sandbox.rows import AccessWriteDenied, RowException
from mostek_enova.sandbox.values import Quantity

from .conftest import Company

# How it goes wrong


@pytest.mark.parametrize(
    ("fault", "said", "told"),
    [
        ("no licence", "no licence seat left", "Brak wolnych licencji"),
        ("licence lost", "no licence seat left", "Utracono licencję"),
        ("wrong password", "operator and password", "Nieprawidłowe hasło"),
        ("no database", "no such database in its list", ""),
    ],
)
def test_what_keeps_the_program_from_working_is_told(
    company: Company, fault: str, said: str, told: str
) -> None:
    shop = company(fault=fault)
    with pytest.raises(ErpUnavailable, match=said) as raised:
        shop.order()
    assert told in raised.value.erp_text
    assert raised.value.retriable
    assert not shop.orders()
    Path(f"{shop.path}.fault").write_text("none")
    assert not shop.order().already_existed


def test_a_refusal_is_told_in_the_program_s_words_and_nothing_is_saved(company: Company) -> None:
    shop = company(fault="refuses")
    with pytest.raises(Rejected, match="enova365 refused the order") as raised:
        shop.order()
    assert raised.value.erp_text == "Okres jest zamknięty."
    assert not shop.orders()


def test_a_row_that_an_operator_saved_meanwhile_can_be_tried_again(company: Company) -> None:
    shop = company(fault="conflict")
    with pytest.raises(Locked, match="at the same moment") as raised:
        shop.order()
    assert raised.value.retriable
    assert not shop.orders()


@pytest.mark.parametrize(
    "fault",
    ["dialog after commit", "raises after commit", "refuses after commit", "dies after commit"],
)
def test_an_order_that_was_saved_is_found_whatever_came_after(company: Company, fault: str) -> None:
    shop = company(fault=fault, worker={"call_timeout": 0.7})
    answer = shop.order()
    assert [int(answer.id)] == shop.orders()
    Path(f"{shop.path}.fault").write_text("none")
    assert shop.order().already_existed


def test_a_hang_that_saved_nothing_names_the_dialog(company: Company) -> None:
    shop = company(fault="dialog", worker={"call_timeout": 0.5})
    with pytest.raises(ErpUnavailable, match="Most likely it shows a dialog"):
        shop.order()
    assert not shop.orders()
    Path(f"{shop.path}.fault").write_text("none")
    shop.order()
    assert len(shop.orders()) == 1


def test_a_worker_that_dies_before_it_saves_has_saved_nothing(company: Company) -> None:
    shop = company(fault="dies")
    with pytest.raises(ErpUnavailable, match="nothing was saved"):
        shop.order()
    assert not shop.orders()


def test_saved_that_saved_nothing_is_told(company: Company) -> None:
    shop = company(fault="vanishes")
    with pytest.raises(Rejected, match="says that it has saved, but nothing is there"):
        shop.order()
    assert not shop.orders()


def test_a_misspelt_member_is_no_refusal(company: Company) -> None:
    shop = company(fault="misspelt")
    with pytest.raises(ErpUnavailable) as raised:
        shop.order()
    assert "Kontrachent" in raised.value.erp_text
    assert not shop.orders()


def test_the_seat_is_given_back_at_the_end(company: Company) -> None:
    shop = company(fault="none")
    shop.order()
    shop.plugin.writer.close()
    assert Path(f"{shop.path}.closed").read_text() == "closed\n"


# The double, and what stands on the other side of it


def test_the_double_has_just_the_classes_that_are_loaded() -> None:
    for names in CLASSES.values():
        for name in names:
            assert hasattr(Objects, name) or name == "BusApplication"


def test_the_double_knows_no_member_but_the_documented_and_no_other_type(
    sandbox_path: Path,
) -> None:
    net: Any = Objects(str(sandbox_path))
    session = (
        net.BusApplication.Instance["Sandbox"]
        .Login(False, "x", "")
        .CreateSession(False, False, "test")
    )
    document = net.DokumentHandlowy()
    with pytest.raises(AccessWriteDenied):
        session.AddRow(document)
    transaction = session.Logout(True)
    session.AddRow(document)
    warehouse = net.MagazynyModule.GetInstance(session).Magazyny.WgSymbol["F"]
    with pytest.raises(RowException, match="Najpierw Definicja"):
        document.Magazyn = warehouse
    document.Definicja = net.HandelModule.GetInstance(session).DefDokHandlowych.WgSymbolu["ZO"]
    document.Magazyn = warehouse
    with pytest.raises(AttributeError, match="Kontrachent"):
        document.Kontrachent = None
    with pytest.raises(AttributeError, match="NumerObcy"):
        _ = document.Obcy.NumerObcy
    for name, value in (("Data", "2026-11-20"), ("Opis", "text"), ("Kontrahent", warehouse)):
        with pytest.raises(TypeError, match=name):
            setattr(document, name, value)
    position = net.PozycjaDokHandlowego(document)
    session.AddRow(position)
    with pytest.raises(RowException, match="Najpierw Towar"):
        position.Ilosc = Quantity(1.0, "szt")
    with pytest.raises(TypeError, match="Quantity"):
        Quantity(Decimal(1), "szt")  # type: ignore[arg-type]
    transaction.Dispose()
    with pytest.raises(AccessWriteDenied):
        document.Data = net.Date(2026, 11, 20)


def test_what_is_not_committed_is_not_saved(sandbox_path: Path, tmp_path: Path) -> None:
    path = Path(copyfile(sandbox_path, tmp_path / "enova.db"))
    net: Any = Objects(str(path))
    session = (
        net.BusApplication.Instance["Sandbox"]
        .Login(False, "x", "")
        .CreateSession(False, False, "test")
    )
    transaction = session.Logout(True)
    session.AddRow(net.Kontrahent())
    transaction.Dispose()
    session.Save()
    with closing(connect_sandbox(path)) as erp, closing(connect_sandbox(sandbox_path)) as before:
        counts = [
            c.execute("SELECT COUNT(*) FROM dbo.Kontrahenci").fetchone() for c in (erp, before)
        ]
    assert counts[0] == counts[1]


def test_where_there_is_no_program_that_is_told() -> None:
    settings = {"folder": "/no/such/folder", "runtime": "coreclr", "runtime_config": ""}
    with pytest.raises(Fault, match="no folder of enova365") as raised:
        load(settings)
    assert raised.value.kind == "unavailable"


def test_where_there_is_no_pythonnet_that_is_told(tmp_path: Path) -> None:
    settings = {"folder": str(tmp_path), "runtime": "coreclr", "runtime_config": ""}
    with pytest.raises(Fault, match="pythonnet") as raised:
        load(settings)
    assert raised.value.kind == "unavailable"


def test_the_office_needs_nothing_but_the_standard_library() -> None:
    roots = [str(Path(__file__).parents[2]), str(Path(__file__).parents[4] / "connector")]
    script = f"import sys; sys.path += {roots!r}; import mostek_enova.office; print('ok')"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, timeout=20
    )
    assert done.stdout.strip() == "ok", done.stderr
