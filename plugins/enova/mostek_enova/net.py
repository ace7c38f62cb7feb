"""enova365's .NET, and what its errors mean. Imports the standard library alone, pythonnet only to load the program."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mostek.plugin.worker import net
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
_NO_LICENCE = (
    "enova365 has no licence seat left, or none for this: log somebody out, or end a program that"
    " was left running."
)
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
    # .NET Framework takes no configuration of its runtime.
    runtime_config = settings["runtime_config"] if settings["runtime"] == "coreclr" else ""
    clr = net.clr("enova365's objects", settings["runtime"], runtime_config)
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
    net.add_decimals(found)
    found.Guid = import_module("System").Guid
    # C# converts a text by itself.
    found.memo = found.MemoText.op_Implicit
    return found


def opening() -> AbstractContextManager[None]:
    """Errors within the block kept the program from starting, or the operator from logging in."""
    return net.opening(
        no_licence=_NO_LICENCE,
        not_started="enova365 did not start: look at folder, runtime, database, operator and password in"
        " [companies.<name>.orders].",
    )


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
            raise Fault("licence", _NO_LICENCE, text) from error
        if names & _REFUSALS:
            raise Fault("refused", f"enova365 refused the {what}.", text) from error
        raise


def _said(error: Exception) -> str:
    """The program's own words, with what caused them."""
    inner = getattr(error, "InnerException", None)
    return f"{error} ({inner})" if inner is not None else str(error)
