"""What README and tutorial tell to type works as it stands there."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEADER = """
from mostek.client import Client, pages
from mostek.erp.v1.product_pb2 import ListProductsRequest
"""


def blocks(page: str, kind: str) -> list[str]:
    """The fenced blocks of a page that have this info string."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{re.escape(kind)}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


requires_curl = pytest.mark.skipif(
    shutil.which("curl") is None, reason="needs curl, which the documented commands use"
)


def typed(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=120
    )


@requires_curl
def test_the_tutorial_can_be_followed(served: str, folder: Path) -> None:
    scripts = blocks("docs/tutorial.md", "sh")
    assert len(scripts) >= 6
    for script in scripts:
        done = typed("set -e\n" + script, folder)
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        assert "urn:mostek:failure" not in done.stdout, done.stdout
    rows = (folder / "products.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0] == "code,name,prices"
    assert len(rows) > 400


@requires_curl
def test_the_tutorials_mistakes_are_refused_with_the_field_and_what_to_do(
    served: str, folder: Path
) -> None:
    [script] = blocks("docs/tutorial.md", "sh fails")
    said = []
    for line in script.splitlines():
        done = typed(line, folder)
        assert done.returncode != 0, line
        said.append(done.stdout + done.stderr)
    assert "page_size" in said[0] and "must be at least 1" in said[0]  # noqa: PT018
    assert "colour" in said[1]
    assert "is no NIP" in said[2]
    assert "No connector 'nobody' is known" in said[3]


@requires_curl
def test_the_readmes_commands_work(served: str, folder: Path) -> None:
    [script] = [block for block in blocks("README.md", "") if block.startswith("curl")]
    done = typed("set -e\n" + script, folder)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "urn:mostek:failure" not in done.stdout, done.stdout


def test_the_readmes_python_works(served: str, capsys: pytest.CaptureFixture[str]) -> None:
    [code] = blocks("README.md", "python")
    scope: dict[str, object] = {}
    source = f"{HEADER}\nasync def main():\n{textwrap.indent(code, '    ')}"
    exec(compile(source, "README.md", "exec"), scope)
    asyncio.run(scope["main"]())  # type: ignore[operator]
    assert len(capsys.readouterr().out.splitlines()) > 100


@requires_curl
def test_the_lines_that_the_demo_prints_work(served: str, folder: Path) -> None:
    lines = [line.strip() for line in served.splitlines() if line.startswith("  curl ")]
    assert len(lines) >= 5
    for line in lines:
        done = typed(line.replace("curl -s", "curl -s --fail-with-body"), folder)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
