"""A version of the connector as one file, to be installed without a network: `make wheelhouse`.

python deploy/bundle [--platform win_amd64] [--python 3.11] [--plugins subiekt,wapro]

Asks the package index for the wheels that deploy/docker/requirements-connector.txt pins, and takes none whose hash is
not there. Writes build/mostek-connector-VERSION-PLATFORM.zip and its SHA-256 beside it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from mostek.connector.launcher.bundle import ABOUT, FORMAT, REQUIREMENTS, WHEELS

ROOT = Path(__file__).parents[2]
PINNED = [
    ROOT / "deploy" / "docker" / f"requirements-{name}.txt" for name in ("connector", "installer")
]
#: What pip calls the platforms of a bundle, the newest first, and what their markers see.
PLATFORMS = {
    "win_amd64": (
        ["win_amd64"],
        {"sys_platform": "win32", "os_name": "nt", "platform_system": "Windows"},
    ),
    "linux_x86_64": (
        [f"manylinux_2_{minor}_x86_64" for minor in (34, 31, 28, 27, 24, 17)]
        + ["manylinux2014_x86_64"],
        {"sys_platform": "linux", "os_name": "posix", "platform_system": "Linux"},
    ),
}
MINUTES = 10


def plugins() -> dict[str, Path]:
    """Folder names of the plugins that there are."""
    return {file.parent.name: file.parent for file in sorted(ROOT.glob("plugins/*/pyproject.toml"))}


def served(folders: Iterable[Path]) -> list[str]:
    """The names by which a configuration asks for them."""
    found: list[str] = []
    for folder in folders:
        project = _project(folder / "pyproject.toml")
        found += project["entry-points"]["mostek.plugins"]
    return sorted(found)


def _project(file: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
    return project


def for_platform(text: str, platform: str, python: str) -> Iterator[str]:
    """The pinned requirements that a platform wants, a line each, without markers."""
    environment = {
        **PLATFORMS[platform][1],
        "python_version": python,
        "python_full_version": f"{python}.0",
    }
    environment |= {"implementation_name": "cpython", "platform_python_implementation": "CPython"}
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        told, *hashes = re.split(r"\s+--hash=", line)
        requirement = Requirement(told)
        if requirement.marker is None or requirement.marker.evaluate(environment):
            yield " ".join(
                [
                    f"{requirement.name}{requirement.specifier}",
                    *(f"--hash={h.strip()}" for h in hashes),
                ]
            )


def pinned(wheel: Path) -> str:
    """The requirement that takes this wheel and no other."""
    name, version = wheel.name.split("-")[:2]
    return f"{name.replace('_', '-')}=={version} --hash=sha256:{_sha256(wheel)}"


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def write(
    file: Path, about: dict[str, Any], wheels: Sequence[Path], requirements: Sequence[str]
) -> None:
    """The bundle; equal for equal wheels."""
    files = {
        ABOUT: json.dumps(about, indent=1).encode(),
        REQUIREMENTS: "\n".join([*requirements, ""]).encode(),
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
        for wheel in sorted(wheels):
            # They are compressed already.
            archive.writestr(zipfile.ZipInfo(WHEELS + wheel.name), wheel.read_bytes())


def wheelhouse(platform: str, python: str, chosen: Sequence[str]) -> int:
    """0: written; 1: the package index could not be asked, or has no wheel for this platform."""
    folders = [plugins()[name] for name in chosen]
    version = _project(ROOT / "pyproject.toml")["version"]
    third = [
        line for file in PINNED for line in for_platform(file.read_text("utf-8"), platform, python)
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _pip("wheel", "--no-deps", "--wheel-dir", folder, ROOT, *folders)
        own = [pinned(wheel) for wheel in sorted(folder.glob("*.whl"))]
        (folder / REQUIREMENTS).write_text("\n".join(third), encoding="utf-8")
        tags = [option for tag in PLATFORMS[platform][0] for option in ("--platform", tag)]
        only = [
            "--only-binary",
            ":all:",
            "--no-deps",
            "--require-hashes",
            *tags,
            "--python-version",
            python,
        ]
        _pip("download", *only, "--dest", folder, "--requirement", folder / REQUIREMENTS)
        file = ROOT / "build" / f"mostek-connector-{version}-{platform}.zip"
        about = {"format": FORMAT, "version": version, "python": python, "platform": platform}
        wheels = list(folder.glob("*.whl"))
        write(file, about | {"plugins": served(folders)}, wheels, [*third, *own])
    file.with_name(file.name + ".sha256").write_text(
        f"{_sha256(file)}  {file.name}\n", encoding="utf-8"
    )
    size = file.stat().st_size / 1e6
    print(
        f"{file.relative_to(ROOT)}: {len(wheels)} wheels, {size:.0f} MB, for Python {python} on {platform}"
    )
    return 0


def _pip(command: str, *arguments: str | Path) -> None:
    options = ["--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", command, *options, *arguments], timeout=60 * MINUTES
    )
    if done.returncode:
        raise SystemExit(
            "NOT MADE: the bundle: pip could not get all wheels; this needs the package index"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--platform", choices=PLATFORMS, default="win_amd64")
    parser.add_argument("--python", default="3.11")
    parser.add_argument("--plugins", default=",".join(plugins()), help="folder names, with commas")
    given = parser.parse_args()
    chosen = [name for name in given.plugins.split(",") if name]
    if unknown := sorted(set(chosen) - plugins().keys()):
        parser.error(f"no such plugin: {', '.join(unknown)}; there are {', '.join(plugins())}")
    return wheelhouse(given.platform, given.python, chosen)


if __name__ == "__main__":
    raise SystemExit(main())
