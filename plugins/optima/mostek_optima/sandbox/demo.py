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
"""


def optima(folder: Path) -> Demo:
    made = create(folder / "erp.sqlite")
    return Demo(made.path, _COMPANY.format(path=json.dumps(str(made.path))), schema="CDN")
