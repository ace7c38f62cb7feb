"""An ERP's .NET in the worker process. Imports the standard library alone; pythonnet when a runtime is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from importlib import import_module
from typing import Any

from mostek.plugin.worker.inside import Fault

__all__ = ["add_decimals", "clr", "opening"]

_LICENCE = "licenc"


def clr(who: str, runtime: str, runtime_config: str = "") -> Any:
    """The module `clr`, with that runtime loaded into the process. `who`: whose objects are wanted, for people."""
    try:
        pythonnet = import_module("pythonnet")
    except ImportError as error:
        raise Fault(
            "unavailable",
            f"{who} needs pythonnet: install it in the Python of the worker.",
            str(error),
        ) from error
    pythonnet.load(runtime, **({"runtime_config": runtime_config} if runtime_config else {}))
    return import_module("clr")


def add_decimals(found: Any) -> None:
    """Add to the program's classes what makes their decimals of a text (`decimal`) and ours of theirs (`exact`)."""
    parse = import_module("System").Decimal.Parse
    invariant = import_module("System.Globalization").CultureInfo.InvariantCulture
    found.decimal = lambda text: parse(text, invariant)
    # `str` would write it as the culture of the process does.
    found.exact = lambda value: Decimal(value.ToString(invariant))


@contextmanager
def opening(*, no_licence: str, not_started: str) -> Iterator[None]:
    """Errors within the block kept the program from starting, or the operator from logging in: what to do of each."""
    try:
        yield
    except Fault:
        raise
    except Exception as error:
        text = str(error)
        if _LICENCE in text.lower():
            raise Fault("licence", no_licence, text) from error
        raise Fault("unavailable", not_started, text) from error
