"""The log as this project sees it: append a batch under one producer session, read classified records from a checkpoint.

Rules R1 to R9 of docs/explanation/write-protocol.md speak of these types. Two adapters keep one test suite: ``memory`` and ``kafka``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record to append. ``timestamp_ms`` is the broker's record time (Unix, milliseconds)."""

    key: bytes | None
    value: bytes
    headers: Headers
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A record as it stands in the log."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a reader of one partition is: every record below ``offset`` is handled.

    ``term`` is the id of the last fence below ``offset``, which stands at ``fence_offset`` (both ``None`` before the first fence).
    On start the reader checks that this fence stands there; if not, it is another log (R1) and the reader stops.
    """

    offset: int = 0
    term: str | None = None
    fence_offset: int | None = None


class RecordClass(StrEnum):
    """What a record of ``ops.events`` is for every reader (R1): the rule lives in ``log.fencing`` alone."""

    EVENT = "event"
    MARK = "mark"
    FENCE = "fence"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Classified:
    """A record, what it is, and the checkpoint that holds once it is handled. Voids, fences and marks move the checkpoint too (R8)."""

    record: LogRecord
    what: RecordClass
    after: Checkpoint


class LogError(Exception):
    """Base of what the log says. Messages name the partition and what to do."""


class AnotherLog(LogError):
    """The checkpoint's fence is not where it was, or the offset is gone: the topic was recreated or restored. Never continue."""


def another_log(topic: str, partition: int, start: Checkpoint) -> AnotherLog:
    """The error that says what was expected where, and what to do."""
    return AnotherLog(
        f"{topic}:{partition}: the checkpoint (offset {start.offset}, term {start.term} at {start.fence_offset}) does not belong to this log; "
        "the topic was recreated or restored: reset the projection and rebuild it from this log"
    )


class Unavailable(LogError):
    """The log cannot be reached now; nothing was appended by this call. Try again."""


class TooLarge(LogError):
    """The batch is above the limit; refused before sending (R3). Nothing was appended."""


class AppendUnknown(LogError):
    """The batch's fate is unknown (R2): it may be in the log, may come later, may never come. The session is over."""


class SessionLost(LogError):
    """The producer session is over (R3); nothing of this call was sent. Fence again with a new session."""


class AppendSession(Protocol):
    """One producer session: at most one batch per partition in flight, never re-initialised (R3).

    ``append`` returns the offset of the batch's first record once all replicas in sync hold it, or -1 when the log says only
    "I have that already" (the caller reads until it finds its batch, R2). The batch is atomic: all of its records or none.
    Raises TooLarge, SessionLost (not sent), AppendUnknown (fate unknown; the session is over for every partition).
    """

    @property
    def alive(self) -> bool: ...

    async def append(self, partition: int, records: Sequence[RawRecord]) -> int: ...

    async def close(self) -> None:
        """End the session without waiting for what is in flight. Bounded in time."""
        ...


class LogReader(Protocol):
    """Reads partitions from checkpoints, in order, classified. Single use, one task."""

    async def poll(self, max_records: int, timeout_s: float) -> Mapping[int, Sequence[Classified]]:
        """Return at least one record of some partition, or {} after ``timeout_s``. Raises AnotherLog, Unavailable."""
        ...

    def position(self, partition: int) -> Checkpoint:
        """The checkpoint after the last record that ``poll`` returned for ``partition``."""
        ...

    async def close(self) -> None: ...


class EventLog(Protocol):
    """``ops.events``: partitions 0 to ``partitions`` - 1, each with one writer at a time and any number of readers."""

    @property
    def topic(self) -> str: ...

    @property
    def partitions(self) -> int: ...

    def partition_of(self, entity_id: str) -> int: ...

    async def session(self) -> AppendSession:
        """Open a new producer session. Raises Unavailable."""
        ...

    async def reader(self, starts: Mapping[int, Checkpoint]) -> LogReader:
        """Read the named partitions, each from its checkpoint. Raises AnotherLog if one's fence is not there (R1), Unavailable."""
        ...

    async def end_offset(self, partition: int) -> int:
        """The offset that the next record will get, at the time of asking. A hint: never proof of anything (R4). Raises Unavailable."""
        ...
