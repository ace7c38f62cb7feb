"""The verdict of `make chaos` notices what must not be: each lie and each loss is one finding of its kind."""

from __future__ import annotations

import shutil
from contextlib import closing
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from chaos.asked import Asked, Line, Told
from chaos.calls import request_of
from chaos.erp import Erp
from chaos.journals import journal_findings
from chaos.verdict import DOUBLED, LOST, MISREPORTED, UNKNOWN, findings
from mostek.admin.v1 import admin_service_pb2 as admin
from mostek.connector.journal import Journal, JournalConfig, Trace
from mostek.link.v1.link_pb2 import Command
from mostek.plugin.plugin import Site
from mostek.plugin.sandbox import connect_sandbox
from mostek.plugin.testing import context
from mostek_subiekt.config import SubiektConfig
from mostek_subiekt.gt import SubiektGt

#: An id that no row has.
NEW = 10_000_000


@dataclass
class Case:
    """A write that went well, as all three sides have it; a test makes one of them differ."""

    erp: Erp
    asked: Asked
    told: list[Told]
    commands: list[admin.Command]

    def found(self) -> set[str]:
        """The kinds of findings."""
        erps = {self.erp.name: self.erp}
        return {finding.kind for finding in findings([self.asked], self.told, self.commands, erps)}

    def change(self, *statements: str) -> None:
        """Something happens in the ERP."""
        with closing(connect_sandbox(self.erp.file)) as connection:
            for statement in statements:
                connection.execute(statement)

    def copy_of(self, table: str, **changes: int) -> str:
        """The beginning of a statement that doubles a row with other values in some columns."""
        with closing(connect_sandbox(self.erp.file)) as connection:
            names = [row[1] for row in connection.execute(f"PRAGMA dbo.table_info({table})")]
        values = [str(changes.get(name, name)) for name in names]
        return f"INSERT INTO dbo.{table} SELECT {', '.join(values)} FROM dbo.{table}"


def _write(erp: Erp, asked: Asked) -> Any:
    orders = {
        "template": erp.template,
        "customers": True,
        "company_template": erp.company_template,
    }
    database = {"kind": "sqlite", "path": str(erp.file)}
    config = SubiektConfig.model_validate({"database": database, "orders": orders})
    with closing(SubiektGt(config, Site("main", erp.file.parent))) as plugin:
        request: Any = request_of(asked)
        operation = "create_order" if asked.lines else "create_customer"
        return getattr(plugin, operation)(request, context("CreateOrder", idempotency_key="k"))


def _command(asked: Asked, erp_id: str, number: str) -> admin.Command:
    return admin.Command(
        id="c",
        connector=asked.site,
        idempotency_key=asked.key,
        state=admin.COMMAND_STATE_SUCCEEDED,
        erp_id=erp_id,
        erp_number=number,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Case, Case]:
    """An order and a customer that are there."""
    erp = Erp("north", tmp_path_factory.mktemp("chaos"))
    lines = (Line(erp.goods[0], 2, "10.00"), Line(erp.goods[1], 1, "0.99"))
    order = Asked("k", "north", "plain", "CHAOS-1", buyer=erp.buyers[1], lines=lines)
    written = _write(erp, order)
    number = (written.id, written.number)
    told = Told("k", "CHAOS-1", "ok", *number, customer=order.buyer, command="c")
    customer = Asked("n", "north", "customer", tax_id="5261040828")
    match = _write(erp, customer).customer
    told_of = Told("n", "", "ok", match.id, match.code, match.id, "c")
    return (
        Case(erp, order, [told], [_command(order, *number)]),
        Case(erp, customer, [told_of], [_command(customer, match.id, match.code)]),
    )


def _fresh(case: Case, folder: Path) -> Case:
    folder.mkdir()
    erp = copy(case.erp)
    erp.file = folder / "subiekt.sqlite"
    shutil.copy(case.erp.file, erp.file)
    commands = [admin.Command.FromString(c.SerializeToString()) for c in case.commands]
    return Case(erp, case.asked, list(case.told), commands)


