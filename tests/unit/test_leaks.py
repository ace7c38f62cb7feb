"""The search for secrets finds them, wherever a run leaves them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LEAKY = """
import logging, subprocess, sys, zipfile

def test_prints(secret):
    print(secret("print"))

def test_logs(secret):
    logging.getLogger("a").error(secret("log"))

def test_fails(secret):
    raise ValueError(secret("failure"))

def test_reads_what_it_printed(secret, capsys):
    print(secret("own output"))
    capsys.readouterr()

def test_starts_a_program(secret):
    subprocess.run([sys.executable, "-c", f"print({secret('program')!r})"], capture_output=True)

def test_writes_a_file(secret, tmp_path):
    (tmp_path / "a.log").write_text(secret("file"), "utf-8")

def test_packs(secret, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config", secret("zip") * 50)
"""
CAREFUL = """
def test_writes_where_it_may(secret, tmp_path):
    (tmp_path / "erp.secret").write_text(secret("kept"), "utf-8")
    (tmp_path / "connector.toml").write_text(secret("kept"), "utf-8")
"""


@pytest.fixture
def run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., pytest.RunResult]:
    def run_(test: str, *arguments: str) -> pytest.RunResult:
        pytester.makeconftest((ROOT / "conftest.py").read_text(encoding="utf-8"))
        pytester.makepyfile(test)
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments)

    # Nothing but pytest: what else is installed takes a second to load.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return run_


def test_a_secret_that_a_run_shows_fails_it(run: Callable[..., pytest.RunResult]) -> None:
    result = run(LEAKY)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*SECRETS LEAKED (7 looked for)*"])
    found = set(re.findall(r"^the secret '([\w ]+) of ", result.stdout.str(), re.MULTILINE))
    assert found == {"print", "log", "failure", "own output", "program", "file", "zip"}


def test_a_run_with_a_leak_and_no_failing_test_fails(
    run: Callable[..., pytest.RunResult],
) -> None:
    result = run("def test_prints(secret): print(secret('print'))")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_secret_in_a_file_that_is_for_it_has_not_leaked(
    run: Callable[..., pytest.RunResult],
) -> None:
    result = run(CAREFUL)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*no secret leaked (2 looked for)*"])


def test_a_secret_that_a_process_of_the_run_shows_fails_it(
    run: Callable[..., pytest.RunResult],
) -> None:
    result = run(LEAKY, "-p", "xdist.plugin", "-n", "2")
    assert result.ret == 1
    assert "SECRETS LEAKED (7 looked for)" in result.stdout.str()
    assert "the secret 'zip of " in result.stdout.str()
