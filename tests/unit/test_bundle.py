"""Bundles: what is refused before anything is touched, and one that is really installed."""

from __future__ import annotations

import ensurepip
import hashlib
import json
import subprocess
import sys
import zipfile
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest

from mostek.connector.launcher.bundle import Bundle, BundleError, closed_to_others, here, install
from mostek.connector.launcher.cli import main
from mostek.connector.launcher.installation import Installation, InstallationError

ROOT = Path(__file__).parents[2]
PYTHON, PLATFORM = here()
#: The one that comes with Python.
PIP = next(iter(Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl")), Path("pip-0-py3.whl"))
pytestmark = pytest.mark.skipif(
    not PIP.exists(), reason="needs the pip that comes with Python (ensurepip)"
)
PROGRAM = """
import sys
def main():
    print("checked", sys.argv[1:])
"""


def wheel(folder: Path, version: str) -> Path:
    """A wheel with a `mostek-connector` of its own."""
    about = f"connector_stub-{version}.dist-info"
    files = {
        "connector_stub.py": PROGRAM,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: connector-stub\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/entry_points.txt": "[console_scripts]\nmostek-connector = connector_stub:main\n",
    }
    rows = []
    for name, text in files.items():
        digest = urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(text.encode())}")
    files[f"{about}/RECORD"] = "\n".join([*rows, f"{about}/RECORD,,"]) + "\n"
    file = folder / f"connector_stub-{version}-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return file


def bundle(
    folder: Path, of: str = "2.0", more: dict[str, bytes] | None = None, **told: Any
) -> Path:
    """A bundle with that wheel; `more`: further files in it; what `bundle.json` tells otherwise."""
    stub = wheel(folder, of)
    about = {
        "format": 1,
        "version": of,
        "python": PYTHON,
        "platform": PLATFORM,
        "plugins": ["a"],
    }
    file = folder / f"mostek-{of}.zip"
    digest = hashlib.sha256(stub.read_bytes()).hexdigest()
    files = {
        "bundle.json": json.dumps(about | told).encode(),
        "requirements.txt": f"connector-stub=={of} --hash=sha256:{digest}\n".encode(),
        f"wheels/{stub.name}": stub.read_bytes(),
        f"wheels/{PIP.name}": PIP.read_bytes(),
    }
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in (files | (more or {})).items():
            archive.writestr(name, data)
    return file


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"python": "3.9"}, r"is for Python 3\.9 on .*, and here is Python"),
        ({"platform": "win_arm64"}, "on win_arm64, and here is Python"),
        ({"format": 2}, "is of a newer kind"),
        ({"version": "../../etc"}, "'../../etc' is no version"),
        ({"plugins": None}, "bundle.json is missing or damaged"),
    ],
)
def test_a_bundle_for_another_machine_is_refused(
    told: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(BundleError, match=said):
        Bundle.of(bundle(tmp_path, **told))


@pytest.mark.parametrize(
    "name",
    [
        "../evil.whl",
        "wheels/../../evil.whl",
        "/evil.whl",
        "wheels/a/b.whl",
        "evil.py",
        "C:evil.whl",
        "wheels/a\\b.whl",
    ],
)
def test_a_file_that_no_bundle_has_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="which no bundle has"):
        Bundle.of(bundle(tmp_path, more={name: b"evil"}))


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    file = bundle(tmp_path)
    data = bytearray(file.read_bytes())
    at = data.index(b"connector_stub.py") + 200
    data[at] ^= 1
    file.write_bytes(data)
    with pytest.raises(BundleError, match=r"copy (the file|it) again"):
        Bundle.of(file)
    file.write_bytes(b"PK")
    with pytest.raises(BundleError, match="copy it again"):
        Bundle.of(file)
    with pytest.raises(BundleError, match=r"can't be read: No such file"):
        Bundle.of(tmp_path / "none.zip")


def test_a_bundle_is_installed_beside_what_runs_and_can_be_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "root"
    first = bundle(tmp_path, "1.0")
    main(["install", str(first), "--root", str(root), "--config", str(tmp_path / "c.toml")])
    said = capsys.readouterr().out
    assert "Version 1.0 is installed" in said
    assert ("WARNING: other accounts" in said) is bool(
        closed_to_others(Path(sys.executable).resolve())
    )
    installation = Installation.at(root)
    assert installation.current == "1.0"
    done = subprocess.run([installation.command("1.0"), "check"], capture_output=True, text=True)
    assert done.stdout == "checked ['check']\n"
    with pytest.raises(SystemExit) as ended:
        main(["connector", "--root", str(root), "doctor", "--lang", "pl"])
    assert ended.value.code == 0
    with pytest.raises(SystemExit, match=r"has version 1\.0: `mostek-connector upgrade"):
        main(["install", str(first), "--root", str(root)])
    with pytest.raises(InstallationError, match=r"2\.0 is not installed; there are 1\.0"):
        installation.ask("2.0")


@pytest.mark.skipif(sys.platform == "win32", reason="install.ps1 looks there")
def test_a_python_that_only_its_owner_reaches_is_known(tmp_path: Path) -> None:
    assert closed_to_others(Path("/bin/sh").resolve()) is None
    tmp_path.chmod(0o700)
    assert closed_to_others(tmp_path / "python3") in (tmp_path, *tmp_path.parents)


def test_a_wheel_that_is_not_the_pinned_one_leaves_nothing_behind(tmp_path: Path) -> None:
    other = b"connector-stub==2.0 --hash=sha256:" + b"0" * 64
    file = bundle(tmp_path, more={"requirements.txt": other})
    installation = Installation(tmp_path / "root", tmp_path / "control", tmp_path / "c.toml")
    with pytest.raises(BundleError, match="DO NOT MATCH THE HASHES"):
        install(Bundle.of(file), installation, lambda _: None)
    assert installation.versions == []
    assert list((tmp_path / "root" / "versions").iterdir()) == []


def test_the_launcher_needs_nothing_but_pythons_own_library() -> None:
    code = (
        "import sys; sys.path.append('connector');"
        "import mostek.connector.launcher.cli;"
        "print([m for m in sys.modules if m.startswith('mostek') and 'launcher' not in m])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout == "['mostek', 'mostek.connector']\n", done.stderr


def test_what_is_no_installation_is_said(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="holds no installation"):
        main(["run", "--root", str(tmp_path)])
    (tmp_path / "installation.json").write_text("{")
    with pytest.raises(SystemExit, match="is damaged"):
        main(["run", "--root", str(tmp_path)])
    (tmp_path / "installation.json").write_text('{"control": "control", "config": "c.toml"}')
    with pytest.raises(SystemExit, match="none is installed"):
        main(["run", "--root", str(tmp_path)])
