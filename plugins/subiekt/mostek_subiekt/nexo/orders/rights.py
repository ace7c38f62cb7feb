"""What orders need of the database: the one list, held against the statements sent."""

from __future__ import annotations

from mostek.plugin.rights import WriteRights
from mostek_subiekt.nexo.orders.config import NexoOrders
from mostek_subiekt.nexo.schema import OWNER

__all__ = ["write_rights"]

_LOOKS_UP = frozenset(
    f"{OWNER}.{name}"
    for name in (
        *("Podmioty", "Adresy", "Adresy_AdresPodmiotu", "Panstwa", "Cenniki", "PozycjeCennika"),
        *("Waluty", "Asortymenty", "JednostkiMiarAsortymentow", "JednostkiMiar", "KodyKreskowe"),
        *("StawkiVat", "JednostkiOrganizacyjne", "Magazyny", "FormyPlatnosci", "Dokumenty"),
        "PozycjeDokumentu",
    )
)


def write_rights(orders: NexoOrders | None) -> WriteRights:
    """ValidateOrder looks up also where nothing is written; Sfera writes with a login of its own."""
    return WriteRights(_LOOKS_UP, sessions=orders is not None)
