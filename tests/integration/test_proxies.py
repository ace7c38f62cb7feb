"""HTTP proxies between connector and hub: what passes, and what an administrator reads when nothing does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from chaos.processes import free_ports
from mostek.connector import link as link_module
from mostek.connector import probe
from mostek.connector.journal import Journal
from mostek.connector.link import Session
from mostek.connector.runner import Runner
from mostek.erp.v1.customer_pb2 import GetCustomerRequest, ListCustomersRequest
from mostek.link.v1.link_pb2 import Hello

from .proxies import HUB, Proxy, squid, tinyproxy
from .secure import Secure, secure_hub

SECRET = "s3cret-pass"
#: An address of this machine that is not written as one: tinyproxy takes names from the system.
TINY = "127.1"
#: No command comes that would need to be run.
NOBODY = cast(Runner, None)
NO_JOURNAL = cast(Journal, None)
NTLM = b"HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\nProxy-Authenticate: Negotiate\r\n\r\n"
BASIC = (
    b'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="x"\r\nProxy-Authenticate: NTLM\r\n\r\n'
)
PAGE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 19\r\n\r\n<html>login</html>\n"
)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
        "HTTP_PROXY",
        "http_proxy",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(link_module, "WELCOME_WITHIN", 1.0)
    monkeypatch.setattr(probe, "_WITHIN", 0.5)


async def reason(proxy: str, link: str = HUB) -> str:
    """What a connector logs that dials once, and can't."""
    hello = Hello(revision=1, connector="acme", instance="i", slots=1)
    with capture_logs() as logs:
        async with asyncio.timeout(10):
            await Session(link, proxy, hello, NOBODY, NO_JOURNAL).run()
    assert SECRET not in str(logs)
    [line] = [line for line in logs if line["event"] == "connection to the hub failed"]
    return str(line["reason"])


async def told(answer: bytes, *, login: str = "", hold: float = 0.0) -> str:
    """The same, with a proxy of ours that answers CONNECT like that; its address replaced by PROXY."""
    async with Proxy(HUB, answer=answer, hold=hold).running() as address:
        return (await reason(f"http://{login}{address}")).replace(address, "PROXY")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Secure]:
    """A hub with TLS, by the names that proxies are asked for: without TLS a connector dials this machine only."""
    async with secure_hub(tmp_path, names=f"{HUB.partition(':')[0]},{TINY}") as secure:
        yield secure


async def passes(world: Secure, proxy: str, link: str = HUB) -> None:
    """A call goes through a proxy, and a large answer."""
    dial = await world.enrolled()
    dial.link, dial.proxy = link, SecretStr(proxy)
    async with world.connector(dial=dial):
        acme = world.client.connector("acme")
        assert (await acme.GetCustomer(GetCustomerRequest(id="7"))).customer.id == "7"
        large = await acme.ListCustomers(ListCustomersRequest(text="large"))
        assert len(large.customers[0].name) == 3_000_000


async def test_a_call_goes_through_a_proxy_that_resolves_the_hubs_name(world: Secure) -> None:
    proxy = Proxy(world.addresses.link)
    async with proxy.running() as address:
        await passes(world, f"http://{address}")
    assert proxy.asked == [HUB]


async def test_a_call_goes_through_a_proxy_that_wants_a_password(world: Secure) -> None:
    async with Proxy(world.addresses.link, login="user:p@ss:w%rd").running() as address:
        await passes(world, f"http://user:p%40ss%3Aw%25rd@{address}")


async def test_a_proxy_that_refuses_the_password_is_told_from_one_that_wants_one(
    world: Secure,
) -> None:
    async with Proxy(world.addresses.link, login="user:right").running() as address:
        wrong = await reason(f"http://user:{SECRET}@{address}")
        none = await reason(f"http://{address}")
    assert wrong == (
        f"The proxy {address} refuses the user or the password in hub.proxy: correct them (HTTP 407)."
    )
    assert none == (
        f"The proxy {address} wants a user and a password: "
        'set hub.proxy = "http://user:password@host:port" (HTTP 407).'
    )


