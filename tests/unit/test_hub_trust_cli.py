"""`mostek-hub connectors` and `mostek-hub ca`."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from typer.testing import CliRunner

from mostek.connector.identity import key_pem
from mostek.hub.cli import app
from mostek.hub.pki.authority import Authority, pem
from mostek.wire.trust import EnrolmentToken


@pytest.fixture(autouse=True)
def _settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOSTEK_HUB_DATABASE", f"sqlite:///{tmp_path}/hub.sqlite")
    monkeypatch.setenv("MOSTEK_HUB_KEY_FILE", str(tmp_path / "hub.keys"))
    monkeypatch.setenv("MOSTEK_HUB_PUBLIC_HTTP", "api.example.com:443")


def typed(*arguments: str) -> list[str]:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 0, done.output
    # The log goes to the same place here.
    return [line for line in done.stdout.splitlines() if not re.search(r"\[(info|warning) ", line)]


def refused(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code != 0
    return str(done.exception)


def test_a_token_names_the_public_address_and_the_authority() -> None:
    token = EnrolmentToken.of(typed("connectors", "add", "acme")[0])
    assert token.address == "api.example.com:443"
    assert token.pin.hex().startswith(typed("ca", "list")[0].split()[0])


def test_names_and_tenants_are_checked() -> None:
    assert "lower-case" in refused("connectors", "add", "Acme")
    for command in ("add", "revoke", "list"):
        said = refused("connectors", command, "acme", "--tenant", "other")
        assert "there is no tenant other" in said


def test_whoever_revokes_nothing_is_told_so_and_of_whom() -> None:
    typed("connectors", "add", "acme")
    done = CliRunner().invoke(app, ["connectors", "revoke", "acme"])
    assert "0 certificates of acme of tenant default were revoked." in done.stdout
    assert "--tenant names whose it is" in done.stderr
    assert typed("connectors", "list", "acme") == []


def test_an_authority_follows_another_and_the_first_is_retired() -> None:
    [first] = typed("ca", "list")
    assert first.endswith("signs")
    typed("ca", "rotate")
    new, old = typed("ca", "list")
    assert new.endswith("signs")
    assert old.split()[0] == first.split()[0]
    shown = x509.load_pem_x509_certificates("\n".join(typed("ca", "show")).encode())
    # Two, and what the first says of the second.
    assert len(shown) == 3
    typed("ca", "retire", old.split()[0])
    assert [line.split()[0] for line in typed("ca", "list")] == [new.split()[0]]
    assert "the only one" in refused("ca", "retire", new.split()[0])


def test_an_operators_authority_is_imported_once(tmp_path: Path) -> None:
    own = Authority.made(time.time())
    assert isinstance(own.key, ec.EllipticCurvePrivateKey)
    certificate, key = tmp_path / "ca.pem", tmp_path / "ca.key"
    certificate.write_text(pem(own.certificate))
    key.write_bytes(key_pem(own.key))
    typed("ca", "import", str(certificate), str(key))
    assert typed("ca", "list")[0].startswith(own.name)
    assert "is or was one of the hub's" in refused("ca", "import", str(certificate), str(key))
    assert "No such file" in refused("ca", "import", str(tmp_path / "none"), str(key))
    key.write_text("nonsense")
    assert "must be PEM" in refused("ca", "import", str(certificate), str(key))


def test_a_hub_without_tls_has_no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOSTEK_HUB_INSECURE", "true")
    assert "MOSTEK_HUB_INSECURE" in refused("ca", "list")
