"""What a plugin brings for `make demo ERP=<name>`: a company whose ERP is invented.

The plugin's `pyproject.toml` names the function that makes it, under the name of the plugin:

    [project.entry-points."mostek.demos"]
    subiekt-gt = "mostek_subiekt.sandbox.demo:subiekt_gt"
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import cast

__all__ = ["DEMOS", "Demo", "make_demo"]

#: The group of entry points: name of the plugin → function of an empty folder.
DEMOS = "mostek.demos"


@dataclass(frozen=True)
class Demo:
    """A company on a sandbox.

    `company` is its part of the connector's configuration: TOML, the table `[companies.main]` and those below it.
    `order` is the SELECT, with one `?` for an id, that shows an order in the sandbox's own tables; "" if the plugin
    writes none.
    """

    sandbox: Path
    company: str
    schema: str = "dbo"
    order: str = ""


def make_demo(erp: str, folder: Path) -> Demo:
    """Make the demo of the plugin of this name in a folder; ValueError naming those that there are if it has none."""
    found = {entry.name: entry for entry in entry_points(group=DEMOS)}
    if erp not in found:
        raise ValueError(f"there is no demo of {erp}; there are {', '.join(sorted(found))}")
    return cast("Demo", found[erp].load()(folder))
