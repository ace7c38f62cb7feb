"""Orders and customers of Subiekt GT written by direct SQL: a documented opt-in (docs/plugins/subiekt.md).

writes      OrderWrites: the operations, with lock, transaction and answer
config      OrdersConfig: what is copied
draft       Planner: a draft → Plan, and every problem of it; with lines, customers, products, amounts
template    the order that is copied; numbering: the next number
insertion   Plan → rows; with addresses, new_customer, rows
recorded    found again, and compared
"""

from mostek_subiekt.orders.config import OrdersConfig
from mostek_subiekt.orders.writes import OrderWrites

__all__ = ["OrderWrites", "OrdersConfig"]
