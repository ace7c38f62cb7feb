"""HTTP/1.1 as uvicorn reads it, bounded before anybody has shown a key: how long a head may be, and take."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["MAX_HEAD", "BoundedHttp"]

#: Bytes of a request's line and headers, and of what its body has besides itself. A list's filters are in the line.
MAX_HEAD: Final = 256 * 1024
#: Of each byte of a body, so many come as marks of a chunk at most.
_MARKS: Final = 8
_TOO_LARGE: Final = b"431 Request Header Fields Too Large"
_TOO_SLOW: Final = b"408 Request Timeout"

#: Not what is wrong with each request: anybody makes such, and they would fill the log.
_ERRORS: Final = logging.getLogger("mostek.hub.http.errors")
_ERRORS.setLevel(logging.ERROR)


class BoundedHttp(HttpToolsProtocol):
    """Cuts off who sends a head without end, or none."""

    #: Seconds in which a head must have come, from the connection or the answer before on.
    head_within: ClassVar[float] = 30.0

    _awaits_head = True
    _size = 0
    _late: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.logger = _ERRORS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._size += len(data)
        super().data_received(data)
        if self._size > MAX_HEAD:
            self._cut_off(_TOO_LARGE)
        elif self._awaits_head or self._is_idle:
            self._wait_for_head()

    def on_message_begin(self) -> None:
        self._awaits_head, self._size = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._awaits_head, self._size = False, 0
        self._disarm()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        # What has no place in a body is kept, as headers after it are.
        self._size = max(0, self._size - (1 + _MARKS) * len(body))
        super().on_body(body)

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _wait_for_head(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(self.head_within, self._cut_off, _TOO_SLOW)

    def _disarm(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _cut_off(self, status: bytes) -> None:
        self._late = None
        if self.transport.is_closing():
            return
        if self._is_idle:
            answer = b"HTTP/1.1 %s\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            self.transport.write(answer % status)
        self.transport.close()
