"""What enrolment leaves at a site, without a hub."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mostek.connector import site
from mostek.connector.cli import app
from mostek.connector.companies import load
from mostek.connector.enrolment import Enrolled
from mostek.connector.hub_api import Refused
from mostek.connector.identity import Identity, IdentityError, new_key, write_private
from mostek.connector.renewal import due_at
from mostek.hub.pki.authority import Authority, pem
from mostek.wire.trust import EnrolmentToken, InstanceId

TOKEN = EnrolmentToken("api.example.com:443", b"p" * 32, b"s" * 20)
DAY = 86400


def enrolled(name: str = "acme") -> Enrolled:
    authority, key = Authority.made(time.time()), new_key()
    of = InstanceId("default", name, "i1")
    certificate, _ = authority.for_connector(of, key.public_key(), int(time.time()), 90 * DAY)
    authorities = pem(authority.certificate).encode()
    return Enrolled(
        Identity(certificate, key), authorities, "link.example.com:443", "api.example.com:443"
    )


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> list[EnrolmentToken]:
    """Takes every token, and tells which it took."""
    taken: list[EnrolmentToken] = []

    def enroll(token: EnrolmentToken, **how: object) -> Enrolled:
        taken.append(token)
        return enrolled()

    monkeypatch.setattr(site, "enroll", enroll)
    return taken


def typed(folder: Path, *arguments: str) -> tuple[int, str]:
    config = str(folder / "connector.toml")
    done = CliRunner().invoke(app, ["enroll", "--config", config, *arguments], input=TOKEN.text)
    return done.exit_code, done.output + str(done.exception or "")


def test_the_configuration_is_ready_but_for_the_companies(
    tmp_path: Path, hub: list[EnrolmentToken]
) -> None:
    code, said = typed(tmp_path, TOKEN.text, "--proxy", "http://u:p@proxy:3128")
    assert code == 0, said
    assert "Enrolled as connector acme of tenant default" in said
    file = tmp_path / "connector.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(
        text + '[companies.main]\nplugin = "subiekt-gt"\n[companies.main.database]\n'
        'kind = "sqlite"\npath = "erp.sqlite"\n',
        encoding="utf-8",
    )
    config, _ = load(file)
    assert config.hub.link == "link.example.com:443"
    assert config.hub.api == "api.example.com:443"
    assert config.hub.proxy.get_secret_value() == "http://u:p@proxy:3128"
    assert config.connector.name == "acme"
    assert config.hub.identity is not None
    assert Identity.load(config.hub.identity).id.instance == "i1"


@pytest.mark.skipif(os.name == "nt", reason="needs the modes of POSIX")
def test_what_is_secret_is_for_its_owner_alone(tmp_path: Path, hub: list[EnrolmentToken]) -> None:
    typed(tmp_path, "-")
    for name in ("state/identity.pem", "connector.toml"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600, name
    assert sorted(each.name for each in (tmp_path / "state").iterdir()) == [
        "hub-ca.pem",
        "identity.pem",
    ]


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() != 0, reason="needs root, who may give files away"
)
def test_what_an_administrator_writes_belongs_to_the_account_of_the_folder(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    os.chown(state, 12345, 12345)
    write_private(state / "identity.pem", b"x")
    assert (state / "identity.pem").stat().st_uid == 12345


def test_a_connector_that_is_enrolled_is_not_enrolled_again_by_mistake(
    tmp_path: Path, hub: list[EnrolmentToken]
) -> None:
    typed(tmp_path, TOKEN.text)
    before = (tmp_path / "state" / "identity.pem").read_bytes()
    code, said = typed(tmp_path, TOKEN.text)
    assert code == 1
    assert "is there already" in said
    assert "--force" in said
    assert len(hub) == 1
    assert (tmp_path / "state" / "identity.pem").read_bytes() == before
    assert typed(tmp_path, TOKEN.text, "--force")[0] == 0
    assert (tmp_path / "state" / "identity.pem").read_bytes() != before


def test_a_configuration_that_is_there_is_left_alone_and_what_it_must_say_is_told(
    tmp_path: Path, hub: list[EnrolmentToken]
) -> None:
    file = tmp_path / "connector.toml"
    text = (
        '[hub]\nlink = "127.0.0.1:1"\ninsecure = true\n[connector]\nname = "old"\nstate = "kept"\n'
    )
    file.write_text(text, encoding="utf-8")
    code, said = typed(tmp_path, TOKEN.text)
    assert code == 0, said
    assert file.read_text(encoding="utf-8") == text
    for line in (
        '[hub] link = "link.example.com:443"',
        '[hub] api = "api.example.com:443"',
        '[connector] name = "acme"',
        "[hub] without insecure",
    ):
        assert line in said
    assert (tmp_path / "kept" / "identity.pem").exists()


def test_a_folder_that_can_not_be_written_is_found_before_the_token_is_used(
    tmp_path: Path, hub: list[EnrolmentToken]
) -> None:
    (tmp_path / "state").write_text("no folder")
    code, said = typed(tmp_path, TOKEN.text)
    assert code == 1
    assert "can't be written" in said
    assert hub == []


def test_a_refused_token_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def enroll(token: EnrolmentToken, **how: object) -> Enrolled:
        raise Refused("The token gives no right to enrol.")

    monkeypatch.setattr(site, "enroll", enroll)
    code, said = typed(tmp_path, TOKEN.text)
    assert code == 1
    assert "The token gives no right to enrol." in said
    assert list((tmp_path / "state").iterdir()) == []
    assert not (tmp_path / "connector.toml").exists()


def test_text_that_is_no_token_is_told(tmp_path: Path, hub: list[EnrolmentToken]) -> None:
    code, said = typed(tmp_path, TOKEN.text[:-3])
    assert code == 1
    assert "copy it whole" in said


def test_a_file_that_holds_no_identity_is_told_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "identity.pem"
    with pytest.raises(IdentityError, match="does not exist: enrol this connector"):
        Identity.load(file)
    file.write_text("nonsense")
    with pytest.raises(IdentityError, match="enrol again"):
        Identity.load(file)
    one, other = enrolled().identity, enrolled().identity
    file.write_bytes(Identity(one.certificate, other.key).pem)
    with pytest.raises(IdentityError, match="certificate of another key"):
        Identity.load(file)


def test_a_key_is_not_in_a_repr() -> None:
    assert "key" not in repr(enrolled().identity)


def test_renewal_is_due_between_half_and_three_fifths_of_the_certificates_life() -> None:
    identity = enrolled().identity
    issued = identity.issued_at
    assert due_at(identity, 0.0) == issued + 45 * DAY
    assert due_at(identity, 1.0) == issued + 54 * DAY


ADMINISTRATORS, SYSTEM, USERS, LOGGED_IN = "S-1-5-32-544", "S-1-5-18", "S-1-5-32-545", "S-1-5-11"
ADMINISTRATOR, SERVICE = "S-1-5-21-1-2-3-500", "S-1-5-80-1"


@pytest.mark.parametrize(
    ("folder", "may_read"),
    [
        # As install.ps1 leaves it.
        (
            {SYSTEM: "F", ADMINISTRATORS: "F", SERVICE: "M"},
            {SYSTEM, ADMINISTRATORS, SERVICE, ADMINISTRATOR},
        ),
        # As Windows makes one.
        (
            {SYSTEM: "F", ADMINISTRATORS: "F", USERS: "RX", LOGGED_IN: "M"},
            {SYSTEM, ADMINISTRATORS, ADMINISTRATOR},
        ),
    ],
)
def test_on_windows_what_an_administrator_writes_is_read_by_the_service_and_not_by_everybody(
    folder: dict[str, str], may_read: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inherited, own = dict(folder), dict[str, str]()

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        match command:
            case ["whoami", "/user", "/fo", "csv", "/nh"]:
                said = f'"biuro\\admin","{ADMINISTRATOR}"\r\n'
                return subprocess.CompletedProcess(command, 0, said, "")
            case ["icacls", _, "/inheritance:d"]:
                own.update(inherited)
                inherited.clear()
            case ["icacls", _, "/remove:g", *names]:
                for name in names:
                    own.pop(name.removeprefix("*"), None)
            case ["icacls", _, "/grant", *grants]:
                for grant in grants:
                    name, _colon, right = grant.removeprefix("*").partition(":")
                    own[name] = right
            case _:
                raise AssertionError(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(subprocess, "run", run)
    write_private(tmp_path / "identity.pem", b"key")
    assert {**inherited, **own}.keys() == may_read
