"""What orders and customers need of the database: the one list, held against the statements sent."""

from __future__ import annotations

from mostek.plugin.rights import WriteRights
from mostek_wapro.orders.config import OrdersConfig
from mostek_wapro.orders.procedures import EXECUTED

__all__ = ["write_rights"]


def _tables(names: str) -> frozenset[str]:
    return frozenset(f"dbo.{name}" for name in names.split())


_LOOKS_UP = _tables(
    "ARTYKUL CENA CENA_ARTYKULU CENNIK_INDYWIDUALNY CENNIK_KONTRAHENTA FORMA_PLATNOSCI"
    " GRUPA_KONTRAHENTA JEDNOSTKA KOD_KRESKOWY KONTRAHENT MAGAZYN MIEJSCE_DOSTAWY POZYCJA_ZAMOWIENIA STAWKA_VAT"
    " TYP_DOKUMENTU_MAGAZYNOWEGO ZAMOWIENIE"
)
_COLUMNS = {
    # Not the passwords of the program's users, and nothing of its employees' persons.
    "dbo.UZYTKOWNIK": frozenset({"ID_UZYTKOWNIKA", "IDENTYFIKATOR", "CZY_AKTYWNY", "ARCHIWALNY"}),
    "dbo.PRACOWNIK": frozenset({"ID_PRACOWNIKA", "ID_FIRMY", "ID_UZYTKOWNIKA"}),
}
_CUSTOMERS = _tables("KONTRAHENT ADRESY_KONTRAHENTA")
_DELIVERIES = _tables("DOSTAWA MIEJSCE_DOSTAWY")


def write_rights(orders: OrdersConfig | None) -> WriteRights:
    """ValidateOrder looks up also where nothing is written."""
    if orders is None:
        return WriteRights(_LOOKS_UP, columns=_COLUMNS)
    inserts = _CUSTOMERS if orders.customers else frozenset[str]()
    inserts |= _DELIVERIES if orders.deliveries else frozenset[str]()
    return WriteRights(_LOOKS_UP, columns=_COLUMNS, inserts=inserts, executes=EXECUTED)
