"""The configuration of a company in Subiekt GT: the table `[companies.<name>]` of the connector's file."""

from __future__ import annotations

from mostek.plugin.orders.site import OrderConfig
from mostek_subiekt.orders.config import WriteMode

__all__ = ["SubiektConfig"]


class SubiektConfig(OrderConfig):
    """`[database]`, the site's own queries, attributes and rows; `[orders]`: how orders are written."""

    orders: WriteMode | None = None
