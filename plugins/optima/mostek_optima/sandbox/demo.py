"""The company for `make demo`."""

from __future__ import annotations

import json
from pathlib import Path

from mostek.plugin.demo import Demo
from mostek_optima.sandbox import create

__all__ = ["optima"]

_COMPANY = """\
[companies.main]
plugin = "optima"
company = "Demo"

[companies.main.database]
kind = "sqlite"
path = {path}
schema = "CDN"

[companies.main.orders]
mode = "com"
operator = "ADMIN"
password = ""
warehouse = 1
"""
_ORDER = (
    "SELECT h.TrN_NumerPelny, h.TrN_NumerObcy, h.TrN_Bufor, e.TrE_TwrKod, e.TrE_Ilosc, e.TrE_WartoscBrutto"
    " FROM CDN.TraNag h JOIN CDN.TraElem e ON e.TrE_TrNId = h.TrN_TrNID WHERE h.TrN_TrNID = ? ORDER BY e.TrE_Lp"
)


def optima(folder: Path) -> Demo:
    """Orders by the program's objects, which a double stands in for."""
    made = create(folder / "erp.sqlite")
    company = _COMPANY.format(path=json.dumps(str(made.path)))
    return Demo(made.path, company, schema="CDN", order=_ORDER)
