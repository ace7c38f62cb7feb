"""Pages of the hub's own lists. Their tokens tell their holder nothing, and are good for one tenant and one list."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from mostek.hub.keyring import KeyFileError, Keyring, Sealed
from mostek.wire.failures import Invalid

__all__ = ["PageTokens", "page_size"]

#: Items of a page, where the caller does not say, and at most.
_PAGE_SIZE = 100
_LARGEST_PAGE = 1000


class PageTokens:
    """Makes and reads tokens with the keys that encrypt what the hub keeps."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def make(self, tenant: str, rpc: str, place: str) -> str:
        """The token for what comes after a place of a list."""
        sealed = self._keyring.seal(place.encode(), _about(tenant, rpc))
        return f"{sealed.key_id}.{base64.urlsafe_b64encode(sealed.data).decode().rstrip('=')}"

    def read(self, tenant: str, rpc: str, token: str) -> str:
        """The place that a token stands for; none for an empty one. Raises Invalid."""
        if not token:
            return ""
        key_id, _, text = token.partition(".")
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
            return self._keyring.open(Sealed(key_id, data), _about(tenant, rpc)).decode()
        except (binascii.Error, ValueError, KeyFileError):
            raise Invalid.of(
                "page_token", "must be the next_page_token of the page before"
            ) from None


def _about(tenant: str, rpc: str) -> str:
    return f"page/{rpc}/{tenant}"


def page_size(request: Any) -> int:
    """How many items a request for a list wants. Raises Invalid."""
    size: int = request.page_size if request.HasField("page_size") else _PAGE_SIZE
    if not 1 <= size <= _LARGEST_PAGE:
        raise Invalid.of("page_size", f"must be from 1 to {_LARGEST_PAGE}")
    return size
