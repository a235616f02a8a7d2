"""What the log says, judged record by record as it lands. Written anew, on purpose: it shares neither the void rule nor the fold with the code.

Only the codec and the domain's ``evolve`` are the project's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from opsroom_common.contracts.codec import Undecodable, decode
from opsroom_common.contracts.envelope import FENCE_TYPE, MARK_TYPE, SKIPPED_TYPE, DomainRecord, Skip
from opsroom_common.contracts.topics import partition_of
from opsroom_common.log.port import LogRecord
from opsroom_domain.changes import seen_matches
from opsroom_domain.entities.incident import Assigned, SeverityChanged
from opsroom_domain.registry import KINDS

from .verdict import Broken

BITTER = b"bitter"
"""A note with this word is more than the rows' server takes, as long as it refuses it; the writers can handle it."""


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


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's skip: the record at ``offset`` does not count, ``version`` is what the entity has after it."""

    at: int
    offset: int
    version: int
    command_id: str


@dataclass(slots=True)
class Life:
    """What some records of an entity come to: the events that count, the version, and where it stops if nobody can go on."""

    steps: list[Step] = field(default_factory=list[Step])
    version: int = 0
    parked: int | None = None

    def state(self, version: int) -> Any:
        """As of then; a version whose record does not count left the state as it was."""
        return next((step.state for step in reversed(self.steps) if step.version <= version), None)


@dataclass(slots=True)
class Story:
    """An entity's valid life."""

    kind: str
    records: list[tuple[LogRecord, int]] = field(default_factory=list[tuple[LogRecord, int]])
    """Every valid one, and how many had landed anywhere before it."""
    decisions: list[Decision] = field(default_factory=list[Decision])
    life: Life = field(default_factory=Life)
    shown: dict[int, list[Any]] = field(default_factory=lambda: {0: [None]})
    """Every state that it ever had at a version: a skip may change what was valid."""
    suspect: bool = False
    """It has or had a record that some reader cannot handle."""

    @property
    def steps(self) -> list[Step]:
        return self.life.steps

    @property
    def version(self) -> int:
        return self.life.version

    @property
    def parked(self) -> int | None:
        """Offset of the record that nobody can handle; what comes after it does not count."""
        return self.life.parked

    def as_of(self, below: int) -> Life:
        """What the log below this offset says."""
        return lived([item for item in self.records if item[0].offset < below], [each for each in self.decisions if each.at < below])


def lived(records: Sequence[tuple[LogRecord, int]], decisions: Sequence[Decision]) -> Life:
    """The fold, from the beginning, with all decisions known."""
    life, state = Life(), None
    for record, landed in records:
        passed = [each.version for each in decisions if each.offset == record.offset and each.version - life.version in (0, 1)]
        if passed:
            life.version = passed[0]
            continue
        try:
            event = decode(record)
        except Undecodable:
            event = None
        if not isinstance(event, DomainRecord) or event.version != life.version + 1:
            life.parked = record.offset
            return life
        state = KINDS[event.kind].evolve(state, event.event)
        life.version += 1
        attempt, term = event.envelope.correlation_id, event.envelope.term or ""
        life.steps.append(Step(event.version, record.offset, event.command_id, attempt, term, state, landed))
    return life


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
        self.skips: dict[str, tuple[int, int, int]] = {}
        """By command id: partition and offset of the skip, and the version after it."""
        self.unskipped: set[str] = set()
        """Skips that were told that they changed nothing."""
        self._told: dict[int, set[int]] = {}
        """By story: offsets of the events that have counted."""
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
        where = f"{entity_id} at {record.partition}:{record.offset}"
        headers = dict(record.headers)
        if headers["ce_type"] == SKIPPED_TYPE.encode():
            self._skip(record, story, where)
            return
        before = story.life
        story.records.append((record, self.landed))
        story.suspect |= BITTER in (record.value or b"")
        if before.parked is not None:
            return
        try:
            event = decode(record)
        except Undecodable:
            story.suspect = True
            self._tell(story)
            return
        assert isinstance(event, DomainRecord)
        self._time(record, event.envelope.time, where)
        if event.version != before.version + 1:
            raise Broken("contiguous", f"{where}: version {event.version} after {before.version}")
        self._seen(event, before.state(before.version), where)
        self._tell(story)

    def _skip(self, record: LogRecord, story: Story, where: str) -> None:
        skip = decode(record)
        assert isinstance(skip, Skip)
        self._time(record, skip.envelope.time, where)
        if skip.command_id in self.skips:
            raise Broken("once", f"{where}: the skip {skip.command_id} stands in the log already")
        if skip.command_id in self.unskipped:
            raise Broken("no means no", f"{where}: the skip {skip.command_id} was told that it changed nothing")
        named = next((each for each, _ in story.records if each.offset == skip.skipped), None)
        if named is None:
            raise Broken("skip", f"{where}: the record at {skip.skipped} is none of the entity's")
        last = story.as_of(skip.skipped).version
        says = dict(named.headers).get("ce_entityversion", b"").decode()
        if skip.version != (last + 1 if says == str(last + 1) else last):
            raise Broken("skip", f"{where}: version {skip.version} after it, the entity had {last} and the record says {says or 'nothing'}")
        self.skips[skip.command_id] = (skip.partition, skip.offset, skip.version)
        story.decisions.append(Decision(skip.offset, skip.skipped, skip.version, skip.command_id))
        self._tell(story)

    def _tell(self, story: Story) -> None:
        """Live it again, and tell of every event that counts for the first time."""
        story.life = lived(story.records, story.decisions)
        for version in range(1, story.version + 1):
            states = story.shown.setdefault(version, [])
            if not any(state == story.life.state(version) for state in states):
                states.append(story.life.state(version))
        for step in story.steps:
            if step.offset not in self._told.setdefault(id(story), set()):
                self._told[id(story)].add(step.offset)
                self._counts(story, step)

    def _counts(self, story: Story, step: Step) -> None:
        record = next(each for each, _ in story.records if each.offset == step.offset)
        event = decode(record)
        assert isinstance(event, DomainRecord)
        where = f"{event.entity_id} at {record.partition}:{record.offset}"
        known = self.applied.setdefault(step.command_id, [])
        if known and known[-1].offset != self._before(story, step.offset):
            raise Broken("once", f"{where}: command {step.command_id} was applied at {known[0].offset} already")
        if known and known[-1].attempt != step.attempt:
            raise Broken("once", f"{where}: two attempts of command {step.command_id} were applied")
        known.append(step)
        if step.attempt is not None:
            self.attempts.setdefault(step.attempt, []).append(step)
        for watch in self.watchers:
            watch(event, step)

    @staticmethod
    def _before(story: Story, offset: int) -> int | None:
        """Offset of the entity's valid record before this one."""
        return max((each.offset for each, _ in story.records if each.offset < offset), default=None)

    def _time(self, record: LogRecord, time: datetime, where: str) -> None:
        line = self.lines[record.partition]
        if line.time is not None and time < line.time:
            raise Broken("time", f"{where}: {time} after {line.time}")
        line.time = time

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
