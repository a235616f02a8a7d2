"""How far a partition is: everything below its checkpoint is carried out, whatever is under way above it."""

from __future__ import annotations

from opsroom_common.log.port import Checkpoint


class Place:
    """One partition, read from ``start`` on. Causes are begun in order and end in any."""

    def __init__(self, start: Checkpoint) -> None:
        self._read = start
        self._under_way: dict[int, Checkpoint] = {}
        """By offset, ascending: the checkpoint just before the cause."""

    @property
    def read(self) -> Checkpoint:
        """Everything below is read."""
        return self._read

    @property
    def done(self) -> Checkpoint:
        """Everything below is carried out: what may be kept."""
        return next(iter(self._under_way.values()), self._read)

    @property
    def under_way(self) -> int:
        return len(self._under_way)

    def begin(self, offset: int) -> None:
        """The record at ``offset``, the next one after ``read``, is a cause."""
        self._under_way[offset] = self._read

    def end(self, offset: int) -> None:
        """It is carried out."""
        self._under_way.pop(offset, None)

    def advance(self, after: Checkpoint) -> None:
        """Records up to ``after`` are read."""
        self._read = after
