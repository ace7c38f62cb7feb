"""What orders and customers need of the database: the one list, held against the statements sent."""

from __future__ import annotations

from mostek.plugin.rights import WriteRights
from mostek_optima.orders.config import ComConfig, DirectConfig

__all__ = ["write_rights"]


def _tables(names: str) -> frozenset[str]:
    return frozenset(f"CDN.{name}" for name in names.split())


_LOOKS_UP = _tables(
    "TraNag TraElem TraVat DokDefinicje FormyPlatnosci Magazyny DefCeny DefAtrybuty Kontrahenci Rabaty"
    " Towary TwrCeny TwrEan"
)
_COPIED = _tables("TraSElem")
_INSERTS = _tables("TraNag TraElem TraVat")


def write_rights(orders: ComConfig | DirectConfig | None) -> WriteRights:
    """ValidateOrder looks up also where nothing is written; the program writes with a login of its own."""
    if isinstance(orders, DirectConfig):
        return WriteRights(_LOOKS_UP | _COPIED, inserts=_INSERTS)
    return WriteRights(_LOOKS_UP, sessions=isinstance(orders, ComConfig))
