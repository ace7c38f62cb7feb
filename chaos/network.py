"""Where the two sides are: both on loopback, or, as root, the customer behind a firewall and NAT of its own.

hub's namespace ── 198.51.100.0/24 ── router: default-deny, masquerade ── 10.99.0.0/24 ── customer's namespace
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

__all__ = ["Loopback", "Namespaces", "Network", "NotPossible", "namespaces"]

T = TypeVar("T")

_HUB, _ROUTER_OUTSIDE = "198.51.100.2", "198.51.100.1"
_CUSTOMER, _ROUTER_INSIDE = "10.99.0.2", "10.99.0.1"
_NEEDED = ("ip", "nft", "sysctl", "conntrack")
_CLONE_NEWNET = 0x40000000
_RULES = """
table ip firewall {
    chain passing {
        type filter hook forward priority 0; policy drop;
        ct state invalid drop
        iifname "inside" oifname "outside" accept
        iifname "outside" oifname "inside" ct state established,related accept
    }
    chain arriving { type filter hook input priority 0; policy drop; }
    chain leaving {
        type nat hook postrouting priority 100;
        oifname "outside" masquerade
    }
}
"""


class NotPossible(Exception):
    """Why there are no namespaces here."""


class Network(Protocol):
    """How the customer's side reaches the hub's."""

    #: Where connectors find the hub.
    hub: str

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command, run at the customer's."""
        ...


class Loopback:
    """Both sides on this machine."""

    hub = "127.0.0.1"

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command itself."""
        return list(command)


class Namespaces:
    """The customer's side in a namespace that lets connections out, and none in. This process is on the hub's side."""

    hub = _HUB

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command, run in the customer's namespace."""
        return ["ip", "netns", "exec", self._names["customer"], *command]

    def reachable(self) -> bool:
        """Whether the hub's side can open a connection to one who listens at the customer's."""
        door = _within(self._names["customer"], lambda: socket.create_server((_CUSTOMER, 0)))
        with door, contextlib.suppress(OSError):
            socket.create_connection(door.getsockname()[:2], timeout=1.0).close()
            return True
        return False

    # Faults; each is over when its method returns.

    async def drop(self, seconds: float) -> None:
        """The firewall drops all that passes, and tells nobody."""
        await asyncio.to_thread(self._router, "nft", "insert", *_PASSING, "drop")
        try:
            await asyncio.sleep(seconds)
        finally:
            await asyncio.to_thread(self._undrop)

    def _undrop(self) -> None:
        listed = self._router("nft", "-a", "list", "chain", "ip", "firewall", "passing")
        for line in listed.splitlines():
            rule, _, handle = line.strip().partition(" # handle ")
            if rule == "drop":
                self._router("nft", "delete", *_PASSING, "handle", handle)

    async def forget(self, seconds: float) -> None:
        """The router forgets all connections: of what they send from now on nothing arrives."""
        await asyncio.to_thread(self._router, "conntrack", "-F")

    def _router(self, *command: str) -> str:
        return _run("ip", "netns", "exec", self._names["router"], *command)


_PASSING = ("rule", "ip", "firewall", "passing")


@contextlib.contextmanager
def namespaces() -> Iterator[Namespaces]:
    """Make them, and move this process into the hub's. Raises NotPossible."""
    _check()
    _remove_orphans()
    names = {side: f"mostek-{os.getpid()}-{side}" for side in ("hub", "router", "customer")}
    with contextlib.ExitStack() as ending:
        for name in names.values():
            try:
                _run("ip", "netns", "add", name)
            except subprocess.CalledProcessError as error:
                raise NotPossible(error.stderr.strip()) from None
            ending.callback(_delete, name)
        _connect(names)
        before = ending.enter_context(Path("/proc/self/ns/net").open("rb"))
        _enter(names["hub"])
        ending.callback(_set_namespace, before.fileno())
        yield Namespaces(names)


def _check() -> None:
    if os.name != "posix" or os.geteuid() != 0:
        raise NotPossible("it needs root")
    if missing := [name for name in _NEEDED if shutil.which(name) is None]:
        raise NotPossible(f"not installed: {', '.join(missing)}")


def _remove_orphans() -> None:
    """Those of runs that were killed."""
    folder = Path("/run/netns")
    for name in [path.name for path in folder.glob("mostek-*")] if folder.exists() else ():
        pid = name.split("-")[1]
        if not Path(f"/proc/{pid}").exists():
            _delete(name)


def _delete(name: str) -> None:
    subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def _connect(names: dict[str, str]) -> None:
    hub, router, customer = (f"-n {names[side]}" for side in ("hub", "router", "customer"))
    lines = (
        f"link add outside netns {names['router']} type veth peer name uplink netns {names['hub']}",
        f"link add inside netns {names['router']} type veth peer name uplink netns {names['customer']}",
        f"{hub} address add {_HUB}/24 dev uplink",
        f"{router} address add {_ROUTER_OUTSIDE}/24 dev outside",
        f"{router} address add {_ROUTER_INSIDE}/24 dev inside",
        f"{customer} address add {_CUSTOMER}/24 dev uplink",
        *(f"-n {name} link set lo up" for name in names.values()),
        *(f"{side} link set uplink up" for side in (hub, customer)),
        *(f"{router} link set {link} up" for link in ("inside", "outside")),
        f"{customer} route add default via {_ROUTER_INSIDE}",
        # Only the firewall is to keep the hub's side out, not a route that is missing.
        f"{hub} route add 10.99.0.0/24 via {_ROUTER_OUTSIDE}",
    )
    for line in lines:
        _run("ip", *line.split())
    within = ("ip", "netns", "exec", names["router"])
    # What the router does not remember it does not pick up in the middle.
    for setting in ("net.ipv4.ip_forward=1", "net.netfilter.nf_conntrack_tcp_loose=0"):
        _run(*within, "sysctl", "-q", "-w", setting)
    _run(*within, "nft", "-f", "-", given=_RULES)


def _run(*command: str, given: str = "") -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    return done.stdout


def _enter(name: str) -> None:
    with Path(f"/run/netns/{name}").open("rb") as file:
        _set_namespace(file.fileno())


def _set_namespace(descriptor: int) -> None:
    """Of this thread, and of all that it starts."""
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _within(name: str, make: Callable[[], T]) -> T:
    """What is made in a namespace, by a thread that enters it and ends there."""
    made: list[T] = []

    def enter_and_make() -> None:
        _enter(name)
        made.append(make())

    thread = threading.Thread(target=enter_and_make)
    thread.start()
    thread.join()
    return made[0]
