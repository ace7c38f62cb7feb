"""Runs a module as it runs anyway, with a probe beside it: `python -m soak.launch SOCKET MODULE ARGUMENTS…`."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from soak.probe import answer_at

if __name__ == "__main__":
    answer_at(Path(sys.argv[1]))
    module = sys.argv[2]
    sys.argv = sys.argv[2:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
