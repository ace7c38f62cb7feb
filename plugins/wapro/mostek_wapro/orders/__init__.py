"""Orders of WAPRO Mag by the vendor's stored procedures; customers, for which it has none (docs/plugins/wapro.md).

writes      WaproWriter: look, plan, call, check, in one transaction
config      OrdersConfig: who writes, and what the site allows
draft       Planner: what of a draft is WAPRO Mag's own; with cards, customers, products, setup
procedures  the procedures that the database has, and how they are called by the names of their parameters
placing     Plan → calls
new_customer, delivery, insertion, recorded
"""

from mostek_wapro.orders.config import OrdersConfig
from mostek_wapro.orders.writes import WaproWriter

__all__ = ["OrdersConfig", "WaproWriter"]
