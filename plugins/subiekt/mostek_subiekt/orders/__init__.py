"""Orders and customers of Subiekt GT written by direct SQL: a documented opt-in (docs/plugins/subiekt.md).

writes      DirectWriter: look, plan and insertion in one transaction
config      OrdersConfig: what is copied
draft       Planner: what of a draft is Subiekt GT's own; with cards, customers, products
template    the order that is copied; numbering: the next number
insertion   Plan → rows; with addresses, new_customer, rows
recorded    found again, and compared
"""

from mostek_subiekt.orders.config import OrdersConfig
from mostek_subiekt.orders.writes import DirectWriter

__all__ = ["DirectWriter", "OrdersConfig"]
