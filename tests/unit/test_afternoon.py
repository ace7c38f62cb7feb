"""`docs/plugins/afternoon.md`, followed to the letter in an empty folder."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mostek.plugin.template import make_plugin

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "plugins" / "afternoon.md"
#: A file to write, below its name, or commands to type.
_STEP = re.compile(r"(?:^`([\w./]+)`\n)?^```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass
class Follower:
    """A folder in which the page is followed."""

    folder: Path
    said: str = ""

    @property
    def plugin(self) -> Path:
        return self.folder / "plugins" / "kantorek"

    def follow(self) -> None:
        for path, text in _STEP.findall(PAGE.read_text(encoding="utf-8")):
            if path:
                # The one file that is no part of the plugin is the connector's.
                file = (self.folder if path == "connector.toml" else self.plugin) / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
            else:
                for line in text.splitlines():
                    self.type(line)

    def type(self, line: str) -> None:
        if line == "make install":
            return self.install()
        program, *arguments = shlex.split(line)
        if line == "make plugin NAME=kantorek":
            program, arguments = "python", ["-m", "mostek.plugin.template", "kantorek"]
        command = [str(Path(sys.executable).parent / Path(program).name), *arguments]
        done = subprocess.run(
            command,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=100,
            env={**os.environ, "PYTHONPATH": str(self.plugin)},
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        self.said += f"{line}\n{done.stdout}"
        return None

    def install(self) -> None:
        """What installing it for development leaves, without asking a package index: its entry points."""
        project = tomllib.loads((self.plugin / "pyproject.toml").read_text(encoding="utf-8"))[
            "project"
        ]
        info = self.plugin / "mostek_kantorek-0.1.0.dist-info"
        info.mkdir()
        metadata = (
            f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        )
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        (info / "entry_points.txt").write_text(
            "".join(_sections(project["entry-points"])), encoding="utf-8"
        )


def _sections(groups: dict[str, dict[str, str]]) -> Iterator[str]:
    for group, entries in groups.items():
        yield f"[{group}]\n"
        yield from (f"{name} = {value}\n" for name, value in entries.items())


def test_the_page_can_be_followed_from_nothing_to_rows_as_a_caller_gets_them(
    tmp_path: Path,
) -> None:
    # The suite's settings are the repository's: a plugin lies below them.
    for name in ("pyproject.toml", "connector", "protos"):
        (tmp_path / name).symlink_to(ROOT / name)
    follower = Follower(tmp_path)
    follower.follow()
    begun, green = re.findall(r"^(\d+) passed", follower.said, re.MULTILINE)
    assert int(green) > int(begun) > 20
    for shown in ('"code": "K0001"', '"code": "ŻAR-0001"', "FROM dbo.KLIENT k", "FROM dbo.STAN s"):
        assert shown in follower.said
    for style in ("ruff check plugins", "ruff format --check plugins"):
        follower.type(style)


def test_the_page_says_that_its_erp_is_invented() -> None:
    assert "**The ERP of this page, Kantorek, is invented**" in PAGE.read_text(encoding="utf-8")


def test_the_target_writes_the_plugin_that_it_is_named() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    [recipe] = re.findall(r"^plugin: .*\n\t(.*)$", makefile, re.MULTILINE)
    assert recipe == "$(BIN)/python -m mostek.plugin.template $(NAME)"


def test_a_name_with_dashes_is_one_that_python_takes(tmp_path: Path) -> None:
    folder = make_plugin("big-erp", tmp_path)
    assert (folder / "mostek_big_erp" / "plugin.py").exists()
    for file in folder.rglob("*.py"):
        compile(file.read_text(encoding="utf-8"), str(file), "exec")
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    entry = project["entry-points"]["mostek.plugins"]
    assert entry == {"big-erp": "mostek_big_erp.plugin:BigErp"}


@pytest.mark.parametrize("name", ["", "Erp", "1erp", "my_erp", "my--erp", "../erp", "erp-"])
def test_what_can_be_no_name_is_refused_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="small letters"):
        make_plugin(name, tmp_path / "plugins")
    assert not list(tmp_path.iterdir())


def test_a_plugin_that_is_there_is_left_alone(tmp_path: Path) -> None:
    readme = make_plugin("my-erp", tmp_path) / "README.md"
    readme.write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError):
        make_plugin("my-erp", tmp_path)
    assert readme.read_text(encoding="utf-8") == "mine"
