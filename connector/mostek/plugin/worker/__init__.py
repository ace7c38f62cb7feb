"""An ERP's own objects (COM, .NET) in a process of their own.

    plugin ── Worker.call("add_order", …) ──► worker process: Office.add_order(…) ──► COM, .NET

A call that hangs can't be ended inside its process, so the process is: `Worker` ends it with all that it started, and
`Saving` looks up what became of it.
"""

from __future__ import annotations
