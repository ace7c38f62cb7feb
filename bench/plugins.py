"""Rows per second of every plugin and list, all fields, on the sandbox of its demo: what a site's own time is made of.

Not ratios, so there are no targets: they tell one plugin or operation from another on one machine.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path

from mostek.connector.companies import load
from mostek.plugin.demo import DEMOS, make_demo
from mostek.plugin.plugin import Context, Plugin
from mostek.plugin.testing import items
from mostek.wire.operations import OPERATIONS

__all__ = ["Rates", "measure_plugins", "print_rates"]

#: Plugin → operation → rows per second.
Rates = dict[str, dict[str, float]]
PAGE = 200
#: Seconds that an operation is read for at least; the list is begun anew when it ends.
SECONDS = 0.5
_HEAD = '[hub]\nlink = "127.0.0.1:7444"\ninsecure = true\n[connector]\nname = "bench"\n'


def measure_plugins(folder: Path, say: Callable[[str], None]) -> Rates:
    """Of each plugin that brings a demo."""
    return {
        name: _rates(name, folder / name, say)
        for name in sorted(entry.name for entry in entry_points(group=DEMOS))
    }


def _rates(name: str, folder: Path, say: Callable[[str], None]) -> dict[str, float]:
    say(f"{name}: making its sandbox")
    folder.mkdir()
    file = folder / "connector.toml"
    file.write_text(_HEAD + make_demo(name, folder).company, encoding="utf-8")
    _, [company] = load(file)
    company.open()
    try:
        return {op: _rate(company.plugin, op) for op in _lists(company.plugin)}
    finally:
        company.plugin.close()


def _lists(plugin: Plugin) -> Iterator[str]:
    """Lists of the site's own are the site's."""
    for name, operation in OPERATIONS.items():
        paged = "page_size" in operation.request.DESCRIPTOR.fields_by_name
        if paged and name in plugin.serves and name != "ListRecords":
            yield name


def _rate(plugin: Plugin, operation: str) -> float:
    rows, token, began = 0, "", time.perf_counter()
    while (seconds := time.perf_counter() - began) < SECONDS or not rows:
        request = OPERATIONS[operation].request(page_size=PAGE, page_token=token)
        response = plugin.call(operation, request, Context(operation=operation))
        page = len(items(response))
        if not page and not token:
            return 0.0
        rows, token = rows + page, response.next_page_token  # type: ignore[attr-defined]
    return rows / seconds


def print_rates(rates: Rates) -> None:
    """A line for each plugin and operation."""
    print(f"\n{'rows per second, all fields':36}")
    for plugin, of in rates.items():
        for operation, rate in of.items():
            print(f"  {plugin:16} {operation:18} {rate:9,.0f}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        print_rates(measure_plugins(Path(made), lambda text: print(text, file=sys.stderr)))
