"""HTTP proxies for the tests: one of our own that answers as it is told, and real ones where they are installed."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from chaos.processes import free_ports

__all__ = ["HUB", "Proxy", "squid", "tinyproxy"]

#: What connectors dial: a name that only the proxy knows.
HUB = "link.mostek.test:443"


class Proxy:
    """Makes tunnels to `hub`, whatever name is asked for.

    `login`: user:password that it wants; `answer`: what it says instead of making a tunnel; `hold`: seconds that it
    waits before it closes then.
    """

    def __init__(
        self, hub: str, *, login: str = "", answer: bytes | None = None, hold: float = 0.0
    ) -> None:
        self.asked: list[str] = []
        self._hub = hub.rsplit(":", 1)
        self._login = login
        self._answer = answer
        self._hold = hold
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Its host:port."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        try:
            yield "{}:{}".format(*server.sockets[0].getsockname()[:2])
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError), contextlib.closing(writer):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.asked.append(head.split()[1])
            answer = self._answer if self._answer is not None else self._challenge(head)
            if answer is None:
                await self._tunnel(reader, writer)
                return
            writer.write(answer)
            await asyncio.sleep(self._hold)

    def _challenge(self, head: str) -> bytes | None:
        login = base64.b64encode(self._login.encode()).decode()
        if not self._login or f"Proxy-Authorization: Basic {login}\r\n" in head:
            return None
        return (
            b"HTTP/1.1 407 Proxy Authentication Required\r\n"
            b'Proxy-Authenticate: Basic realm="office"\r\nContent-Length: 0\r\n\r\n'
        )

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._hub)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        ways = [_pour(reader, far_writer), _pour(far_reader, writer)]
        with contextlib.closing(far_writer):
            await asyncio.gather(*ways)


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextlib.contextmanager
def _started(name: str, *arguments: str, port: int) -> Iterator[str]:
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if path is None:
        pytest.skip(f"{name} is not installed: nothing was tried with it")
    process = subprocess.Popen(
        [path, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        _wait_for(port, process)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.communicate()


def _wait_for(port: int, process: subprocess.Popen[str]) -> None:
    for _ in range(600):
        if process.poll() is not None:
            pytest.fail(f"it ended: {process.communicate()[0]}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    pytest.fail("it does not listen")


@contextlib.contextmanager
def squid(*settings: str) -> Iterator[str]:
    """A real squid, host:port. `settings`: lines of its configuration that say who may do what; `{folder}` is a folder
    that it can read."""
    # squid leaves root behind and can't look into the tests' own folders then.
    with tempfile.TemporaryDirectory(prefix="mostek-squid-") as name:
        folder, [port] = Path(name), free_ports(1)
        folder.chmod(0o777)
        (folder / "hosts").write_text("127.0.0.1 link.mostek.test\n")
        (folder / "login.py").write_text(
            "import sys, urllib.parse\nfor line in sys.stdin:\n"
            "    right = urllib.parse.unquote(line.strip()) == 'user p@ss'\n"
            "    print('OK' if right else 'ERR', flush=True)\n"
        )
        lines = (
            f"http_port 127.0.0.1:{port}",
            "pid_filename none",
            f"cache_log {folder}/cache.log",
            "access_log none",
            "cache deny all",
            "pinger_enable off",
            "cache_mem 1 MB",
            "max_filedescriptors 1024",
            f"coredump_dir {folder}",
            f"hosts_file {folder}/hosts",
            "dns_nameservers 127.0.0.1",
            "dns_timeout 1 seconds",
            "shutdown_lifetime 0 seconds",
            *(line.format(folder=folder, python=_system_python()) for line in settings),
        )
        (folder / "squid.conf").write_text("\n".join(lines) + "\n")
        with _started("squid", "-N", "-f", str(folder / "squid.conf"), port=port) as address:
            yield address


def _system_python() -> str:
    # One that is not below root's home, which squid can't enter.
    return shutil.which("python3", path="/usr/bin") or sys.executable


@contextlib.contextmanager
def tinyproxy(folder: Path, *settings: str) -> Iterator[str]:
    """A real tinyproxy, host:port."""
    [port] = free_ports(1)
    lines = (f"Port {port}", "Listen 127.0.0.1", "Timeout 600", "MaxClients 20", *settings)
    (folder / "tinyproxy.conf").write_text("\n".join(lines) + "\n")
    with _started("tinyproxy", "-d", "-c", str(folder / "tinyproxy.conf"), port=port) as address:
        yield address
