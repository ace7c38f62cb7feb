"""Companies for `make demo`."""

from __future__ import annotations

import json
from pathlib import Path

from mostek.plugin.demo import Demo
from mostek_subiekt.sandbox import create

__all__ = ["subiekt_gt"]

_COMPANY = """\
[companies.main]
plugin = "subiekt-gt"

[companies.main.database]
kind = "sqlite"
path = {path}
schema = "dbo"

[companies.main.orders]
template = {template}
"""
_ORDER = (
    "SELECT d.dok_NrPelny, d.dok_NrPelnyOryg, d.dok_Status, t.tw_Symbol, p.ob_Ilosc, p.ob_WartBrutto"
    " FROM dbo.dok__Dokument d JOIN dbo.dok_Pozycja p ON p.ob_DokHanId = d.dok_Id"
    " JOIN dbo.tw__Towar t ON t.tw_Id = p.ob_TowId WHERE d.dok_Id = ? ORDER BY p.ob_DokHanLp"
)


def subiekt_gt(folder: Path) -> Demo:
    """Orders by direct SQL."""
    made = create(folder / "erp.sqlite")
    path, template = (json.dumps(text) for text in (str(made.path), made.template_order))
    return Demo(made.path, _COMPANY.format(path=path, template=template), order=_ORDER)
