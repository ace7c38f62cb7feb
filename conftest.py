"""Secrets of the tests: made anew for every run, and looked for in all that the run wrote.

A test gets one by the fixture `secret("name")`. At the end of the session every text that a test or a process that it
started gave out (captured output and logs, what a test read of them, and the files below the temporary folder) is
searched for each of them; a find fails the run. A file that holds a secret because that is what it is for is called
`connector.toml` or `*.secret`.
"""

from __future__ import annotations

import gc
import secrets
import subprocess
import zipfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import click.testing
import hypothesis
import pytest
from typer.testing import CliRunner

pytest_plugins = ["pytester"]

_ALLOWED = frozenset({"connector.toml"})


class Leaks:
    """The secrets of this run, and where they were found."""

    def __init__(self) -> None:
        # In each of them, so that a text is searched once, however many there are.
        self._mark = secrets.token_hex(6)
        self.secrets: dict[str, str] = {}
        self.found: dict[tuple[str, str], None] = {}
        #: How many secrets the processes had that ran the tests for this one.
        self.elsewhere = 0

    def make(self, name: str) -> str:
        value = self._mark + secrets.token_hex(8)
        self.secrets[value] = name
        return value

    def look(self, where: str, text: str | bytes | None) -> None:
        """Note every secret that the text holds."""
        if not text:
            return
        data = text.encode(errors="replace") if isinstance(text, str) else text
        for value, name in self.secrets.items() if self._mark.encode() in data else ():
            if value.encode() in data:
                self.found[name, where] = None

    def look_at_files(self, folder: Path) -> None:
        for path in sorted(folder.rglob("*")) if self.secrets else ():
            if path.is_symlink() or not path.is_file() or _may_hold(path):
                continue
            self.look(str(path), path.read_bytes())
            if path.suffix == ".zip" and zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    for name in archive.namelist():
                        self.look(f"{path}:{name}", archive.read(name))


def _may_hold(path: Path) -> bool:
    return path.name in _ALLOWED or path.suffix == ".secret"


def _reading(leaks: Leaks, owner: Any, method: str, texts: Callable[[Any], list[Any]]) -> None:
    """Look also at what a test itself reads of a program's output, which it so takes from pytest."""
    original = getattr(owner, method)

    def read(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        for text in texts(result):
            leaks.look(f"{owner.__name__}.{method}", text)
        return result

    setattr(owner, method, read)


_LEAKS = pytest.StashKey[Leaks]()


def pytest_configure(config: pytest.Config) -> None:
    # How long an example takes says nothing of the code, on a machine that does other things.
    hypothesis.settings.register_profile("mostek", deadline=None)
    hypothesis.settings.load_profile("mostek")
    config.stash[_LEAKS] = leaks = Leaks()
    _reading(leaks, pytest.CaptureFixture, "readouterr", list)
    _reading(leaks, subprocess.Popen, "communicate", list)
    for runner in (CliRunner, click.testing.CliRunner):
        _reading(leaks, runner, "invoke", lambda result: [result.output])


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """What is imported stays to the end: looking through it for garbage again and again takes a tenth of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    report: Any = yield
    for name, text in report.sections:
        item.config.stash[_LEAKS].look(f"{report.nodeid}: {name}", text)
    item.config.stash[_LEAKS].look(f"{report.nodeid}: failure", report.longreprtext)
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    leaks = session.config.stash[_LEAKS]
    factory = getattr(session.config, "_tmp_path_factory", None)
    if factory is not None and leaks.secrets:
        leaks.look_at_files(factory.getbasetemp())
    if leaks.found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if (told := getattr(session.config, "workeroutput", None)) is not None:
        told["leaks"] = [len(leaks.secrets), *map(list, leaks.found)]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """With xdist: what a process that ran tests has found."""
    leaks = node.config.stash[_LEAKS]
    count, *found = getattr(node, "workeroutput", {}).get("leaks", [0])
    leaks.elsewhere += count
    leaks.found.update(dict.fromkeys(map(tuple, found)))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    leaks = config.stash[_LEAKS]
    if count := len(leaks.secrets) + leaks.elsewhere:
        said = "SECRETS LEAKED" if leaks.found else "no secret leaked"
        terminalreporter.section(f"{said} ({count} looked for)")
    for name, where in leaks.found:
        terminalreporter.line(f"the secret {name!r} is in {where}")


@pytest.fixture
def secret(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Makes a secret that must never be seen: `secret("database password")`. Letters and digits only."""
    name = request.node.nodeid
    return lambda what: request.config.stash[_LEAKS].make(f"{what} of {name}")
