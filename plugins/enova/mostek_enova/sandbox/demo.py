"""The company for `make demo`."""

from __future__ import annotations

import json
from pathlib import Path

from mostek.plugin.demo import Demo
from mostek_enova.sandbox import create

__all__ = ["enova365"]

_COMPANY = """\
[companies.main]
plugin = "enova365"
company_name = "Żółw Sp. z o.o."

[companies.main.database]
kind = "sqlite"
path = {path}
schema = "dbo"

[companies.main.orders]
definition = "ZO"
warehouse = "F"
customers = true
approve = true
database = "Sandbox"
operator = "Szef"
password = "demo"
"""
_ORDER = (
    "SELECT d.NumerPelny, d.ObcyNumer, d.Stan, t.Kod, p.IloscValue, p.CenaValue"
    " FROM dbo.DokHandlowe d JOIN dbo.PozycjeDokHan p ON p.Dokument = d.ID"
    " JOIN dbo.Towary t ON t.ID = p.Towar WHERE d.ID = ? ORDER BY p.Lp"
)


def enova365(folder: Path) -> Demo:
    path = create(folder / "erp.sqlite")
    return Demo(path, _COMPANY.format(path=json.dumps(str(path))), order=_ORDER)
