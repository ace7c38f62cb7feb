"""The Windows service on a double of pywin32 that knows only what is used, by the signatures that are documented.

It was never run on Windows.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mostek.connector.launcher import cli, service
from mostek.connector.launcher.cli import main
from mostek.connector.launcher.installation import InstallationError


class Refused(Exception):
    strerror = "Access is denied."


class Windows:
    """The service control manager and the event log."""

    def __init__(self) -> None:
        self.services: dict[str, dict[str, Any]] = {}
        self.handles: list[str] = []
        self.sources: list[str] = []
        self.events: list[str] = []
        self.reported: list[tuple[Any, ...]] = []
        self.administrator = True
        self.hosted: type | None = None

    def modules(self) -> dict[str, ModuleType]:
        return {
            "win32service": self._service(),
            "win32serviceutil": self._framework(),
            "win32evtlogutil": _module(
                "win32evtlogutil",
                AddSourceToRegistry=lambda name, _file: self.sources.append(name),
                RemoveSourceFromRegistry=self.sources.remove,
            ),
            "servicemanager": _module(
                "servicemanager",
                __file__="servicemanager.pyd",
                LogErrorMsg=self.events.append,
                Initialize=lambda: None,
                PrepareToHostSingle=self._host,
                StartServiceCtrlDispatcher=lambda: None,
            ),
        }

    def _host(self, made: type) -> None:
        self.hosted = made

    def _service(self) -> ModuleType:
        constants = (
            "SERVICE_ALL_ACCESS SERVICE_WIN32_OWN_PROCESS SERVICE_AUTO_START SERVICE_ERROR_NORMAL"
            " SC_MANAGER_ALL_ACCESS SC_ACTION_RESTART SERVICE_CONFIG_DESCRIPTION SERVICE_STOPPED"
            " SERVICE_CONFIG_DELAYED_AUTO_START_INFO SERVICE_CONFIG_FAILURE_ACTIONS SERVICE_STOP_PENDING"
            " SERVICE_CONFIG_FAILURE_ACTIONS_FLAG SERVICE_RUNNING"
        )
        return _module(
            "win32service",
            error=Refused,
            OpenSCManager=self._open_manager,
            CreateService=self._create,
            OpenService=self._open,
            DeleteService=self.services.pop,
            CloseServiceHandle=self.handles.remove,
            ChangeServiceConfig2=lambda made, what, value: self.services[made].update(
                {what: value}
            ),
            **{name: name for name in constants.split()},
        )

    def _open_manager(self, machine: None, database: None, access: str) -> str:
        if not self.administrator:
            raise Refused
        self.handles.append("manager")
        return "manager"

    def _create(self, manager: str, name: str, *rest: Any) -> str:
        _shown, access, kind, start, _errors, program, *_, account, password = rest
        if name in self.services:
            raise Refused
        assert (access, kind) == ("SERVICE_ALL_ACCESS", "SERVICE_WIN32_OWN_PROCESS")
        self.services[name] = {
            "start": start,
            "program": program,
            "account": account,
            "password": password,
        }
        self.handles.append(name)
        return name

    def _open(self, manager: str, name: str, access: str) -> str:
        if name not in self.services:
            raise Refused
        self.handles.append(name)
        return name

    def _framework(self) -> ModuleType:
        reported = self.reported

        class ServiceFramework:
            def __init__(self, arguments: Any) -> None:
                assert arguments

            def ReportServiceStatus(
                self,
                status: str,
                waitHint: int = 5000,
                win32ExitCode: int = 0,
                svcExitCode: int = 0,
            ) -> None:
                reported.append((status, waitHint, win32ExitCode))

            def SvcRun(self) -> None:
                self.ReportServiceStatus("SERVICE_RUNNING")
                self.SvcDoRun()  # type: ignore[attr-defined]

        return _module("win32serviceutil", ServiceFramework=ServiceFramework)


def _module(name: str, **members: Any) -> ModuleType:
    made = ModuleType(name)
    vars(made).update(members)
    return made


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Windows:
    made = Windows()
    for name, module in made.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(cli, "ON_WINDOWS", True)
    return made


def test_the_service_starts_late_comes_back_and_has_an_account_of_its_own(
    windows: Windows, tmp_path: Path
) -> None:
    (tmp_path / "launcher").mkdir()
    main(["service", "install", "--root", str(tmp_path), "--log", str(tmp_path / "c.log")])
    made = windows.services["MostekConnector"]
    assert made["start"] == "SERVICE_AUTO_START"
    assert made["SERVICE_CONFIG_DELAYED_AUTO_START_INFO"] is True
    assert made["SERVICE_CONFIG_FAILURE_ACTIONS_FLAG"] is True
    actions = made["SERVICE_CONFIG_FAILURE_ACTIONS"]["Actions"]
    assert [after for _, after in actions] == [5_000, 30_000, 60_000]
    assert (made["account"], made["password"]) == (r"NT SERVICE\MostekConnector", None)
    assert windows.sources == ["MostekConnector"]
    assert windows.handles == [], "all are closed"
    script = tmp_path / "launcher" / "host.py"
    assert made["program"].endswith(f'python.exe" -I "{script}"')
    text = script.read_text(encoding="utf-8")
    compile(text, "host.py", "exec")
    assert (
        f"main({['service', 'host', '--root', str(tmp_path), '--log', str(tmp_path / 'c.log')]})"
        in text
    )


def test_the_service_is_removed_with_its_source_of_events(windows: Windows, tmp_path: Path) -> None:
    (tmp_path / "launcher").mkdir()
    main(["service", "install", "--root", str(tmp_path), "--log", "l"])
    main(["service", "remove", "--root", str(tmp_path)])
    assert windows.services == {}
    assert windows.sources == windows.handles == []
    with pytest.raises(SystemExit, match="there is no such service"):
        main(["service", "remove", "--root", str(tmp_path)])


def test_who_is_no_administrator_is_told_so(windows: Windows, tmp_path: Path) -> None:
    windows.administrator = False
    with pytest.raises(SystemExit, match="run this as an administrator"):
        main(["service", "install", "--root", str(tmp_path), "--log", "l"])


def test_a_service_without_a_log_is_refused(windows: Windows, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="give --log with a file"):
        main(["service", "install", "--root", str(tmp_path)])
    assert windows.services == {}


def test_without_pywin32_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cli, "ON_WINDOWS", True)
    monkeypatch.setitem(sys.modules, "win32service", None)
    with pytest.raises(SystemExit, match="pywin32 is not installed"):
        main(["service", "install", "--root", str(tmp_path), "--log", "l"])


class Runs:
    """A launcher that runs until it is stopped."""

    def __init__(self) -> None:
        self.ran = False
        self.stopping = self

    def run(self) -> None:
        self.ran = True

    def set(self) -> None:
        self.ran = False


def test_the_service_says_that_it_runs_before_it_does_and_stops_the_launcher(
    windows: Windows, tmp_path: Path
) -> None:
    launcher: Any = Runs()
    service.commanded(["host", "--root", str(tmp_path)], lambda *_: launcher)
    assert windows.hosted is not None
    running: Any = windows.hosted(["MostekConnector"])
    running.SvcRun()
    assert windows.reported == [("SERVICE_RUNNING", 5000, 0)]
    assert launcher.ran
    running.SvcStop()
    assert windows.reported[1:] == [("SERVICE_STOP_PENDING", 120_000, 0)]
    assert not launcher.ran


def test_what_keeps_it_from_running_is_in_the_event_log(windows: Windows, tmp_path: Path) -> None:
    def nothing(*_: Any) -> Any:
        raise InstallationError("no version is installed")

    service.commanded(["host", "--root", str(tmp_path)], nothing)
    assert windows.hosted is not None
    running: Any = windows.hosted(["MostekConnector"])
    running.SvcRun()
    assert windows.events == ["Mostek connector: no version is installed"]
    assert windows.reported[-1] == ("SERVICE_STOPPED", 0, 1)