@pytest.mark.parametrize("login", ["", f"user:{SECRET}@"])
async def test_a_proxy_that_takes_only_ntlm_says_so_and_what_to_do(login: str) -> None:
    assert await told(NTLM, login=login) == (
        "The proxy PROXY takes only NTLM and Negotiate, and the connector speaks only Basic: ask its administrator "
        "to let the connector through without a login, or run a relay that speaks them (px, cntlm) beside the "
        'connector and set hub.proxy = "http://127.0.0.1:3128" (HTTP 407).'
    )


async def test_a_proxy_that_takes_basic_and_ntlm_wants_a_password() -> None:
    assert "wants a user and a password" in await told(BASIC)


STATUSES = {
    "403 Forbidden": f"does not allow a tunnel to {HUB}: ask its administrator to allow CONNECT to it (HTTP 403).",
    "405 Method Not Allowed": (
        "makes no tunnels: check that hub.proxy names an HTTP proxy that allows CONNECT (HTTP 405)."
    ),
    "502 Bad Gateway": (
        f"could not reach {HUB}: check hub.link, and ask its administrator whether it can resolve that name and may "
        "connect to it (HTTP 502)."
    ),
    "504 Gateway Timeout": (
        f"could not reach {HUB}: check hub.link, and ask its administrator whether it can resolve that name and may "
        "connect to it (HTTP 504)."
    ),
    "302 Found": (
        "answers with a web page instead of a tunnel, which most likely wants somebody to log in or to agree: ask "
        f"its administrator to exempt {HUB} (HTTP 302)."
    ),
    "418 Teapot": (
        "answered in a way that is not understood: ask its administrator what it means (HTTP 418)."
    ),
}


@pytest.mark.parametrize("status", STATUSES)
async def test_a_refusal_says_who_refused_and_what_to_do(status: str) -> None:
    answer = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()
    assert await told(answer) == f"The proxy PROXY {STATUSES[status]}"


@pytest.mark.parametrize("answer", [PAGE, b"HTTP/1.1 200 OK\r\n\r\n<html></html>"])
async def test_a_proxy_that_shows_a_page_instead_is_told(answer: bytes) -> None:
    assert await told(answer, hold=2) == (
        "The proxy PROXY answers with a web page instead of a tunnel, which most likely wants somebody to log in or "
        f"to agree: ask its administrator to exempt {HUB}."
    )


async def test_a_proxy_that_hangs_is_told() -> None:
    assert await told(b"", hold=9) == (
        "The proxy PROXY takes connections and does not answer within 0.5 s: ask its administrator whether it can "
        f"reach {HUB}."
    )


async def test_a_proxy_that_closes_is_told() -> None:
    assert await told(b"") == (
        "The proxy PROXY closes the connection without an answer: ask its administrator whether this machine may use "
        f"it, and CONNECT to {HUB} is allowed."
    )


async def test_a_proxy_that_closes_the_tunnel_at_once_is_told() -> None:
    assert "made a tunnel to link.mostek.test:443 and closed it at once" in await told(
        b"HTTP/1.1 200 OK\r\n\r\n"
    )


@pytest.mark.parametrize("answer", [b"220 mail ESMTP\r\n", b"\x00" * 100_000, b"SSH-2.0-x\r\n\r\n"])
async def test_what_is_no_proxy_is_told(answer: bytes) -> None:
    assert await told(answer) == (
        "What answers at PROXY is no HTTP proxy: check the port in hub.proxy."
    )


async def test_a_proxy_where_nothing_listens_is_told() -> None:
    [port] = free_ports(1)
    said = await reason(f"http://user:{SECRET}@127.0.0.1:{port}")
    assert said.startswith(f"Nothing takes connections at the proxy 127.0.0.1:{port} (")
    assert said.endswith("): check hub.proxy, and whether it runs.")


