"""The doctor: what it says of each thing that can be wrong at a site."""

from __future__ import annotations

import builtins
import json
import re
import shutil
import socket
import string
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mostek.connector.companies import Company
from mostek.connector.doctor import CHECKS as ALL
from mostek.connector.doctor import Finding, Hub, Subject, erp, examined, machine, network, worst
from mostek.connector.doctor import hub as hub_checks
from mostek.connector.doctor import journal as journal_check
from mostek.connector.doctor import tls as tls_checks
from mostek.connector.doctor.examination import Check
from mostek.connector.doctor.report import write_zip
from mostek.connector.doctor.subject import idle_spans, subject_of
from mostek.connector.doctor.texts import CHECKS, TEXTS, Level
from mostek.connector.journal import Journal, JournalConfig, Trace
from mostek.connector.journal.tape import Tape
from mostek.link.v1.link_pb2 import Command

from .doctor_servers import (
    Authority,
    Serve,
    dated,
    forgetful,
    http2,
    over_tls,
    says,
    serving,
    tunnel,
)

Run = Callable[[Subject], Any]


def keys(run: Run, subject: Subject) -> list[str]:
    return [key for key, _ in run(subject)]


def only(run: Run, subject: Subject) -> tuple[str, str]:
    """The key of the one finding, and its text with its remedy."""
    ((key, parameters),) = list(run(subject))
    finding = Finding("stream", key, parameters)
    return key, f"{finding.text('en')} | {finding.remedy('en')}"


def site(link: str = "127.0.0.1:1", **hub: Any) -> Subject:
    return Subject(Path("none.toml"), Hub(link, **hub), patience=2.0)


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


# Texts


def names_in(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", TEXTS)
def test_every_text_is_there_in_both_languages_with_the_same_parameters(key: str) -> None:
    text = TEXTS[key]
    assert text.en
    assert text.pl
    assert names_in(text.en) == names_in(text.pl)
    assert names_in(text.en_do) == names_in(text.pl_do)
    assert bool(text.en_do) == bool(text.pl_do) == (text.level in {Level.WARNING, Level.FAILURE})


def test_every_text_is_said_and_every_said_text_is_there() -> None:
    folder = Path(machine.__file__).parent
    code = "".join(
        file.read_text(encoding="utf-8")
        for file in folder.glob("*.py")
        if not file.name.startswith("texts")
    )
    written = set(re.findall(r'"((?:[a-z]+[.-])+[a-z-]+)"', code)) | {"skipped", "crashed"}
    assert TEXTS.keys() - written == set()
    prefixes = {key.partition(".")[0] for key in TEXTS if "." in key}
    said = {key for key in written if key.partition(".")[0] in prefixes and key.count(".") == 1}
    assert {key for key in said if not key.endswith(("-", "json", "txt"))} <= TEXTS.keys() | {
        "outcomes.sqlite"
    }


def test_every_check_has_a_name_and_needs_what_comes_before() -> None:
    before = {"hub", "companies"}
    for check in ALL:
        assert check.name in CHECKS
        assert set(check.needs) <= before
        before.add(check.name)


# Order


def test_what_needs_a_check_that_failed_is_skipped_and_says_so() -> None:
    checks = [
        Check("route", lambda _: [("route.refused", {"hub": "h:1"})]),
        Check("tls", lambda _: [("tls.off", {})], needs=("route",)),
        Check("stream", lambda _: [("tls.off", {})], needs=("tls",)),
        Check("machine", lambda _: [("tls.off", {})]),
    ]
    found = list(examined(site(), checks))
    assert [finding.key for finding in found] == ["route.refused", "skipped", "skipped", "tls.off"]
    assert found[1].text("en") == "not looked at, because of: Route to the hub"
    assert found[1].text("pl") == "nie sprawdzono z powodu: Droga do huba"
    assert worst(found) == 2


def test_a_check_that_crashes_is_a_finding_and_the_others_go_on() -> None:
    def crash(_: Subject) -> Any:
        raise KeyError("a secret of somebody")

    found = list(examined(site(), [Check("route", crash), Check("machine", lambda _: [])]))
    assert [finding.key for finding in found] == ["crashed"]
    assert "secret" not in found[0].text("en")


@pytest.mark.parametrize(
    ("said", "code"),
    [(["tls.off"], 0), (["tls.off", "identity.none"], 1), (["identity.none", "hub.unknown"], 2)],
)
def test_the_exit_code_is_that_of_the_worst(said: Sequence[str], code: int) -> None:
    assert worst(Finding("machine", key) for key in said) == code


# Name, proxy, route


def test_a_name_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    key, text = only(network.name, site("link.example.com:443"))
    assert key == "name.unknown"
    assert "link.example.com does not resolve (Name or service not known)" in text


def test_behind_a_proxy_the_proxy_looks_names_up() -> None:
    subject = site("link.example.com:443", proxy="http://127.0.0.1:3128")
    assert keys(network.name, subject) == ["name.by-proxy"]


def test_a_closed_port_and_an_open_one() -> None:
    assert keys(network.route, site(closed_port())) == ["route.refused"]
    with serving(says(b"")) as address:
        assert keys(network.route, site(address)) == ["route.ok"]


def test_a_port_that_swallows_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: Any, **__: Any) -> Any:
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", silent)
    key, text = only(network.route, site("192.0.2.1:443"))
    assert key == "route.silent"
    assert "let the firewall allow outgoing TCP to 192.0.2.1:443" in text


