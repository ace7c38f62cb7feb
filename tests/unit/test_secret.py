"""Secrets of the configuration: where they may come from, what is said when they can't, and that none is shown."""

from __future__ import annotations

import builtins
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keyring
import keyring.backend
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from typer.testing import CliRunner

from mostek.connector import cli
from mostek.connector import companies as companies_module
from mostek.connector.companies import load
from mostek.connector.config import ConfigError
from mostek.plugin.database_config import SqlServerConfig
from mostek.plugin.plugin import Plugin
from mostek.plugin.secret import Secret

FILE = """\
[hub]
link = "127.0.0.1:7444"
proxy = {proxy}
insecure = true
[connector]
name = "acme"

[companies.main]
plugin = "erp"

[companies.main.database]
server = "S"
database = "D"
login = {{ user = "reader", password = {password} }}
"""


class ErpConfig(BaseModel):
    database: SqlServerConfig


class Erp(Plugin):
    config_type = ErpConfig


class Point:
    def load(self) -> type[Plugin]:
        return Erp


class Memory(keyring.backend.KeyringBackend):
    """A keyring of this test."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture
def ring() -> Iterator[Memory]:
    before = keyring.get_keyring()
    keyring.set_keyring(ring := Memory())
    yield ring
    keyring.set_keyring(before)


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(companies_module, "installed_plugins", lambda: {"erp": Point()})


def written(folder: Path, *, password: str, proxy: str = '""') -> Path:
    file = folder / "connector.toml"
    file.write_text(FILE.format(password=password, proxy=proxy), encoding="utf-8")
    return file


def password_of(file: Path) -> str:
    config: Any = load(file)[1][0].plugin.config
    return str(config.database.login.password.get_secret_value())


def complaint(file: Path) -> str:
    with pytest.raises(ConfigError) as error:
        load(file)
    return str(error.value).replace(f"{file}: ", "")


def test_a_secret_is_text_or_comes_from_environment_file_or_keyring(
    tmp_path: Path, secret: Callable[[str], str], ring: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = f"Zażółć;{secret('database password')}}}"
    monkeypatch.setenv("ERP_PASSWORD", password)
    (tmp_path / "erp.secret").write_text(f"{password}\r\n", encoding="utf-8")
    ring.set_password("mostek/acme", "erp", password)
    for source in (
        f'"{password}"',
        '{ env = "ERP_PASSWORD" }',
        '{ file = "erp.secret" }',
        '{ keyring = "mostek/acme/erp" }',
    ):
        assert password_of(written(tmp_path, password=source)) == password, source


def test_a_secret_is_in_no_repr_and_in_no_dump(
    tmp_path: Path, secret: Callable[[str], str]
) -> None:
    password, proxy = secret("database password"), secret("proxy password")
    url = f"http://user:{proxy}@127.0.0.1:3128"
    config, (company,) = load(written(tmp_path, password=f'"{password}"', proxy=f'"{url}"'))
    erp: Any = company.plugin.config
    shown = [repr(config), str(config), config.model_dump_json(), str(config.model_dump())]
    shown += [repr(company), repr(erp), str(erp.model_dump()), erp.model_dump_json()]
    for text in shown:
        assert password not in text
        assert proxy not in text
    assert "**********" in repr(erp)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('{ env = "NOWHERE" }', "the environment variable NOWHERE is not set"),
        ('{ file = "none" }', "the file {folder}/none can't be read: No such file or directory"),
        ('{ file = "." }', "the file {folder} can't be read: Is a directory"),
        (
            '{ file = "empty" }',
            "the file {folder}/empty must hold the secret on one line, and nothing else",
        ),
        (
            '{ file = "two" }',
            "the file {folder}/two must hold the secret on one line, and nothing else",
        ),
        ('{ file = "bytes" }', "the file {folder}/bytes is not UTF-8"),
        (
            '{ keyring = "mostek/erp" }',
            "the keyring has no entry mostek/erp; run `mostek-connector secret set mostek/erp`"
            " as the account that the connector runs as",
        ),
        ('{ keyring = "erp" }', "'erp' is no entry of a keyring: write service/user"),
        (
            '{ vault = "erp" }',
            'must be text, { env = "NAME" }, { file = "path" } or { keyring = "service/user" }',
        ),
    ],
)
def test_what_is_wrong_with_a_source_is_told_by_line(
    tmp_path: Path, ring: Memory, source: str, said: str
) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "two").write_text("one\ntwo\n")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\xfd")
    where = "line 14: companies.main.database.login.password: "
    expected = said.replace("{folder}", str(tmp_path))
    assert complaint(written(tmp_path, password=source)) == where + expected


def test_a_secret_in_the_wrong_shape_is_not_shown(
    tmp_path: Path, secret: Callable[[str], str]
) -> None:
    password = secret("misplaced")
    for source in (f'["{password}"]', f'{{ password = "{password}" }}', f'{{ "{password}" = 1 }}'):
        assert password not in complaint(written(tmp_path, password=source))


def test_a_proxy_may_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUR_PROXY", "http://proxy:3128")
    config, _ = load(written(tmp_path, password='"x"', proxy='{ env = "OUR_PROXY" }'))
    assert config.hub.proxy.get_secret_value() == "http://proxy:3128"
    monkeypatch.setenv("OUR_PROXY", "https://proxy:3128")
    assert "line 3: hub.proxy: must begin with http://" in complaint(
        written(tmp_path, password='"x"', proxy='{ env = "OUR_PROXY" }')
    )


def test_without_the_library_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = builtins.__import__

    def without(name: str, *args: Any) -> Any:
        if name.startswith("keyring"):
            raise ImportError(name)
        return original(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    said = complaint(written(tmp_path, password='{ keyring = "mostek/erp" }'))
    assert "keyring is not installed: install mostek[keyring], or use env or file" in said


def test_a_secret_set_by_the_command_is_found(
    tmp_path: Path, secret: Callable[[str], str], ring: Memory
) -> None:
    password = secret("typed")
    done = CliRunner().invoke(cli.app, ["secret", "set", "mostek/erp"], input=f"{password}\n")
    assert done.exit_code == 0
    assert password_of(written(tmp_path, password='{ keyring = "mostek/erp" }')) == password


class Holder(BaseModel):
    value: Secret


@settings(derandomize=True, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
        max_leaves=5,
    )
)
def test_whatever_stands_there_is_taken_or_refused_cleanly(value: Any) -> None:
    with contextlib.suppress(ValidationError):
        assert Holder(value=value).value.get_secret_value() == value
