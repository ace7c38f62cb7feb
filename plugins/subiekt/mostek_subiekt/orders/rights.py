"""What orders and customers need of the database: the one list, held against the statements sent."""

from __future__ import annotations

from mostek.plugin.rights import WriteRights
from mostek_subiekt.orders.config import OrdersConfig, SferaConfig

__all__ = ["write_rights"]


def _tables(names: str) -> frozenset[str]:
    return frozenset(f"dbo.{name}" for name in names.split())


_LOOKS_UP = _tables(
    "dok__Dokument dok_Pozycja dok_Vat dok_Parametr nr_Parametr nr_NrRez nr_NrStart"
    " kh__Kontrahent adr__Ewid adr_Historia kh_AdresyDostawy"
    " sl_FormaPlatnosci sl_GrupaKh sl_Magazyn sl_Panstwo sl_Rabat sl_StawkaVAT sl_Wojewodztwo"
    " tw__Towar tw_Cena tw_JednMiary tw_KodKreskowy"
)
_OF_SFERA = _tables("su_Parametr")
_ORDERS = _tables("dok__Dokument dok_Pozycja dok_Vat adr_Historia")
_CUSTOMERS = _tables("kh__Kontrahent adr__Ewid adr_Historia")
_IDS = _tables("spIdentyfikator")


def write_rights(orders: OrdersConfig | SferaConfig | None) -> WriteRights:
    """ValidateOrder looks up also where nothing is written; Sfera writes with a login of its own."""
    if orders is None:
        return WriteRights(_LOOKS_UP)
    if isinstance(orders, SferaConfig):
        return WriteRights(_LOOKS_UP | _OF_SFERA, sessions=True)
    inserts = _ORDERS | _CUSTOMERS if orders.customers else _ORDERS
    return WriteRights(_LOOKS_UP, inserts=inserts, executes=_IDS)