HUB = "link.example.com:443"


@pytest.mark.parametrize(
    ("answer", "key", "words"),
    [
        (
            b"HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\nProxy-Authenticate: Basic realm=x\r\n\r\n",
            "proxy.login",
            "offers NTLM, Basic",
        ),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "proxy.refused", f"allow CONNECT to {HUB}"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "proxy.refused", "HTTP 502"),
        (b"\x05\xff", "proxy.strange", "does not answer like an HTTP proxy"),
        (b"", "proxy.strange", "does not answer like an HTTP proxy"),
    ],
)
def test_a_proxy_that_refuses(
    secret: Callable[[str], str], answer: bytes, key: str, words: str
) -> None:
    password = secret("proxy password")
    with serving(says(answer)) as address:
        found, text = only(network.proxy, site(HUB, proxy=f"http://user:{password}@{address}"))
    assert found == key
    assert words in text
    assert password not in text


def test_a_proxy_that_is_not_there_and_one_that_lets_through() -> None:
    assert keys(network.proxy, site(HUB, proxy=f"http://{closed_port()}")) == ["proxy.unreachable"]
    asked: list[bytes] = []
    with serving(says(b"")) as target, serving(tunnel(asked)) as proxy:
        # The hub of a test is on this machine, which is never reached through a proxy.
        connection = network._through(f"http://us%40er:pw@{proxy}", target, 2.0)
        connection.close()
    assert b"Proxy-Authorization: Basic dXNAZXI6cHc=\r\n" in asked[0]


def test_no_proxy_and_an_unusable_one() -> None:
    assert keys(network.proxy, site()) == ["proxy.none"]


# Idle


def test_how_long_a_silent_connection_lives_is_measured() -> None:
    with serving(http2()) as target:
        subject = site(target)
        subject.idle = [0.05, 0.1]
        assert only(network.idle, subject)[0] == "idle.ok"
        with serving(forgetful(target, 0.4)) as address:
            subject = site(address)
            subject.idle = [0.05, 1.0]
            key, text = only(network.idle, subject)
    assert key == "idle.cut-early"
    assert "between 0.05 and 1 s" in text


def test_a_cut_that_heartbeats_prevent_is_no_trouble() -> None:
    assert network._cut([15.0, 60.0], [True, False])[0] == "idle.cut"
    assert network._cut([5.0, 60.0], [True, False])[0] == "idle.cut-early"


def test_idle_is_not_measured_unless_asked_for() -> None:
    assert keys(network.idle, site()) == ["not-asked"]
    assert idle_spans(0) == []
    assert idle_spans(45) == [15.0, 30.0, 45]


