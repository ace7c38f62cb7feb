"""The company for `make demo ERP=subiekt-nexo`."""

from __future__ import annotations

import json
from pathlib import Path

from mostek.plugin.demo import Demo
from mostek_subiekt.nexo.sandbox import create
from mostek_subiekt.nexo.schema import OWNER

__all__ = ["subiekt_nexo"]

_COMPANY = """\
[companies.main]
plugin = "subiekt-nexo"

[companies.main.database]
kind = "sqlite"
path = {path}
schema = "{owner}"
"""


def subiekt_nexo(folder: Path) -> Demo:
    """Reads."""
    path = create(folder / "erp.sqlite")
    company = _COMPANY.format(path=json.dumps(str(path)), owner=OWNER)
    return Demo(path, company, schema=OWNER)
