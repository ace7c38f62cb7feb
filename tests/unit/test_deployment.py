"""What is made for customers: bundles, the setup program for Windows, the scripts in it."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from mostek.connector.cli import app
from mostek.connector.launcher.bundle import FORMAT, Bundle, here
from mostek.connector.launcher.cli import _parser
from mostek.connector.launcher.service import NAME

ROOT = Path(__file__).parents[2]
WINDOWS = ROOT / "deploy/windows"


def script(folder: str) -> Any:
    spec = importlib.util.spec_from_file_location(
        f"deploy_{folder}", ROOT / f"deploy/{folder}/__main__.py"
    )
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bundles() -> Any:
    return script("bundle")


@pytest.mark.parametrize(
    ("platform", "has", "lacks"),
    [("win_amd64", "pywin32", "uvloop"), ("linux_x86_64", "uvloop", "pywin32")],
)
def test_a_bundle_has_what_its_platform_wants_pinned_and_hashed(
    platform: str, has: str, lacks: str, bundles: Any
) -> None:
    lines = [
        line
        for file in bundles.PINNED
        for line in bundles.for_platform(file.read_text("utf-8"), platform, "3.11")
    ]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+( --hash=sha256:\w{64})+", line) for line in lines)
    names = {line.split("==")[0] for line in lines}
    assert {has, "pip", "grpcio"} <= names
    assert lacks not in names


def test_a_bundle_that_is_written_is_one_that_is_taken(bundles: Any, tmp_path: Path) -> None:
    wheel = tmp_path / "some_thing-1.0-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    pip = tmp_path / "pip-26.0-py3-none-any.whl"
    pip.write_bytes(b"pip")
    digest = hashlib.sha256(b"wheel").hexdigest()
    assert bundles.pinned(wheel) == f"some-thing==1.0 --hash=sha256:{digest}"
    python, platform = here()
    about = {"format": FORMAT, "version": "1.0", "python": python, "platform": platform}
    files = [tmp_path / "a.zip", tmp_path / "b.zip"]
    for file in files:
        bundles.write(file, about | {"plugins": ["a"]}, [wheel, pip], [bundles.pinned(wheel)])
    assert Bundle.of(files[0]).plugins == ["a"]
    assert files[0].read_bytes() == files[1].read_bytes(), "the same again for the same wheels"


def test_a_bundle_serves_the_names_that_a_configuration_has(bundles: Any) -> None:
    found = bundles.served(bundles.plugins().values())
    assert {"subiekt-gt", "subiekt-nexo", "optima", "enova365", "wapro-mag"} <= set(found)


@pytest.mark.skipif(not shutil.which("makensis"), reason="makensis is not installed (Debian: nsis)")
def test_the_setup_program_is_made_of_the_scripts_and_a_bundle(tmp_path: Path) -> None:
    bundle = tmp_path / "mostek-connector-9.8.7-win_amd64.zip"
    with zipfile.ZipFile(bundle, "w") as archive:
        archive.writestr("bundle.json", "{}")
    made = script("windows").setup(bundle)
    assert made.name == "mostek-connector-9.8.7-setup.exe"
    data = made.read_bytes()
    assert data[:2] == b"MZ"
    assert bundle.read_bytes() in data
    assert (WINDOWS / "install.ps1").read_bytes() in data


def test_without_makensis_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match=r"NOT MADE: .* makensis is not installed"):
        script("windows").setup(tmp_path / "mostek-connector-9.8.7-win_amd64.zip")


def test_the_scripts_for_windows_call_commands_and_options_that_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = (WINDOWS / "install.ps1").read_text("utf-8")
    [arguments] = re.findall(r'Invoke-Program \$Launcher @\(("install".*?)\)\n', text)
    told = [part.strip('"$ ') for part in arguments.split(",")]
    given = _parser().parse_args(told)
    assert (given.root, given.config, given.control) == (
        Path("Root"),
        Path(r"Data\connector.toml"),
        Path(r"Data\launcher"),
    )
    for command in ("enroll", "upgrade"):
        assert command in get_command(app).commands  # type: ignore[attr-defined]
        assert command in text
    for file in ("install.ps1", "uninstall.ps1"):
        assert f'$Service = "{NAME}"' in (WINDOWS / file).read_text("utf-8")
    assert text.isascii(), "Windows PowerShell 5 takes files without a mark for its own code page"


LANGUAGES = ["install-connector.md", "install-connector.pl.md"]


def installing(page: str) -> str:
    return (ROOT / "docs" / page).read_text("utf-8")


def blocks(page: str) -> list[str]:
    """The commands of a page, without what is said of them."""
    found = re.findall(r"```(?:sh|powershell)?\n(.*?)```", installing(page), re.DOTALL)
    joined = [re.sub(r" *#.*", "", block.replace("\\\n", " ")) for block in found]
    return [re.sub(r" {2,}", " ", block) for block in joined]


def test_both_languages_tell_to_type_the_same() -> None:
    english, polish = map(blocks, LANGUAGES)
    english = [
        block.replace("VERSION", "WERSJA").replace("PLATFORM.", "PLATFORMA.") for block in english
    ]
    assert [block.replace("HASH", "SUMA").replace(" en\n", " pl\n") for block in english] == polish
    headings = [re.findall(r"^#+ ", installing(page), re.MULTILINE) for page in LANGUAGES]
    assert headings[0] == headings[1]
    assert installing(LANGUAGES[0]).count("\n| ") == installing(LANGUAGES[1]).count("\n| ")


@pytest.mark.parametrize("page", LANGUAGES)
def test_the_commands_of_the_installation_are_ones_that_there_are(page: str) -> None:
    text = "\n".join(blocks(page))
    typed = re.findall(
        r"(?:mostek-connector-launcher|& \$connector) ((?:connector|install) .*)", text
    )
    assert len(typed) == 7
    for line in typed:
        given = _parser().parse_args(line.partition(" > ")[0].split())
        if line.startswith("connector"):
            name, *arguments = given.arguments
            command = get_command(app).commands[name]  # type: ignore[attr-defined]
            command.make_context(name, arguments)


def test_what_the_pages_tell_of_files_is_so() -> None:
    unit = (ROOT / "deploy/systemd/mostek-connector.service").read_text("utf-8")
    for page in LANGUAGES:
        text = installing(page)
        assert "/opt/mostek/launcher" in unit
        assert "StateDirectory=mostek\n" in unit
        assert "/var/lib/mostek" in text
        for erp in script("logins").ERPS:
            assert f"(logins/{erp}.md)" in text


@pytest.mark.parametrize("erp", ["subiekt-gt", "subiekt-nexo", "optima", "enova365", "wapro-mag"])
def test_the_page_of_an_erps_logins_is_what_its_plugin_reads(erp: str) -> None:
    page = (ROOT / "docs/logins" / f"{erp}.md").read_text("utf-8")
    assert page == script("logins").page(erp), "run `make logins`"