# TLS


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "Mostek")


def seen(serve: Serve, ca: Path) -> list[tuple[str, str]]:
    with serving(serve) as address:
        subject = site(address, tls=True, ca=ca)
        found = [Finding("tls", key, said) for key, said in tls_checks.tls(subject)]
    return [(finding.key, f"{finding.text('en')} | {finding.remedy('en')}") for finding in found]


def test_a_hub_that_is_believed(authority: Authority) -> None:
    found = seen(over_tls(authority.certificate("127.0.0.1"), "h2"), authority.file)
    assert [key for key, _ in found] == ["tls.ok", "alpn.ok"]
    assert "Mostek Root" in found[0][1]


def test_an_interceptor_is_named(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path, "Zscaler")
    found = seen(over_tls(other.certificate("127.0.0.1"), "h2"), authority.file)
    assert [key for key, _ in found] == ["tls.intercepted", "alpn.ok"]
    assert "intercepted by Zscaler Root, Zscaler" in found[0][1]
    assert "exempted from TLS inspection" in found[0][1]


@pytest.mark.parametrize(
    ("since", "until", "key"),
    [(-90, -1, "tls.expired"), (1, 90, "tls.not-yet"), (-80, 5, "tls.ends-soon")],
)
def test_dates_of_the_hubs_certificate(
    authority: Authority, since: float, until: float, key: str
) -> None:
    file = authority.certificate("127.0.0.1", since=since, until=until)
    assert key in [found for found, _ in seen(over_tls(file, "h2"), authority.file)]


def test_a_certificate_for_another_name(authority: Authority) -> None:
    found = seen(over_tls(authority.certificate("hub.example.com"), "h2"), authority.file)
    assert found[0][0] == "tls.other-name"
    assert "is for hub.example.com, not for 127.0.0.1" in found[0][1]


@pytest.mark.parametrize(("protocols", "said"), [((), "answers - to"), (("http/1.1",), "http/1.1")])
def test_a_middlebox_that_strips_http2(
    authority: Authority, protocols: tuple[str, ...], said: str
) -> None:
    found = seen(over_tls(authority.certificate("127.0.0.1"), *protocols), authority.file)
    assert found[-1][0] == "alpn.missing"
    assert said in found[-1][1]


def test_something_else_answers() -> None:
    with serving(says(b"SSH-2.0-OpenSSH_9.2\r\n")) as address:
        assert only(tls_checks.tls, site(address, tls=True))[0] == "tls.none"


@pytest.mark.parametrize(
    ("since", "until", "key"),
    [
        (-1, 90, "identity.ok"),
        (-90, -1, "identity.expired"),
        (1, 90, "identity.not-yet"),
        (-80, 5, "identity.ends-soon"),
    ],
)
def test_dates_of_the_connectors_own_certificate(
    authority: Authority, since: float, until: float, key: str
) -> None:
    file = authority.certificate("spiffe://t/acme", since=since, until=until)
    found, text = only(tls_checks.identity, site(tls=True, identity=file))
    assert found == key
    assert "PRIVATE" not in text


def test_an_identity_that_is_not_there_or_broken(tmp_path: Path) -> None:
    assert keys(tls_checks.identity, site(tls=True)) == ["identity.none"]
    (tmp_path / "x.pem").write_text("no certificate")
    subject = site(tls=True, identity=tmp_path / "x.pem")
    assert keys(tls_checks.identity, subject) == ["identity.unreadable"]


def test_without_a_certificate_no_stream_is_tried() -> None:
    assert keys(hub_checks.stream, site(tls=True)) == ["skipped"]


