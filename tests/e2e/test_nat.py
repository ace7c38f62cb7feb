"""A real NAT between site and hub: three network namespaces, nftables, connection tracking that forgets after 2 s."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mostek_subiekt.sandbox import create

BIN = Path(sys.executable).parent
FORGETS_AFTER = 2
NAMES = ("site", "nat", "cloud")
RULES = """table ip office {
  chain leaving { type nat hook postrouting priority 100; masquerade; }
  chain passing {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    ct state new iifname "inside" accept
  }
}"""
#: Hub and connector use their own machine's loopback; this carries the stream between the machines.
RELAY = """
import asyncio, sys
async def pour(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()
async def serve(reader, writer):
    far_reader, far_writer = await asyncio.open_connection(*sys.argv[2].split(":"))
    await asyncio.gather(pour(reader, far_writer), pour(far_reader, writer))
async def main():
    await (await asyncio.start_server(serve, *sys.argv[1].split(":"))).serve_forever()
asyncio.run(main())
"""


def run(*command: str, **more: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True, **more)  # type: ignore[call-overload]
    return str(done.stdout)


class Office:
    """A site behind a NAT, a hub beyond it, and the processes on both sides."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        create(folder / "erp.sqlite", customers=50, products=50, invoices=50)
        (folder / "connector.toml").write_text(
            '[hub]\nlink = "127.0.0.1:7444"\n[connector]\nname = "acme"\n'
            '[companies.main]\nplugin = "subiekt-gt"\n[companies.main.database]\nkind = "sqlite"\n'
            f"path = {json.dumps(str(folder / 'erp.sqlite'))}\n",
            encoding="utf-8",
        )

    def space(self, name: str) -> str:
        return f"mostek-{name}-{os.getpid()}"

    def within(self, name: str, *command: str, **more: str) -> str:
        return run("ip", "netns", "exec", self.space(name), *command, **more)

    def build(self) -> None:
        for name in NAMES:
            run("ip", "netns", "add", self.space(name))
            run("ip", "-n", self.space(name), "link", "set", "lo", "up")
        for name, inner, net in (("site", "inside", "10.77.1"), ("cloud", "outside", "10.77.2")):
            self._wire(name, inner, net)
        run("ip", "-n", self.space("site"), "route", "add", "default", "via", "10.77.1.1")
        self.within("nat", "nft", "-f", "-", input=RULES)
        for setting, value in (
            ("ipv4/ip_forward", 1),
            ("netfilter/nf_conntrack_tcp_timeout_established", FORGETS_AFTER),
            ("netfilter/nf_conntrack_tcp_loose", 0),
        ):
            self.within("nat", "sh", "-c", f"echo {value} > /proc/sys/net/{setting}")

    def _wire(self, name: str, inner: str, net: str) -> None:
        there, nat = self.space(name), self.space("nat")
        run(*f"ip -n {nat} link add {inner} type veth peer name eth0 netns {there}".split())
        for space, device, host in ((nat, inner, 1), (there, "eth0", 2)):
            run("ip", "-n", space, "addr", "add", f"{net}.{host}/24", "dev", device)
            run("ip", "-n", space, "link", "set", device, "up")

    def remove(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        for name in NAMES:
            with contextlib.suppress(subprocess.CalledProcessError):
                run("ip", "netns", "del", self.space(name))

    def start(self) -> None:
        """Hub and connector, and what carries the stream."""
        python = sys.executable
        self._start("cloud", str(BIN / "mostek-hub"), "serve")
        self._start("cloud", python, "-c", RELAY, "10.77.2.2:7444", "127.0.0.1:7444")
        self._start("site", python, "-c", RELAY, "127.0.0.1:7444", "10.77.2.2:7444")
        config = str(self.folder / "connector.toml")
        self._start("site", str(BIN / "mostek-connector"), "run", "-c", config)

    def _start(self, name: str, *command: str) -> None:
        with (self.folder / f"{Path(command[0]).name}.log").open("ab") as log:
            process = subprocess.Popen(
                ["ip", "netns", "exec", self.space(name), *command],
                cwd=self.folder,
                env={**os.environ, "MOSTEK_HUB_HEARTBEAT_INTERVAL": "1"},
                stdout=log,
                stderr=log,
            )
        self._processes.append(process)

    def sessions(self) -> int:
        """Sessions that were opened so far."""
        log = (self.folder / "mostek-hub.log").read_text(encoding="utf-8")
        return log.count('"session opened"')

    def answers(self) -> bool:
        """Whether a call goes all the way."""
        call = ("call", "acme", "ListCustomers", "page_size=1", "--timeout", "5")
        with contextlib.suppress(subprocess.CalledProcessError):
            self.within("cloud", str(BIN / "mostek"), *call)
            return True
        return False


def until(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.2)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    missing = [tool for tool in ("ip", "nft", "conntrack") if shutil.which(tool) is None]
    if os.geteuid() != 0 or missing:
        pytest.skip(
            f"needs root and ip, nft, conntrack (missing: {missing}): no real NAT was tried"
        )
    made = Office(tmp_path)
    try:
        try:
            made.build()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network namespaces here ({error.stderr}): no real NAT was tried")
        yield made
    finally:
        made.remove()


def test_heartbeats_keep_a_flow_through_a_nat_and_a_lost_one_is_replaced(office: Office) -> None:
    office.start()
    until(office.answers, 30)
    time.sleep(1.5 * FORGETS_AFTER)
    assert office.answers()
    assert office.sessions() == 1
    office.within("nat", "conntrack", "-F")
    until(lambda: office.sessions() == 2, 20)
    until(office.answers, 5)
