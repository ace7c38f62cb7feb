"""enova365's .NET, and what its errors mean. Imports the standard library alone, pythonnet only to load the program."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mostek.plugin.worker.inside import Fault, licence_lost

__all__ = ["CLASSES", "faults", "load", "opening"]

#: Namespace → the public classes that are used, and the module that has the assembly's name.
CLASSES: Mapping[str, tuple[str, ...]] = {
    "Soneta.Business.App": ("BusApplication",),
    "Soneta.CRM": ("CRMModule", "Kontrahent"),
    "Soneta.Core": (
        "CoreModule",
        "DaneKontaktowe",
        "RodzajPodmiotu",
        "RodzajeKontaktow",
        "StatusPodmiotu",
    ),
    "Soneta.Handel": (
        "DokumentHandlowy",
        "HandelModule",
        "PozycjaDokHandlowego",
        "SposobLiczeniaVAT",
        "StanDokumentuHandlowego",
    ),
    "Soneta.Kasa": ("KasaModule",),
    "Soneta.Magazyny": ("MagazynyModule",),
    "Soneta.Towary": ("TowaryModule",),
    "Soneta.Types": ("Date", "DoubleCy", "MemoText", "Percent", "Quantity"),
}
_STARTER = "Soneta.Start"
_LICENCE = "licenc"
#: Somebody else saved a row at the same moment.
_CONFLICTS = {"ConcurrencyException", "RowConflictException"}
#: What the program raises when its rules, or the operator's rights, forbid something.
_REFUSALS = {"BusException", "RowException", "ArgumentException", "InvalidOperationException"}


def load(settings: Mapping[str, Any]) -> Any:
    """Load the program's libraries from its folder, and give its classes by their names."""
    folder = Path(settings["folder"])
    if not folder.is_dir():
        raise Fault(
            "unavailable",
            "There is no folder of enova365 where the configuration says: correct `folder` in"
            " [companies.<name>.orders].",
            str(folder),
        )
    clr = _runtime(settings)
    sys.path.append(str(folder))
    clr.AddReference(_STARTER)
    loader = import_module(_STARTER).Loader()
    # What the site added to the program may check documents, too.
    loader.WithExtensions = True
    loader.Load()
    found = SimpleNamespace()
    for namespace, names in CLASSES.items():
        module = import_module(namespace)
        for name in names:
            setattr(found, name, getattr(module, name))
    system = import_module("System")
    invariant = import_module("System.Globalization").CultureInfo.InvariantCulture
    found.Guid = system.Guid
    found.decimal = lambda text: system.Decimal.Parse(text, invariant)
    # `str` would write it as the culture of the process does.
    found.exact = lambda value: Decimal(value.ToString(invariant))
    # C# converts a text by itself.
    found.memo = found.MemoText.op_Implicit
    return found


def _runtime(settings: Mapping[str, Any]) -> Any:
    try:
        pythonnet = import_module("pythonnet")
    except ImportError as error:
        raise Fault(
            "unavailable",
            "enova365's objects need pythonnet: install it in the Python of the worker.",
            str(error),
        ) from error
    options = {}
    if settings["runtime"] == "coreclr" and settings["runtime_config"]:
        options = {"runtime_config": settings["runtime_config"]}
    pythonnet.load(settings["runtime"], **options)
    return import_module("clr")


def _no_licence(text: str) -> Fault:
    said = (
        "enova365 has no licence seat left, or none for this: log somebody out, or end a program that was"
        " left running."
    )
    return Fault("licence", said, text)


@contextmanager
def opening() -> Iterator[None]:
    """Errors within the block kept the program from starting, or the operator from logging in."""
    try:
        yield
    except Fault:
        raise
    except Exception as error:
        text = str(error)
        if _LICENCE in text.lower():
            raise _no_licence(text) from error
        raise Fault(
            "unavailable",
            "enova365 did not start: look at folder, runtime, database, operator and password in"
            " [companies.<name>.orders].",
            text,
        ) from error


@contextmanager
def faults(what: str) -> Iterator[None]:
    """Errors within the block are told by what they mean; one that nobody foresaw leaves unknown what was saved."""
    try:
        yield
    except Fault:
        raise
    except Exception as error:
        names = {kind.__name__ for kind in type(error).__mro__}
        text = _said(error)
        if names & _CONFLICTS:
            said = f"Somebody saved the {what}, or what belongs to it, at the same moment."
            raise Fault("locked", said, text) from error
        if licence_lost(text):
            raise _no_licence(text) from error
        if names & _REFUSALS:
            raise Fault("refused", f"enova365 refused the {what}.", text) from error
        raise


def _said(error: Exception) -> str:
    """The program's own words, with what caused them."""
    inner = getattr(error, "InnerException", None)
    return f"{error} ({inner})" if inner is not None else str(error)
