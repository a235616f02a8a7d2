"""What the log says, judged record by record as it lands. Written anew, on purpose: it shares neither the void rule nor the fold with the code.

Only the codec and the domain's ``evolve`` are the project's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from opsroom_common.contracts.codec import Undecodable, decode
from opsroom_common.contracts.envelope import FENCE_TYPE, MARK_TYPE, DomainRecord
from opsroom_common.contracts.topics import partition_of
from opsroom_common.log.port import LogRecord
from opsroom_domain.changes import seen_matches
from opsroom_domain.entities.incident import Assigned, SeverityChanged
from opsroom_domain.registry import KINDS

from .verdict import Broken


@dataclass(frozen=True, slots=True)
class Step:
    """One valid event of an entity, and the state after it."""

    version: int
    offset: int
    command_id: str
    attempt: str | None
    term: str
    state: Any
    landed: int
    """How many records had landed anywhere before it."""


@dataclass(slots=True)
class Story:
    """An entity's valid life. ``steps[i]`` is version i + 1."""

    kind: str
    steps: list[Step] = field(default_factory=list[Step])
    parked: int | None = None
    """Offset of the record that nobody can handle; what comes after it does not count."""

    def state(self, version: int) -> Any:
        return None if version == 0 else self.steps[version - 1].state


@dataclass(slots=True)
class Line:
    """One partition so far."""

    term: str | None = None
    fence_offset: int | None = None
    offset: int = 0
    fences: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    voids: int = 0
    time: datetime | None = None
    """Of its last valid event."""


class Truth:
    """Folds what lands. Raises nothing: ``broken`` is told."""

    def __init__(self, partitions: int, broken: Callable[[Broken], None]) -> None:
        self._broken = broken
        self.lines = [Line() for _ in range(partitions)]
        self.stories: dict[str, Story] = {}
        self.applied: dict[str, list[Step]] = {}
        """By command id: its valid events."""
        self.attempts: dict[str, list[Step]] = {}
        """By attempt: what it wrote that counts."""
        self.landed = 0
        self.watchers: list[Callable[[DomainRecord, Step], None]] = []

    def partition_of(self, entity_id: str) -> int:
        return partition_of(entity_id, len(self.lines))

    def land(self, records: Sequence[LogRecord]) -> None:
        for record in records:
            try:
                self._land(record)
            except Broken as error:
                self._broken(error)
            self.landed += 1

    def _land(self, record: LogRecord) -> None:
        line = self.lines[record.partition]
        headers = dict(record.headers)
        kind, term = headers.get("ce_type", b"").decode(), headers.get("ce_term", b"").decode()
        line.offset = record.offset + 1
        if kind == FENCE_TYPE:
            line.term, line.fence_offset = headers["ce_id"].decode(), record.offset
            line.fences.append((record.offset, line.term))
        elif term != line.term:
            line.voids += 1
        elif kind != MARK_TYPE:
            self._event(record, term)

    def _event(self, record: LogRecord, term: str) -> None:
        entity_id = (record.key or b"").decode()
        story = self.stories.setdefault(entity_id, Story("incident"))
        if story.parked is not None:
            return
        try:
            event = decode(record)
        except Undecodable:
            story.parked = record.offset
            return
        assert isinstance(event, DomainRecord)
        where = f"{entity_id} at {record.partition}:{record.offset}"
        line = self.lines[record.partition]
        if line.time is not None and event.envelope.time < line.time:
            raise Broken("time", f"{where}: {event.envelope.time} after {line.time}")
        line.time = event.envelope.time
        if event.version != len(story.steps) + 1:
            raise Broken("contiguous", f"{where}: version {event.version} after {len(story.steps)}")
        before = story.state(len(story.steps))
        self._seen(event, before, where)
        known = self.applied.setdefault(event.command_id, [])
        if known and story.steps[-1].command_id != event.command_id:
            raise Broken("once", f"{where}: command {event.command_id} was applied at {known[0].offset} already")
        attempt = event.envelope.correlation_id
        if known and known[-1].attempt != attempt:
            raise Broken("once", f"{where}: two attempts of command {event.command_id} were applied")
        state = KINDS[event.kind].evolve(before, event.event)
        step = Step(event.version, record.offset, event.command_id, attempt, term, state, self.landed)
        story.steps.append(step)
        known.append(step)
        if attempt is not None:
            self.attempts.setdefault(attempt, []).append(step)
        for watch in self.watchers:
            watch(event, step)

    @staticmethod
    def _seen(event: DomainRecord, before: Any, where: str) -> None:
        """No lost update: what an event says that it replaces is what stood there."""
        replaced = [(change.field, change.seen, getattr(before, change.field)) for change in getattr(event.event, "changes", ())]
        if isinstance(event.event, SeverityChanged):
            replaced.append(("severity", event.event.previous.value, before.severity.value))
        if isinstance(event.event, Assigned):
            replaced.append(("assignee", event.event.previous, before.assignee))
        for name, seen, present in replaced:
            if not seen_matches(seen, present):
                raise Broken("lost update", f"{where}: {name} was seen as {seen!r}, but {present!r} is overwritten")
