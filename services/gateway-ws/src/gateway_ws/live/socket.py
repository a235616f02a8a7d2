"""A WebSocket, as a connection needs it."""

from __future__ import annotations

from typing import Protocol


class Closed(Exception):
    """The other side is gone, or we closed; nothing can be sent or received any more."""


class Socket(Protocol):
    """One open WebSocket. ``send`` waits while the other side does not read."""

    async def receive(self) -> str | bytes:
        """The next message: text, or bytes for a binary one. Raises Closed."""
        ...

    async def send(self, text: str) -> None:
        """Raises Closed."""
        ...

    async def close(self, code: int, reason: str) -> None:
        """Send a close frame. Waits, like ``send``. Closing twice is no error."""
        ...

    def abort(self) -> None:
        """Cut the connection at once, with whatever is unsent."""
        ...
