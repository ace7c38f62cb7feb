"""The company for `make demo`."""

from __future__ import annotations

import json
from pathlib import Path

from mostek.plugin.demo import Demo
from mostek_wapro.sandbox import create

__all__ = ["wapro_mag"]

_COMPANY = """\
[companies.main]
plugin = "wapro-mag"
company = "Nasza"

[companies.main.database]
kind = "sqlite"
path = {path}
schema = "dbo"

[companies.main.orders]
user = "MOSTEK"
warehouse = "MAG"
"""
_ORDER = (
    "SELECT z.NUMER, z.NR_ZAMOWIENIA_KLIENTA, z.STAN_REALIZ, t.INDEKS_KATALOGOWY, q.ZAMOWIONO, q.CENA_NETTO"
    " FROM dbo.ZAMOWIENIE z JOIN dbo.POZYCJA_ZAMOWIENIA q ON q.ID_ZAMOWIENIA = z.ID_ZAMOWIENIA"
    " JOIN dbo.ARTYKUL t ON t.ID_ARTYKULU = q.ID_ARTYKULU WHERE z.ID_ZAMOWIENIA = ?"
    " ORDER BY q.ID_POZYCJI_ZAMOWIENIA"
)


def wapro_mag(folder: Path) -> Demo:
    """Orders by the procedures, which the sandbox emulates."""
    path = create(folder / "erp.sqlite")
    return Demo(path, _COMPANY.format(path=json.dumps(str(path))), order=_ORDER)
