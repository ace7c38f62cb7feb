"""`mostek-connector try` on the sandbox."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mostek.connector.cli import app
from mostek.connector.companies import Company
from mostek.connector.policy import Policy
from mostek.connector.policy_config import PolicyConfig
from mostek.connector.trial import told, tried
from mostek.wire.failures import CommandFailure, Denied

from .conftest import opened

OWED = """
-- key: r.ID_ROZRACHUNKU bigint
-- :least decimal(14,4)
SELECT r.NR_DOK AS [number], r.POZOSTALO AS [remaining]
FROM dbo.ROZRACHUNEK r
WHERE r.STRONA = 'WN' AND r.POZOSTALO >= :least
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    (folder / "records").mkdir()
    (folder / "records" / "owed.sql").write_text(OWED, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def company(sandbox_path: Path, own: Path) -> Iterator[Company]:
    with closing(opened(sandbox_path, queries=str(own))) as plugin:
        yield Company("acme", "wapro-mag", plugin)


def trial(company: Company, name: str, limit: int = 3, policy: Any = None, **filters: Any) -> Any:
    decides = Policy(PolicyConfig.model_validate(policy or {"deny": []})).of("acme")
    return tried(company, decides, name, limit, filters)


def test_rows_are_those_that_would_leave_and_the_sql_does_not_name_what_would_not(
    company: Company,
) -> None:
    kept = trial(company, "customers", policy={"deny": ["Customer.phone", "Customer.regon"]})
    assert [len(kept.rows), *{bool(row.phone or row.regon) for row in kept.rows}] == [3, False]
    assert kept.kept["phone"] == "kept back by the policy"
    assert all("REGON" not in sent.sql for sent in kept.statements)
    whole = trial(company, "customers")
    assert any(row.phone for row in whole.rows)
    assert "phone" not in whole.kept


def test_statements_are_those_of_the_list_each_with_its_parameters_and_time(
    company: Company,
) -> None:
    sent = trial(company, "customers", limit=2).statements
    assert all(one.seconds > 0 for one in sent)
    assert not [one.sql for one in sent if "PRAGMA" in one.sql]
    assert any("FROM dbo.KONTRAHENT k" in one.sql for one in sent)
    text = "\n".join(told(trial(company, "customers", limit=2)))
    assert re.search(r"^Statements: \d, \d+\.\d ms$", text, re.MULTILINE)
    assert re.search(r"^-- 2: \d+\.\d ms$", text, re.MULTILINE)
    assert "-- with 3 (int)" in text


def test_filters_of_the_request_can_be_given(company: Company) -> None:
    (code,) = {row.code for row in trial(company, "customers", 1, codes="7").rows}
    assert code == "7"
    rows = trial(company, "invoices", only_unpaid="true").rows
    assert rows
    assert all(float(row.remaining) for row in rows)


def test_a_list_of_the_site_s_own_takes_its_parameters(company: Company) -> None:
    rows = trial(company, "owed", least="100").rows
    assert rows
    assert all("remaining" in row.fields for row in rows)
    nothing = trial(company, "owed", least="99999999")
    assert next(told(nothing)) == "No rows."


@pytest.mark.parametrize(
    ("name", "filters", "said"),
    [
        ("customer", {}, "There is no list customer; there are customers, .*, owed"),
        ("customers", {"cod": "1"}, "ListCustomers has no such field; it has .*codes"),
        ("invoices", {"only_unpaid": "maybe"}, "only_unpaid"),
        ("orders", {"order_date_from": "yesterday"}, "order_date_from"),
        ("owed", {}, "least: is required"),
        ("owed", {"least": "much"}, "least"),
    ],
)
def test_what_is_wrong_is_told(
    company: Company, name: str, filters: dict[str, Any], said: str
) -> None:
    with pytest.raises(CommandFailure, match=said):
        trial(company, name, **filters)


@pytest.mark.parametrize(
    ("policy", "name", "filters"),
    [
        ({"deny_operations": ["ListInvoices"]}, "invoices", {}),
        ({"callers": []}, "customers", {}),
        ({"deny": ["Customer.tax_id"]}, "customers", {"tax_id": "5260250274"}),
    ],
)
def test_what_the_site_does_not_allow_a_caller_is_not_shown(
    company: Company, policy: dict[str, Any], name: str, filters: dict[str, Any]
) -> None:
    with pytest.raises(Denied):
        trial(company, name, policy=policy, **filters)


def test_a_site_that_names_its_callers_is_shown_what_they_get(company: Company) -> None:
    assert trial(company, "customers", policy={"callers": ["crm"]}).rows


def test_the_command_prints_rows_and_statements(sandbox_path: Path, tmp_path: Path) -> None:
    file = tmp_path / "connector.toml"
    file.write_text(
        '[hub]\nlink = "127.0.0.1:1"\ninsecure = true\n[connector]\nname = "demo"\n'
        '[companies.demo]\nplugin = "wapro-mag"\ncompany = "Nasza"\n'
        f"[companies.demo.database]\nkind = 'sqlite'\npath = '{sandbox_path}'\n",
        encoding="utf-8",
    )
    command = ["try", "products", "--limit", "1", "-c", str(file)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    rows, _, sql = done.stdout.partition("\nStatements: ")
    assert json.loads(rows)["code"] == "ŚRU-00000"
    assert "FROM dbo.ARTYKUL t" in sql
    wrong = CliRunner().invoke(app, [*command, "-p", "nope=1"])
    assert wrong.exit_code == 1
    assert "mostek-connector: nope: ListProducts has no such field" in wrong.output
