"""`python -m mostek.plugin.template NAME`: the beginning of a plugin, whose tests pass before a line of it is changed.

The files below `files` are written to a folder of the plugin's own. `$name`, `$package`, `$module` and `$plugin` are
replaced in their texts, `package` and `module` in their paths. `docs/plugins/afternoon.md` goes on from there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

__all__ = ["make_plugin"]

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")


def make_plugin(name: str, parent: Path) -> Path:
    """Write the plugin `name` (`my-erp`) into a new folder of that name in `parent`; the folder.

    ValueError if it can't be a name, FileExistsError if the folder is there.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is no name for a plugin: small letters, digits and dashes, like my-erp"
        )
    folder = parent / name
    folder.mkdir(parents=True)
    words = _words(name)
    for path, source in _files(files("mostek.plugin.template") / "files"):
        target = folder / Path(*(words.get(part, part) for part in path)).with_suffix("")
        target.parent.mkdir(parents=True, exist_ok=True)
        text = Template(source.read_text(encoding="utf-8")).substitute(words)
        target.write_text(text, encoding="utf-8")
    return folder


def _words(name: str) -> dict[str, str]:
    module = name.replace("-", "_")
    plugin = "".join(part.capitalize() for part in name.split("-"))
    return {"name": name, "module": module, "package": f"mostek_{module}", "plugin": plugin}


def _files(
    folder: Traversable, above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        path = (*above, entry.name)
        if entry.is_dir():
            yield from _files(entry, path)
        elif entry.name.endswith(".template"):
            yield path, entry