def test_a_stream_that_is_no_hubs() -> None:
    with serving(says(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as address:
        assert only(hub_checks.stream, site(address))[0] == "stream.broken"


def test_a_stream_that_is_swallowed() -> None:
    with serving(http2()) as address:
        subject = site(address)
        subject.patience = 0.5
        assert only(hub_checks.stream, subject)[0] == "stream.silent"


# Clock and version


@pytest.mark.parametrize(
    ("off", "key"),
    [(0, "clock.ok"), (-10, "clock.ok"), (90, "clock.skewed"), (-4000, "clock.wrong")],
)
def test_the_clock_is_held_against_the_hubs(off: float, key: str) -> None:
    with serving(dated(off)) as address:
        assert keys(hub_checks.api, site(api=address))[0] == key


def test_another_version_is_told() -> None:
    with serving(dated(0, "mostek-hub/9.9")) as address:
        said = dict(hub_checks.api(site(api=address)))
    assert said["version.other"]["hub"] == "9.9"
    with serving(dated(0, "nginx")) as address:
        assert keys(hub_checks.api, site(api=address)) == ["clock.ok"]
    assert keys(hub_checks.api, site(api=closed_port())) == ["api.unreachable"]


# Machine and configuration


def test_what_is_wrong_with_the_file_is_told_and_the_hub_is_still_looked_for(
    tmp_path: Path,
) -> None:
    file = tmp_path / "connector.toml"
    file.write_text(
        '[hub]\nlink = "127.0.0.1:7444"\ninsecure = true\n[connector]\nname = "Acme Ltd"\n'
    )
    subject = subject_of(file)
    identity = tmp_path / "state" / "identity.pem"
    assert subject.hub == Hub("127.0.0.1:7444", identity=identity)
    assert keys(machine.configuration, subject) == ["config.mistake", "config.mistake"]


def test_a_log_is_left_out_of_the_support_file_while_the_secrets_are_not_known(
    tmp_path: Path,
) -> None:
    log, archive = tmp_path / "log", tmp_path / "support.zip"
    log.write_text("a password in the log\n", encoding="utf-8")
    (tmp_path / "connector.toml").write_text("[connector]\n", encoding="utf-8")
    write_zip(archive, subject_of(tmp_path / "connector.toml"), [], log)
    with zipfile.ZipFile(archive) as opened:
        assert "log-left-out.txt" in opened.namelist()
        assert all(b"a password" not in opened.read(name) for name in opened.namelist())


def test_a_secure_hub_is_examined_with_the_connectors_own_certificate(tmp_path: Path) -> None:
    (tmp_path / "connector.toml").write_text(
        '[hub]\nlink = "link.example.com:443"\napi = "api.example.com:443"\n[connector]\nstate = "kept"\n',
        encoding="utf-8",
    )
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "hub-ca.pem").touch()
    hub = subject_of(tmp_path / "connector.toml").hub
    assert hub is not None
    assert (hub.tls, hub.api) == (True, "api.example.com:443")
    assert hub.ca == tmp_path / "kept" / "hub-ca.pem"
    assert hub.identity == tmp_path / "kept" / "identity.pem"


def test_before_enrolment_the_hub_may_be_given(tmp_path: Path) -> None:
    subject = subject_of(tmp_path / "none.toml", Hub("hub.example.com:443", tls=True))
    assert subject.hub == Hub("hub.example.com:443", tls=True)
    assert keys(machine.configuration, subject) == ["config.none"]
    nothing = subject_of(tmp_path / "none.toml", Hub(""))
    assert keys(machine.configuration, nothing) == ["config.none", "hub.unknown"]


@pytest.mark.parametrize(("free", "key"), [(50, "disk.full"), (500, "disk.low"), (9000, "disk.ok")])
def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch, free: int, key: str) -> None:
    usage = SimpleNamespace(free=free * 1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert keys(machine.machine, site())[-1] == key


# Journal


async def site_with_journal(folder: Path) -> Subject:
    """Its state folder has a journal of two commands."""
    journal = Journal.open(folder / "state", JournalConfig(), {})
    for number in ("c1", "c2"):
        await journal.commit(Trace(Command(command_id=number, operation="ListCustomers")))
    journal.close()
    (folder / "connector.toml").write_text(
        f'[hub]\nlink = "127.0.0.1:1"\ninsecure = true\n[connector]\nname = "acme"\n{DEMO}'
    )
    return subject_of(folder / "connector.toml")


DEMO = '[companies.main]\nplugin = "subiekt-gt"\n[companies.main.database]\nkind = "sqlite"\npath = "erp"\n'


async def test_a_whole_journal_is_told_with_its_head(tmp_path: Path) -> None:
    subject = await site_with_journal(tmp_path)
    [(key, parameters)] = journal_check.journal(subject)
    assert key == "journal.ok"
    assert parameters["count"] == 5
    assert str(parameters["head"]).startswith("5:")


async def test_a_journal_that_was_changed_is_a_failure(tmp_path: Path) -> None:
    subject = await site_with_journal(tmp_path)
    [file] = (subject.state / "journal").iterdir()
    file.write_bytes(file.read_bytes().replace(b'"c1"', b'"c3"'))
    key, said = only(journal_check.journal, subject)
    assert key == "journal.fault"
    assert "line 3: entry 3 is not what its hash says" in said


async def test_a_disk_without_room_for_the_journal_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = await site_with_journal(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=99_000_000))
    assert keys(journal_check.journal, subject) == ["journal.ok", "journal.full"]


