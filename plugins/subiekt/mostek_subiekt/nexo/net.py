"""Sfera nexo's .NET, and what its errors mean.

Imports the standard library alone, pythonnet only to load the program.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mostek.plugin.worker import net
from mostek.plugin.worker.inside import Fault, licence_lost

__all__ = ["faults", "load", "opening", "refusal"]

_ASSEMBLIES = (
    "InsERT.Moria.Sfera",
    "InsERT.Moria.API",
    "InsERT.Moria.ModelDanych",
    "InsERT.Mox.Core",
)
#: Where the classes are that are used. In which one each is differs between the sources that are known.
_NAMESPACES = (
    "InsERT.Moria.Sfera",
    "InsERT.Mox.Product",
    "InsERT.Moria.Dokumenty.Logistyka",
    "InsERT.Moria.Asortymenty",
    "InsERT.Moria.ModelOrganizacyjny",
    "InsERT.Moria.ModelDanych",
)
_CLASSES = (
    "DanePolaczenia",
    "IAsortymenty",
    "IMagazyny",
    "IZamowieniaOdKlientow",
    "MenedzerPolaczen",
    "OperacjePrzeliczaniaPozycji",
    "ProductId",
)
_LOCKED = "zablokowan"
_NO_LICENCE = (
    "Subiekt nexo has no licence for Sfera, or no seat left: log somebody out, or end a program that"
    " was left running."
)
_OF_THE_DATABASE = {"SqlException", "EntityException", "TimeoutException"}


def load(folder: str, runtime_config: str) -> Any:
    """Load the program's libraries from its folder, and give its classes by their names."""
    if not Path(folder).is_dir():
        raise Fault(
            "unavailable",
            "There is no folder of Subiekt nexo where the configuration says: correct `folder` in"
            " [companies.<name>.orders].",
            folder,
        )
    clr = net.clr("Sfera nexo", "coreclr", runtime_config)
    sys.path.append(folder)
    for name in _ASSEMBLIES:
        clr.AddReference(name)
    found = SimpleNamespace(**{name: _class(name) for name in _CLASSES})
    net.add_decimals(found)
    found.day = import_module("System").DateTime
    return found


def _class(name: str) -> Any:
    for namespace in _NAMESPACES:
        try:
            return getattr(import_module(namespace), name)
        except (ImportError, AttributeError):
            continue
    raise Fault(
        "unavailable",
        "Sfera nexo lacks a class that is needed: the libraries are of a version that is not known here.",
        name,
    )


def opening() -> AbstractContextManager[None]:
    """Errors within the block kept the program from starting, or the operator from logging in."""
    return net.opening(
        no_licence=_NO_LICENCE,
        not_started="Sfera nexo did not start: look at folder (of exactly the version that the database has), server,"
        " database, operator and password in [companies.<name>.orders].",
    )


@contextmanager
def faults(what: str) -> Iterator[None]:
    """Errors within the block came before anything was saved."""
    try:
        yield
    except Fault:
        raise
    except (AttributeError, TypeError) as error:
        said = "Sfera nexo of this version takes something otherwise than is known here."
        raise Fault("unavailable", said, str(error)) from error
    except Exception as error:
        names = {kind.__name__ for kind in type(error).__mro__}
        if names & _OF_THE_DATABASE:
            said = "Sfera nexo lost its database, or waited for it too long."
            raise Fault("unavailable", said, str(error)) from error
        raise refusal(what, str(error)) from error


def refusal(what: str, text: str) -> Fault:
    """What the program's words mean by which it refuses."""
    if licence_lost(text):
        return Fault("licence", _NO_LICENCE, text)
    if _LOCKED in text.lower():
        said = f"Somebody has the {what}, or what belongs to it, open in Subiekt nexo."
        return Fault("locked", said, text)
    return Fault("refused", f"Subiekt nexo refused the {what}.", text)
