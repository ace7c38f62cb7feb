"""What reads and writes look up beside the query files; the program itself writes, with its own login."""

from __future__ import annotations

from mostek.plugin.rights import WriteRights
from mostek_enova.orders.config import OrdersConfig

__all__ = ["write_rights"]

_LOOKS_UP = frozenset(
    f"dbo.{name}"
    for name in (
        *("DefDokHandlowych", "DokHandlowe", "PozycjeDokHan", "Kontrahenci", "Adresy", "Towary"),
        *("Jednostki", "KodyKreskowe", "DefStawekVat", "DefinicjeCen", "Ceny", "Magazyny"),
        *("SposobyZaplaty", "FormyPlatnosci"),
    )
)


def write_rights(orders: OrdersConfig | None) -> WriteRights:
    """ValidateOrder looks up also where nothing is written."""
    return WriteRights(_LOOKS_UP, sessions=orders is not None)
