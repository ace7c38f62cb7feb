"""A launcher as a process, with short waits: `python launched.py ROOT`; and versions that are little scripts."""

from __future__ import annotations

import sys
from pathlib import Path

from mostek.connector.launcher import launcher
from mostek.connector.launcher.cli import main
from mostek.connector.launcher.installation import Installation

__all__ = ["VERSION", "fast", "installed"]

#: A version of the connector as the launcher sees it. `behave` says how; what it does goes to `story`; only one may be
#: at work at a time, as with the real one's state folder.
VERSION = """#!{python} -SE
import os, signal, sys, time

def told(word):
    os.write(1, word.encode() + b"\\n")

def noted(what):
    with open({story!r}, "a") as story:
        story.write({version!r} + " " + what + "\\n")

def point(name):
    if {behave!r} == "kills-" + name:
        os.kill(os.getppid(), signal.SIGKILL)

behave = {behave!r}
if behave == "config":
    sys.exit(2)
point("start")
if behave != "hangs":
    told("loaded")
point("loaded")
if sys.stdin.readline() != "go\\n":
    noted("unwanted")
    sys.exit(0)
try:
    os.close(os.open({busy!r}, os.O_CREAT | os.O_EXCL))
except FileExistsError:
    noted("clash")
    sys.exit(1)
try:
    noted("begins")
    point("go")
    if behave == "crashes":
        sys.exit(3)
    told({{"offline": "away", "lacks": "ready main"}}.get(behave, "ready main other"))
    point("ready")
    if behave == "flaps":
        time.sleep(0.05)
        told("away")
    while sys.stdin.readline():
        pass
    if behave == "stays":
        noted("stays")
        signal.pause()
    noted("ends")
finally:
    os.unlink({busy!r})
"""


def installed(root: Path, **versions: str) -> Installation:
    """An installation with versions, `v1="good"` being version 1; the first of them is current."""
    installation = Installation(root, root / "control", root / "connector.toml")
    installation.create()
    for name, behave in versions.items():
        version = name[1:]
        program = installation.command(version)
        program.parent.mkdir(parents=True)
        names = {"story": str(root / "story"), "busy": str(root / "busy")}
        text = VERSION.format(python=sys.executable, version=version, behave=behave, **names)
        program.write_text(text, encoding="utf-8")
        program.chmod(0o755)
        (installation.folder(version) / "complete").touch()
    installation.run_from_now_on(next(iter(versions))[1:])
    return installation


def fast() -> None:
    """Have the launcher look often and wait shortly."""
    launcher.LOOK_EVERY = launcher.FIRST_WAIT = 0.02
    launcher.LONGEST_WAIT = 0.1


if __name__ == "__main__":
    fast()
    main(["run", "--root", sys.argv[1]])
