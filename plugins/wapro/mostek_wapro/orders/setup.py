"""What of the site a write needs: its warehouses, the type of orders, the user who writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mostek.plugin.orders.lookup import Lookup, text
from mostek.plugin.sql_types import Param
from mostek_wapro.conversion import flag
from mostek_wapro.orders.config import HOW_TO_ALLOW_ORDERS, OrdersConfig
from mostek_wapro.orders.customers import number

__all__ = ["Setup"]

_WAREHOUSES = (
    "SELECT m.ID_MAGAZYNU, m.SYMBOL FROM dbo.MAGAZYN m WHERE m.ID_FIRMY = ? ORDER BY m.ID_MAGAZYNU"
)
_TYPE = "SELECT t.ID_TYPU FROM dbo.TYP_DOKUMENTU_MAGAZYNOWEGO t WHERE t.ID_FIRMY = ? AND t.SYGNATURA = ?"
# Nothing else of this table: it holds passwords.
_USER = "SELECT u.ID_UZYTKOWNIKA, u.CZY_AKTYWNY, u.ARCHIWALNY FROM dbo.UZYTKOWNIK u WHERE u.IDENTYFIKATOR = ?"
_EMPLOYEE = (
    "SELECT MIN(p.ID_PRACOWNIKA) FROM dbo.PRACOWNIK p WHERE p.ID_FIRMY = ? AND p.ID_UZYTKOWNIKA = ?"
)
_PRICE_LIST = "SELECT c.ID_CENY FROM dbo.CENA c WHERE c.ID_FIRMY = ? AND c.NAZWA = ?"


@dataclass
class Setup:
    """Ids of the site; 0 for what is not there, and then `problems` says why."""

    company: int
    warehouses: Mapping[int, str]
    warehouse: int = 0
    price_list: int = 0
    type: int = 0
    user: int = 0
    employee: int = 0
    problems: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, lookup: Lookup, company: int, config: OrdersConfig | None) -> Setup:
        rows = lookup.fetch(_WAREHOUSES, number(company))
        setup = cls(company, {int(row[0]): text(row[1]) for row in rows})
        if len(setup.warehouses) == 1:
            setup.warehouse = next(iter(setup.warehouses))
        if config is None:
            setup.problems.append(HOW_TO_ALLOW_ORDERS)
        else:
            setup._read(lookup, config)
        return setup

    def _read(self, lookup: Lookup, config: OrdersConfig) -> None:
        company = number(self.company)
        found = lookup.one(_TYPE, company, Param.of(config.signature, "varchar(3)"))
        self.type = self._id(found, "signature", "no type of documents has this signature")
        self._read_user(lookup, config.user)
        if config.warehouse is not None:
            symbols = {symbol.casefold(): one for one, symbol in self.warehouses.items()}
            self.warehouse = symbols.get(config.warehouse.casefold(), 0)
            if not self.warehouse:
                self._wrong("warehouse", "there is no warehouse of this symbol")
        if config.price_list is not None:
            found = lookup.one(_PRICE_LIST, company, Param.of(config.price_list, "varchar(50)"))
            self.price_list = self._id(found, "price_list", "there is no price list of this name")

    def _read_user(self, lookup: Lookup, name: str) -> None:
        found = lookup.one(_USER, Param.of(name, "varchar(20)"))
        self.user = self._id(found, "user", "there is no user of this name")
        if found and ((found[1] is not None and not flag(found[1])) or flag(found[2])):
            self._wrong("user", "this user is not active")
        if self.user:
            employee = lookup.one(_EMPLOYEE, number(self.company), number(self.user))
            self.employee = int(employee[0] or 0) if employee else 0

    def _id(self, found: object, setting: str, reason: str) -> int:
        if not found:
            self._wrong(setting, reason)
            return 0
        return int(found[0])  # type: ignore[index]

    def _wrong(self, setting: str, reason: str) -> None:
        self.problems.append(
            f"Orders can't be written: {reason}. Correct `{setting}` in [companies.<name>.orders]."
        )