@pytest.fixture
def order(made: tuple[Case, Case], tmp_path: Path) -> Case:
    return _fresh(made[0], tmp_path / "order")


@pytest.fixture
def customer(made: tuple[Case, Case], tmp_path: Path) -> Case:
    case = _fresh(made[1], tmp_path / "customer")
    # The order is another case's.
    case.change(
        "DELETE FROM dbo.dok_Pozycja WHERE ob_DokHanId IN"
        " (SELECT dok_Id FROM dbo.dok__Dokument WHERE dok_NrPelnyOryg = 'CHAOS-1')",
        "DELETE FROM dbo.dok_Vat WHERE vt_DokId IN"
        " (SELECT dok_Id FROM dbo.dok__Dokument WHERE dok_NrPelnyOryg = 'CHAOS-1')",
        "DELETE FROM dbo.dok__Dokument WHERE dok_NrPelnyOryg = 'CHAOS-1'",
    )
    return case


def test_nothing_is_found_where_all_is_well(order: Case, customer: Case) -> None:
    assert order.found() == set()
    assert customer.found() == set()


GONE = "UPDATE dbo.dok__Dokument SET dok_Typ = 15 WHERE dok_NrPelnyOryg = 'CHAOS-1'"


def test_an_order_that_was_told_as_written_and_is_not_there_is_lost(order: Case) -> None:
    order.change(GONE)
    assert order.found() == {LOST}
    order.told = []
    assert order.found() == {LOST}


def test_what_was_accepted_and_is_not_known_is_lost(order: Case) -> None:
    order.told = [Told("k", "CHAOS-1", "accepted", command="another")]
    assert order.found() == {LOST}


@pytest.mark.parametrize("state", ["RECORDED", "SENT", "IN_DOUBT"])
def test_what_never_ends_is_lost(order: Case, state: str) -> None:
    order.told = []
    order.change(GONE)
    order.commands[0].state = admin.CommandState.Value(f"COMMAND_STATE_{state}")
    assert order.found() == {LOST}


def test_what_its_caller_was_never_told_is_lost(order: Case) -> None:
    order.told = [Told("k", "CHAOS-1", "OFFLINE", retriable=True)]
    assert order.found() == {LOST}


def test_what_an_operator_has_to_resolve_is_unknown(order: Case) -> None:
    order.told, order.asked = [], replace(order.asked, story="abandoned")
    order.commands[0].state = admin.COMMAND_STATE_UNKNOWN
    assert order.found() == {UNKNOWN}


def test_an_order_that_is_there_twice_is_doubled(order: Case) -> None:
    second = order.copy_of("dok__Dokument", dok_Id=NEW)
    order.change(
        f"{second} WHERE dok_NrPelnyOryg = 'CHAOS-1'",
        "UPDATE dbo.dok__Dokument SET dok_NrPelny = 'ZK 9999' WHERE dok_Id = 10000000",
        order.copy_of("dok_Pozycja", ob_Id=NEW, ob_DokHanId=NEW)
        + " WHERE ob_Id = (SELECT MAX(ob_Id) FROM dbo.dok_Pozycja)",
    )
    assert order.found() == {DOUBLED}


def test_what_was_written_and_told_as_not_written_is_misreported(order: Case) -> None:
    order.told = [Told("k", "CHAOS-1", "cancelled", command="c")]
    order.asked = replace(order.asked, story="cancelled")
    order.commands[0].state = admin.COMMAND_STATE_CANCELLED
    assert order.found() == {MISREPORTED}


@pytest.mark.parametrize("wrong", [{"id": "1"}, {"number": "ZK 1"}, {"customer": "1"}])
def test_what_was_told_with_other_names_is_misreported(order: Case, wrong: dict[str, Any]) -> None:
    order.told.append(replace(order.told[0], **wrong))
    assert order.found() == {MISREPORTED}


