"""`mostek-connector upgrade`: what it says when it can't."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mostek.connector import upgrade
from mostek.connector.cli import app
from mostek.connector.launcher.bundle import here
from mostek.connector.launcher.installation import Installation

from .test_bundle import bundle

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its versions are scripts")


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """Version 1.0 is current; 2.0 is there and takes no configuration."""
    made = Installation(tmp_path / "opt", tmp_path / "control", tmp_path / "c.toml")
    made.create()
    for version in ("1.0", "2.0"):
        program = made.command(version)
        program.parent.mkdir(parents=True)
        program.write_text("#!/bin/sh\necho 'c.toml: line 7: is no setting' >&2\nexit 2\n")
        program.chmod(0o755)
        (made.folder(version) / "complete").touch()
    made.run_from_now_on("1.0")
    made.config.write_text('[companies.main]\nplugin = "a"\n')
    return made


def said(*arguments: str | Path) -> str:
    done = CliRunner().invoke(app, ["upgrade", *map(str, arguments)])
    assert done.exit_code == 1, done.output
    return done.output + str(done.exception or "")


def test_nothing_is_touched_by_a_file_that_is_not_the_one_that_was_meant(
    installation: Installation, tmp_path: Path
) -> None:
    text = said(bundle(tmp_path, "3.0"), "--root", installation.root, "--sha256", "0" * 64)
    assert "is not the file that was meant: its SHA-256 is" in text
    assert installation.versions == ["1.0", "2.0"]


def test_a_bundle_without_a_plugin_that_the_site_uses_is_refused(
    installation: Installation, tmp_path: Path
) -> None:
    file = bundle(tmp_path, "3.0", plugins=["b"])
    assert "lacks a, which" in said(file, "--root", installation.root)


def test_a_version_that_does_not_take_the_configuration_is_never_asked_for(
    installation: Installation, tmp_path: Path
) -> None:
    text = said(bundle(tmp_path, "2.0"), "--root", installation.root)
    assert "version 2.0 does not take the configuration, and nothing has changed" in text
    assert "line 7: is no setting" in text
    assert installation.pending is None


def test_without_a_launcher_nothing_has_changed(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrade, "BEGINS_WITHIN", 0.0)
    text = said("--to", "2.0", "--root", installation.root)
    assert "the service does not run" in text
    assert installation.pending is None


def test_what_can_not_be_meant_is_said(installation: Installation) -> None:
    root = ("--root", installation.root)
    assert "give either a bundle or --to" in said(*root)
    assert "version 3.0 is not installed; there are 1.0, 2.0" in said("--to", "3.0", *root)
    assert "version 1.0 is the one that runs already" in said("--to", "1.0", *root)
    assert "was not installed with a launcher" in said("--to", "2.0")
    installation.ask("2.0")
    assert "an upgrade to 2.0 is under way" in said("--to", "2.0", *root)
    assert "an upgrade to 2.0 is under way" in said("none.zip", *root)


def test_a_file_that_somebody_reads_at_the_moment_is_changed_a_moment_later(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = [PermissionError(), PermissionError()]
    replace = Path.replace

    def refused_at_first(file: Path, target: Path) -> Path:
        if refusals:
            raise refusals.pop()
        return replace(file, target)

    monkeypatch.setattr(Path, "replace", refused_at_first)
    installation.run_from_now_on("2.0")
    assert installation.current == "2.0"


def test_a_connector_that_is_supervised_ends_without_a_word_when_it_is_not_wanted(
    tmp_path: Path,
) -> None:
    config = tmp_path / "c.toml"
    config.write_text(
        '[hub]\nlink = "127.0.0.1:1"\ninsecure = true\n[connector]\nname = "acme"\n'
        '[companies.main]\nplugin = "subiekt-gt"\n'
        '[companies.main.database]\nkind = "sqlite"\npath = "erp.sqlite"\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "mostek.connector", "run", "--supervised", "-c", config],
        input="",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "loaded\n", "")
    assert list(tmp_path.iterdir()) == [config], "it has touched nothing"


def test_the_machine_is_named_as_wheels_name_it() -> None:
    python, platform = here()
    assert python == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert "-" not in platform
