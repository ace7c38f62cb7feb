"""`make setup`: a setup program for Windows around each bundle in build/, or around the one that is named."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def setup(bundle: Path) -> Path:
    """Make the program beside the bundle. Raises SystemExit."""
    makensis = shutil.which("makensis")
    if makensis is None:
        raise SystemExit("NOT MADE: the setup program: makensis is not installed (Debian: nsis)")
    _, _, version, _ = bundle.stem.split("-", 3)
    made = bundle.with_name(f"mostek-connector-{version}-setup.exe")
    defined = {"VERSION": version, "BUNDLE": bundle.absolute(), "OUT": made.absolute()}
    options = [f"-D{name}={value}" for name, value in defined.items()]
    script = str(Path(__file__).with_name("setup.nsi"))
    done = subprocess.run(
        [makensis, "-V2", "-WX", *options, script], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"NOT MADE: the setup program:\n{done.stdout}{done.stderr}")
    return made


def main() -> None:
    found = [Path(name) for name in sys.argv[1:]]
    found = found or sorted((ROOT / "build").glob("mostek-connector-*-win_amd64.zip"))
    if not found:
        raise SystemExit("NOT MADE: the setup program: there is no bundle; run `make wheelhouse`")
    for bundle in found:
        made = setup(bundle)
        print(f"{made}: {made.stat().st_size / 1e6:.0f} MB; never run on Windows by its makers")


if __name__ == "__main__":
    main()
