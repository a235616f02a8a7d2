"""uvicorn's HTTP protocol with an end to a request's head: httptools itself takes headers for ever, and as many as are sent."""

# uvicorn's protocol is not annotated for those who build on it.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX = 64 * 1024
"""Of the request line and the headers, about: what comes in one read is judged at its end."""
HEAD_WITHIN_S = 10.0
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 15\r\n"
    b"connection: close\r\n\r\nsend less in it"
)


class BoundedHttp(HttpToolsProtocol):
    """A connection whose head is not whole in time, or too large, is closed. A quiet one is uvicorn's to close, except before its first byte."""

    head_within_s: ClassVar[float] = HEAD_WITHIN_S

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._in_head = True
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = self.loop.call_later(self.head_within_s, self._give_up)

    def data_received(self, data: bytes) -> None:
        began_in_head = self._in_head
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        self._head_bytes = self._head_bytes + len(data) if began_in_head else 0
        if self._head_bytes > HEAD_BYTES_MAX:
            self.transport.write(_TOO_LARGE)
            self.transport.close()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_within_s, self._give_up)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        self._stop_timer()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        self.transport.abort()
