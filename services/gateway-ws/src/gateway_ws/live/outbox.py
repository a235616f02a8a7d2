"""What waits for one reader: bounded in bytes, sent in as few messages as possible."""

from __future__ import annotations

from collections import deque

_MESSAGE_CHARS = 64 * 1024
"""Frames are joined into one WebSocket message up to about this size; a larger single frame goes alone."""


class Outbox:
    """Frames in order. Not a task, not a lock: one event loop uses it."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._frames: deque[str] = deque()

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def bytes_waiting(self) -> int:
        return self._bytes

    def put(self, frame: str) -> bool:
        """Add a frame; False, and nothing is added, if that would exceed the bound."""
        size = _size(frame)
        if self._bytes + size > self._bytes_max:
            return False
        self._frames.append(frame)
        self._bytes += size
        return True

    def take(self) -> str:
        """Remove and return the next frames as one message, a frame a line. Only when something waits."""
        frame = self._frames.popleft()
        self._bytes -= _size(frame)
        if not self._frames or len(frame) >= _MESSAGE_CHARS:
            return frame
        chunk = [frame]
        chars = len(frame)
        while self._frames and chars + len(self._frames[0]) < _MESSAGE_CHARS:
            frame = self._frames.popleft()
            self._bytes -= _size(frame)
            chars += len(frame) + 1
            chunk.append(frame)
        return "\n".join(chunk)

    def clear(self) -> None:
        self._frames.clear()
        self._bytes = 0


def _size(frame: str) -> int:
    return len(frame) if frame.isascii() else len(frame.encode())
