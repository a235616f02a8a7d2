"""The recent past of the feed, in memory: what a client that comes back can be given without asking anybody."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice

from gateway_ws.live.publications import Prepared
from opsroom_common.feed.port import Position


class OutOfOrder(Exception):
    """An entry that is not the next one: a defect of the caller, never shown to a client."""


class Ring:
    """Consecutive entries of one epoch, bounded in bytes and in seconds since their arrival.

    ``floor`` is the smallest position from which nothing is missing: every n with floor < n <= head is held.
    """

    def __init__(self, *, bytes_max: int, age_max_s: float) -> None:
        self._bytes_max = bytes_max
        self._age_max_s = age_max_s
        self._entries: deque[tuple[float, Prepared]] = deque()
        self._bytes = 0
        self._position: Position | None = None

    @property
    def position(self) -> Position | None:
        """The last entry's position; None until the first ``reset``."""
        return self._position

    @property
    def floor(self) -> int:
        return 0 if self._position is None else self._position.n - len(self._entries)

    @property
    def bytes_held(self) -> int:
        return self._bytes

    def __len__(self) -> int:
        return len(self._entries)

    def reset(self, position: Position) -> None:
        """Forget everything and stand at ``position``: a new epoch, or a hole that cannot be filled."""
        self._entries.clear()
        self._bytes = 0
        self._position = position

    def append(self, prepared: Prepared, now_s: float) -> None:
        """Add the next entry; ``now_s`` is monotonic. Raises OutOfOrder if it is not exactly the next one."""
        have, comes = self._position, prepared.entry.position
        if have is None or comes.epoch != have.epoch or comes.n != have.n + 1:
            raise OutOfOrder(f"entry {comes} after {have}")
        self._entries.append((now_s, prepared))
        self._bytes += prepared.size
        self._position = comes
        self.trim(now_s)

    def trim(self, now_s: float) -> None:
        """Drop what is too old or too much. The newest entry may go too: the position stays."""
        while self._entries and (self._bytes > self._bytes_max or now_s - self._entries[0][0] > self._age_max_s):
            self._bytes -= self._entries.popleft()[1].size

    def after(self, n: int) -> Sequence[Prepared]:
        """Entries with a greater position, oldest first. Only for floor <= n <= head."""
        missed = (0 if self._position is None else self._position.n) - n
        return [prepared for _, prepared in reversed(list(islice(reversed(self._entries), missed)))]
