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
"""


def wapro_mag(folder: Path) -> Demo:
    path = create(folder / "erp.sqlite")
    return Demo(path, _COMPANY.format(path=json.dumps(str(path))))