async def test_a_proxy_whose_name_is_not_known_is_told() -> None:
    assert await reason(f"http://user:{SECRET}@proxy.invalid:3128") == (
        "The name of the proxy proxy.invalid:3128 is not known here: check hub.proxy, and this machine's DNS."
    )


async def test_a_failure_behind_a_proxy_that_lets_through_keeps_its_words(world: Secure) -> None:
    async with Proxy(world.addresses.http).running() as address:
        said = await reason(f"http://{address}")
    assert said.endswith(f"(through the proxy {address})")


async def test_the_variable_that_names_the_proxy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
    assert "check HTTPS_PROXY, and" in await reason("")


async def test_a_variable_that_can_not_be_used_is_told_and_not_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("https_proxy", f"https://user:{SECRET}@proxy:3128")
    assert await reason("") == (
        "https_proxy must begin with http://; TLS to the proxy itself is not spoken"
    )


OPEN = ("http_access allow all",)
LOGIN = (
    "auth_param basic program {python} {folder}/login.py",
    "auth_param basic children 1",
    "acl known proxy_auth REQUIRED",
    "http_access allow known",
    "http_access deny all",
)
# The helper never says yes: only what squid asks for matters.
ONLY_NTLM = (
    "auth_param ntlm program {python} {folder}/login.py",
    "auth_param ntlm children 1",
    "auth_param negotiate program {python} {folder}/login.py",
    "auth_param negotiate children 1",
    *LOGIN[2:],
)


def at(world: Secure) -> str:
    """The hub under a name that squid knows, and its real port."""
    return "link.mostek.test:" + world.addresses.link.rpartition(":")[2]


async def test_a_call_goes_through_squid(world: Secure) -> None:
    with squid(*OPEN) as address:
        await passes(world, f"http://{address}", at(world))


async def test_a_call_goes_through_squid_with_a_password(world: Secure) -> None:
    with squid(*LOGIN) as address:
        await passes(world, f"http://user:p%40ss@{address}", at(world))
        assert "refuses the user or the password" in await reason(
            f"http://user:{SECRET}@{address}", at(world)
        )
        assert "wants a user and a password" in await reason(f"http://{address}", at(world))


async def test_squid_that_wants_ntlm_is_told(world: Secure) -> None:
    with squid(*ONLY_NTLM) as address:
        said = await reason(f"http://user:{SECRET}@{address}", at(world))
    assert said.startswith(f"The proxy {address} takes only NTLM and Negotiate, and the connector")


async def test_squid_that_refuses_or_can_not_reach_the_hub_is_told(world: Secure) -> None:
    with squid("http_access deny all") as address:
        said = await reason(f"http://{address}", at(world))
    assert said.startswith(f"The proxy {address} does not allow a tunnel to link.mostek.test:")
    with squid(*OPEN) as address:
        said = await reason(f"http://{address}", f"link.mostek.test:{free_ports(1)[0]}")
    assert said.startswith(f"The proxy {address} could not reach link.mostek.test:")


def behind(world: Secure) -> str:
    return f"{TINY}:" + world.addresses.link.rpartition(":")[2]


async def test_a_call_goes_through_tinyproxy(world: Secure, tmp_path: Path) -> None:
    with tinyproxy(tmp_path) as address:
        await passes(world, f"http://{address}", behind(world))


async def test_a_call_goes_through_tinyproxy_with_a_password(world: Secure, tmp_path: Path) -> None:
    with tinyproxy(tmp_path, "BasicAuth user right") as address:
        await passes(world, f"http://user:right@{address}", behind(world))
        assert "refuses the user or the password" in await reason(
            f"http://user:{SECRET}@{address}", behind(world)
        )


async def test_tinyproxy_that_refuses_is_told(world: Secure, tmp_path: Path) -> None:
    with tinyproxy(tmp_path, "ConnectPort 443") as address:
        said = await reason(f"http://{address}", behind(world))
    assert said.startswith(f"The proxy {address} does not allow a tunnel to 127.1:")
