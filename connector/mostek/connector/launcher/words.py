"""What a launcher and the version that it runs say to each other, by the version's stdin and stdout, a line each.

    version   loaded              its configuration is read and right; it has touched nothing yet
    launcher  go                  the one before is gone: begin
    version   ready NAME NAME …   the hub has welcomed it, and these companies' ERPs could be looked at
    version   away                it has no session
    launcher  (end of file)       say goodbye, let commands finish, end; also what a killed launcher says

Versions that are older or newer than the launcher must understand it: words may be added, and none may change.
"""

from __future__ import annotations

__all__ = ["AWAY", "GO", "LOADED", "READY", "SUPERVISED"]

LOADED = "loaded"
GO = "go"
READY = "ready"
AWAY = "away"
#: The option of `mostek-connector run` that has a version speak so.
SUPERVISED = "--supervised"
