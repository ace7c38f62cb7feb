"""`mostek-hub`, and `python -m mostek.hub`, which is the same."""

from __future__ import annotations

import os
from typing import Final

__all__ = ["NO_SUITE", "main"]

#: A suite that needs a key shared beforehand, which nobody has here.
NO_SUITE: Final = "ECDHE-PSK-CHACHA20-POLY1305"


def main() -> None:
    """Entry point."""
    # gRPC has no setting for the oldest version of TLS in Python, and reads this one when it is imported. TLS 1.3 has
    # suites of its own: with none left TLS 1.2 ends.
    if os.environ.get("MOSTEK_HUB_TLS_MINIMUM", "1.3") == "1.3":
        os.environ["GRPC_SSL_CIPHER_SUITES"] = NO_SUITE
    from mostek.hub.cli import main as commands

    commands()


if __name__ == "__main__":
    main()