async def test_a_journal_that_is_kept_shorter_than_meant_is_told(tmp_path: Path) -> None:
    subject = await site_with_journal(tmp_path)
    tape = Tape.open(subject.state / "journal", {}, [])
    tape.write([{"event": "deleted", "reason": "size", "until": 1, "until_hash": "0" * 64}])
    tape.close()
    assert keys(journal_check.journal, subject) == ["journal.ok", "journal.short"]


def test_a_site_without_a_journal_is_told(tmp_path: Path) -> None:
    assert keys(journal_check.journal, Subject(tmp_path / "none.toml")) == ["journal.none"]


async def test_the_support_file_has_the_journals_head_and_no_entry(tmp_path: Path) -> None:
    subject = await site_with_journal(tmp_path)
    write_zip(tmp_path / "support.zip", subject, [], None)
    with zipfile.ZipFile(tmp_path / "support.zip") as opened:
        state = json.loads(opened.read("state.json"))
        assert all(b'"c1"' not in opened.read(name) for name in opened.namelist())
    assert (state["journal"]["number"], state["journal"]["faults"]) == (5, 0)
    assert len(state["journal"]["hash"]) == 64
    assert "journal/journal-000000000001.ndjson" in state["files"]


# ODBC, rights


def test_a_missing_odbc_manager_is_told_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = builtins.__import__

    def without(name: str, *args: Any) -> Any:
        if name == "pyodbc":
            raise ImportError("libodbc.so.2: cannot open shared object file")
        return original(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    subject = site()
    subject.drivers = {"main": "ODBC Driver 18 for SQL Server"}
    monkeypatch.setattr(sys, "platform", "linux")
    key, text = only(erp.odbc, subject)
    assert key == "odbc.no-manager"
    assert "libodbc.so.2" in text
    assert "apt-get install unixodbc" in text


def test_a_missing_driver_is_told_with_those_that_are_there() -> None:
    pytest.importorskip("pyodbc", exc_type=ImportError)
    subject = site()
    subject.drivers = {"main": "No Such Driver"}
    assert only(erp.odbc, subject)[0] == "odbc.no-driver"
    assert keys(erp.odbc, site()) == ["odbc.not-needed"]


def test_a_company_that_is_closed_hides_nothing_of_the_others() -> None:
    plugin: Any = SimpleNamespace()
    subject = site()
    subject.companies = [Company(name, "test", plugin) for name in ("one", "two")]
    checks = [
        Check("database", lambda _: [("database.none", {"company": "x"})], apart=True),
        Check("rights", lambda _: [("rights.sandbox", {"company": "x"})], needs=("database",)),
    ]
    subject.closed = {"one"}
    assert [finding.key for finding in examined(subject, checks)][-1] == "rights.sandbox"
    subject.closed = {"one", "two"}
    assert [finding.key for finding in examined(subject, checks)][-1] == "skipped"