@pytest.mark.parametrize("end", ["REJECTED", "INVALID", "INTERNAL", "CONFLICT", "CANCELLED"])
def test_a_reason_that_no_fault_explains_is_misreported(order: Case, end: str) -> None:
    order.told.append(Told("k", "CHAOS-1", end))
    assert order.found() == {MISREPORTED}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE dbo.dok__Dokument SET dok_PlatnikId = 2 WHERE dok_NrPelnyOryg = 'CHAOS-1'",
        "UPDATE dbo.dok__Dokument SET dok_WartNetto = 1 WHERE dok_NrPelnyOryg = 'CHAOS-1'",
        "UPDATE dbo.dok_Pozycja SET ob_Ilosc = 9 WHERE ob_Id = (SELECT MAX(ob_Id) FROM dbo.dok_Pozycja)",
        "DELETE FROM dbo.dok_Pozycja WHERE ob_Id = (SELECT MAX(ob_Id) FROM dbo.dok_Pozycja)",
        "UPDATE dbo.dok_Vat SET vt_WartBrutto = 1 WHERE vt_Id = (SELECT MAX(vt_Id) FROM dbo.dok_Vat)",
    ],
)
def test_an_order_with_other_content_is_misreported(order: Case, statement: str) -> None:
    order.change(statement)
    assert order.found() == {MISREPORTED}


def test_an_order_that_nobody_asked_for_is_misreported(order: Case) -> None:
    order.asked = replace(order.asked, external_number="CHAOS-2", story="abandoned")
    order.told, order.commands = [], []
    assert order.found() == {MISREPORTED}


def test_half_a_write_is_misreported(order: Case) -> None:
    order.change(
        order.copy_of("dok_Vat", vt_Id=NEW, vt_DokId=NEW)
        + " WHERE vt_Id = (SELECT MAX(vt_Id) FROM dbo.dok_Vat)",
    )
    assert order.found() == {MISREPORTED}


def test_another_order_under_the_same_key_must_not_be_written(order: Case) -> None:
    order.asked = replace(order.asked, story="impostor")
    order.told = []
    assert order.found() == {DOUBLED}


def test_a_customer_that_is_there_twice_is_doubled(customer: Case) -> None:
    [number] = customer.erp.customers("5261040828")
    customer.change(
        customer.copy_of("kh__Kontrahent", kh_Id=NEW) + f" WHERE kh_Id = {number}",
        customer.copy_of("adr__Ewid", adr_Id=NEW, adr_IdObiektu=NEW)
        + f" WHERE adr_TypAdresu = 1 AND adr_IdObiektu = {number}",
    )
    assert customer.found() == {DOUBLED}


def test_a_customer_told_as_created_and_not_there_is_lost(customer: Case) -> None:
    customer.change("UPDATE dbo.adr__Ewid SET adr_NIP = '' WHERE adr_NIP = '5261040828'")
    assert customer.found() == {LOST}


async def test_a_journal_that_lies_or_lacks_a_write_is_a_finding(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, JournalConfig(), {})
    await journal.commit(Trace(Command(command_id="c1", operation="CreateOrder")))
    journal.close()
    states = {"acme-1": tmp_path}
    done = admin.Command(id="c1", connector="acme", state=admin.COMMAND_STATE_SUCCEEDED)
    failed = admin.Command(id="c2", connector="acme", state=admin.COMMAND_STATE_FAILED)

    def found(*commands: admin.Command, fault: str = "") -> list[str]:
        known = admin.Connector(name="acme", journals=[admin.ConnectorJournal(fault=fault)])
        return [finding.why for finding in journal_findings(states, [known], commands)]

    assert found(done, failed) == []
    assert found(admin.Command(id="c3", connector="acme", state=done.state)) == [
        "succeeded, and no journal of its site has it"
    ]
    assert found(done, fault="entry 3 is gone") == ["journal: entry 3 is gone"]
    [file] = (tmp_path / "journal").iterdir()
    file.write_bytes(file.read_bytes().replace(b'"c1"', b'"c9"'))
    assert len(found(done)) == 2
