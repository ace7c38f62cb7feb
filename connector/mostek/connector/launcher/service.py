"""The Windows service that holds the launcher. What is of Windows is imported where it is used.

The service's program is the machine's own python.exe with a small script. That of a virtual environment would start
another process, which the service control manager does not know.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mostek.connector.launcher.installation import InstallationError
from mostek.connector.launcher.launcher import Launcher

__all__ = ["NAME", "commanded"]

NAME = "MostekConnector"
_SHOWN = "Mostek connector"
_ABOUT = "Lets the order system reach this company's ERP. Dials out, listens to nothing."
#: An account of the service's own, without a password and with no rights but those that it is given.
ACCOUNT = rf"NT SERVICE\{NAME}"
#: Milliseconds until Windows starts the service again after its first, second and each further end by itself.
RESTARTS = (5_000, 30_000, 60_000)
FORGET_ENDS_AFTER = 24 * 3600
#: Milliseconds that Windows is asked to wait for the goodbye.
STOP_WITHIN = 120_000
#: Of entries in the event log; the launcher's own words have no message file.
_EVENT = 1

LauncherOf = Callable[[Path, Path | None], Launcher]


def commanded(arguments: Sequence[str], launcher_of: LauncherOf) -> None:
    """`service install|remove|host`. Raises InstallationError."""
    parser = argparse.ArgumentParser("mostek-connector-launcher service")
    parser.add_argument("command", choices=["install", "remove", "host"])
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--account", default=ACCOUNT, help="DOMAIN\\USER, or the service's own")
    given = parser.parse_args(arguments)
    match given.command:
        case "install":
            if given.log is None:
                raise InstallationError("a service has nowhere to write to: give --log with a file")
            password = sys.stdin.readline().strip() if given.account != ACCOUNT else None
            _install(given.root, given.log, given.account, password)
        case "remove":
            _remove()
        case _:
            _host(given.root, given.log, launcher_of)


def _windows(name: str) -> Any:
    """A module of pywin32. Raises InstallationError."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise InstallationError("pywin32 is not installed in the launcher's environment") from None


def _install(root: Path, log: Path, account: str, password: str | None) -> None:
    """Automatic and delayed; started again when it ends by itself. Raises InstallationError."""
    service = _windows("win32service")
    _windows("win32evtlogutil").AddSourceToRegistry(NAME, _windows("servicemanager").__file__)
    with _manager(service) as manager:
        try:
            made = service.CreateService(
                manager,
                NAME,
                _SHOWN,
                service.SERVICE_ALL_ACCESS,
                service.SERVICE_WIN32_OWN_PROCESS,
                service.SERVICE_AUTO_START,
                service.SERVICE_ERROR_NORMAL,
                _program(root, log),
                None,
                0,
                None,
                account,
                password,
            )
        except service.error as error:
            raise InstallationError(
                f"Windows does not take the service: {error.strerror}"
            ) from None
        try:
            _configure(service, made)
        finally:
            service.CloseServiceHandle(made)


def _configure(service: Any, made: Any) -> None:
    restarts = [(service.SC_ACTION_RESTART, after) for after in RESTARTS]
    actions = {
        "ResetPeriod": FORGET_ENDS_AFTER,
        "RebootMsg": "",
        "Command": "",
        "Actions": restarts,
    }
    service.ChangeServiceConfig2(made, service.SERVICE_CONFIG_DESCRIPTION, _ABOUT)
    service.ChangeServiceConfig2(made, service.SERVICE_CONFIG_DELAYED_AUTO_START_INFO, True)
    service.ChangeServiceConfig2(made, service.SERVICE_CONFIG_FAILURE_ACTIONS, actions)
    # Also when it ends in order, with an error.
    service.ChangeServiceConfig2(made, service.SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, True)


def _program(root: Path, log: Path) -> str:
    """The command line, after the script that it names is written."""
    packages = Path(sys.prefix) / "Lib" / "site-packages"
    script = root / "launcher" / "host.py"
    arguments = ["service", "host", "--root", str(root), "--log", str(log)]
    script.write_text(
        "# Written by `mostek-connector-launcher service install`.\n"
        f"import site\n\nsite.addsitedir({str(packages)!r})\n"
        f"from mostek.connector.launcher.cli import main\n\nmain({arguments!r})\n",
        encoding="utf-8",
    )
    base = Path(sys.base_prefix) / "python.exe"
    return f'"{base}" -I "{script}"'


def _remove() -> None:
    service = _windows("win32service")
    with _manager(service) as manager:
        try:
            found = service.OpenService(manager, NAME, service.SERVICE_ALL_ACCESS)
        except service.error:
            raise InstallationError("there is no such service") from None
        try:
            service.DeleteService(found)
        finally:
            service.CloseServiceHandle(found)
    _windows("win32evtlogutil").RemoveSourceFromRegistry(NAME)


@contextlib.contextmanager
def _manager(service: Any) -> Any:
    try:
        manager = service.OpenSCManager(None, None, service.SC_MANAGER_ALL_ACCESS)
    except service.error as error:
        raise InstallationError(
            f"the service can't be changed ({error.strerror}): run this as an administrator"
        ) from None
    try:
        yield manager
    finally:
        service.CloseServiceHandle(manager)


def _host(root: Path, log: Path | None, launcher_of: LauncherOf) -> None:
    """Be the service, until Windows stops it."""
    manager = _windows("servicemanager")
    manager.Initialize()
    manager.PrepareToHostSingle(_service(root, log, launcher_of))
    manager.StartServiceCtrlDispatcher()


def _service(root: Path, log: Path | None, launcher_of: LauncherOf) -> type:
    """Its class. The framework tells Windows that the service runs before it calls `SvcDoRun`."""
    service, events = _windows("win32service"), _windows("servicemanager")
    framework: Any = _windows("win32serviceutil").ServiceFramework

    class Service(framework):  # type: ignore[misc]
        _svc_name_ = NAME
        _svc_display_name_ = _SHOWN

        def __init__(self, arguments: Sequence[str]) -> None:
            framework.__init__(self, arguments)
            self._launcher: Launcher | None = None
            self._stopped = False

        def SvcDoRun(self) -> None:
            try:
                self._launcher = launcher_of(root, log)
                if self._stopped:
                    return
                self._launcher.run()
            except InstallationError as error:
                events.LogErrorMsg(f"{_SHOWN}: {error}")
                # Windows starts it again, which helps when what is missing comes back.
                self.ReportServiceStatus(service.SERVICE_STOPPED, 0, _EVENT, 0)

        def SvcStop(self) -> None:
            self.ReportServiceStatus(service.SERVICE_STOP_PENDING, STOP_WITHIN)
            self._stopped = True
            if self._launcher is not None:
                self._launcher.stopping.set()

        # Windows shuts down: nobody waits long, but the goodbye is said.
        SvcShutdown = SvcStop

    return Service
