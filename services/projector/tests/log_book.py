"""A log that tests write by hand: as owners, zombies and vandals would."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from opsroom_common.contracts.codec import SkippedBody, Undecodable, decode, encode_event, encode_fence, encode_mark, encode_skip, type_of
from opsroom_common.contracts.envelope import FENCE_TYPE, MARK_TYPE, SKIPPED_TYPE, DomainRecord, Envelope, Skip
from opsroom_common.log.entity import Entity, fold
from opsroom_common.log.fencing import TermFilter
from opsroom_common.log.memory import MemoryEventLog
from opsroom_common.log.port import Checkpoint, LogRecord, RawRecord, RecordClass
from opsroom_common.runtime.clock import ManualClock
from opsroom_common.runtime.ids import SeededIds
from opsroom_domain.decider import Kind, Refused
from opsroom_domain.entities.incident import (
    AddNote,
    Assign,
    ChangeLabels,
    ChangeSeverity,
    Noted,
    Open,
    Reopen,
    ReportSignal,
    Resolve,
    Severity,
    SignalStatus,
)
from opsroom_domain.ids import ActorId, CommandId, EntityId, Version, prefix_of
from opsroom_domain.registry import kind_of_prefix

TOPIC = "ops.events"
ACTOR = ActorId("usr_test")
BODY_HASH = "0" * 64


def kind_of(entity_id: EntityId) -> Kind[Any, Any, Any]:
    kind = kind_of_prefix(prefix_of(entity_id))
    assert kind is not None, f"{entity_id} is of no kind"
    return kind


class LogBook:
    """Writes ``ops.events`` as owners, zombies and vandals would. Everything random comes from ``seed``."""

    def __init__(self, partitions: int = 2, seed: int = 1, *, skips: bool = True) -> None:
        self.clock = ManualClock(datetime(2026, 11, 23, 9, 0, tzinfo=UTC))
        self.ids = SeededIds(seed, self.clock)
        self.log = MemoryEventLog(partitions, TOPIC)
        self.random = random.Random(seed)
        self.terms: dict[int, list[str]] = {p: [] for p in range(partitions)}
        self.entities: dict[EntityId, Entity] = {}
        """As a writer that never erred would fold them."""
        self.skips = skips
        """Whether persons skip records among the random steps."""
        self.bad: dict[EntityId, list[LogRecord]] = {}
        """Records that cannot be handled."""
        for partition in range(partitions):
            self.fence(partition)

    def fence(self, partition: int) -> None:
        envelope = self._envelope(FENCE_TYPE)
        self._land(partition, encode_fence(envelope, "command-api-1", "http://127.0.0.1:8401"))
        self.terms[partition].append(envelope.id)

    def mark(self, partition: int) -> None:
        self._land(partition, encode_mark(self._envelope(MARK_TYPE, term=self.terms[partition][-1])))

    def open(self, title: str = "Disk full", entity_id: EntityId | None = None) -> EntityId:
        wanted = entity_id or self.ids.entity_id("inc")
        self.apply(wanted, Open(at=self.clock.now(), by=ACTOR, incident_id=wanted, title=title, labels=('a "b" \\c', "x,y")))
        return wanted

    def note(self, entity_id: EntityId, text: str = "looking") -> None:
        self.apply(entity_id, AddNote(at=self.clock.now(), by=ACTOR, note_id=self.ids.uuid7(), text=text))

    def fire(self, entity_id: EntityId | None = None, number: int = 0) -> EntityId:
        """A firing signal: on a new incident one command with two events."""
        wanted = entity_id or self.ids.entity_id("inc")
        self.apply(wanted, self._signal(wanted, number, SignalStatus.FIRING))
        return wanted

    def apply(self, entity_id: EntityId, command: object) -> None:
        """Decide and append one command's events; a refusal appends nothing."""
        before = self.entities.get(entity_id)
        try:
            events = kind_of(entity_id).decide(None if before is None else before.state, command)
        except Refused:
            return
        command_id = CommandId(self.ids.uuid7())
        version = 0 if before is None else before.version
        for number, event in enumerate(events, start=1):
            landed = self.event(entity_id, version + number, event, command_id)
            record = decode(landed)
            assert isinstance(record, DomainRecord)
            self.entities[entity_id] = fold(self.entities.get(entity_id), record)

    def times(self, partition: int) -> list[datetime]:
        """Of every valid event that can be read, in log order; also of entities that are set aside."""
        terms, found = TermFilter(Checkpoint()), list[datetime]()
        for raw in self.log.records(partition):
            if terms.classify(raw).what is RecordClass.EVENT:
                with suppress(Undecodable):
                    record = decode(raw)
                    if isinstance(record, DomainRecord | Skip):
                        found.append(record.envelope.time)
        return found

    def event(
        self, entity_id: EntityId, version: int, event: object, command_id: CommandId | None = None, term: str | None = None
    ) -> LogRecord:
        """Append any event, whatever it does to its readers."""
        partition = self.log.partition_of(entity_id)
        return self._land(partition, self.raw(entity_id, version, event, command_id, term))

    def raw(
        self, entity_id: EntityId, version: int, event: object, command_id: CommandId | None = None, term: str | None = None
    ) -> RawRecord:
        envelope = replace(
            self._envelope(type_of(kind_of(entity_id).name, event), term=term or self.terms[self.log.partition_of(entity_id)][-1]),
            subject=entity_id,
            entity_version=Version(version),
            command_id=command_id or CommandId(self.ids.uuid7()),
            body_hash=BODY_HASH,
            actor=ACTOR,
            role="operator",
        )
        return encode_event(envelope, kind_of(entity_id).name, replace(event, at=envelope.time, by=ACTOR))  # type: ignore[type-var]

    def noted(self, text: str = "a note") -> Noted:
        return Noted(at=self.clock.now(), by=ACTOR, note_id=self.ids.uuid7(), text=text)

    def zombie(self, entity_id: EntityId) -> None:
        """A late record of a dead term, right in every other way."""
        known = self.entities[entity_id]
        terms = self.terms[self.log.partition_of(entity_id)]
        self.event(entity_id, known.version + 1, self.noted("void"), term=terms[-2] if len(terms) > 1 else self.ids.uuid7())

    def undecodable(self, entity_id: EntityId) -> None:
        """A valid record whose value no schema fits."""
        raw = self.raw(entity_id, self.entities[entity_id].version + 1, self.noted())
        self.bad.setdefault(entity_id, []).append(self._land(self.log.partition_of(entity_id), replace(raw, value=b"\xff\xff")))

    def lost(self, entity_id: EntityId) -> None:
        """A record that its writer could handle and no reader can: what follows counts on it."""
        self.undecodable(entity_id)
        known = self.entities[entity_id]
        self.entities[entity_id] = replace(known, version=Version(known.version + 1))

    def gap(self, entity_id: EntityId) -> None:
        record = self.event(entity_id, self.entities[entity_id].version + 7, self.noted("from the future"))
        self.bad.setdefault(entity_id, []).append(record)

    def skip(
        self, entity_id: EntityId, offset: int, version: int, *, term: str | None = None, command_id: CommandId | None = None
    ) -> LogRecord:
        """A person's decision that the record at ``offset`` does not count; the entity has ``version`` after it."""
        partition = self.log.partition_of(entity_id)
        envelope = replace(
            self._envelope(SKIPPED_TYPE, term=term or self.terms[partition][-1]),
            subject=entity_id,
            command_id=command_id or CommandId(self.ids.uuid7()),
            body_hash=BODY_HASH,
            actor=ACTOR,
            role="admin",
        )
        skipped = dict(self.log.records(partition)[offset].headers).get("ce_commandid")
        body = SkippedBody(
            offset=offset,
            version=version,
            reason="it cannot be handled",
            command_id=None if skipped is None else CommandId(skipped.decode()),
            body_hash=None if skipped is None else BODY_HASH,
        )
        return self._land(partition, encode_skip(envelope, body))

    def offsets(self, entity_id: EntityId) -> list[int]:
        """Of every record with its key, whatever it is."""
        return [raw.offset for raw in self.log.records(self.log.partition_of(entity_id)) if raw.key == entity_id.encode()]

    def bad_opening(self) -> None:
        """An entity that begins with a record that cannot be read."""
        entity_id = self.ids.entity_id("inc")
        self.bad.setdefault(entity_id, []).append(
            self._land(self.log.partition_of(entity_id), replace(self.raw(entity_id, 1, self.noted()), value=b"\xff"))
        )

    def random_skip(self) -> None:
        """Mostly of a record that cannot be handled, with the version that it says; sometimes of any, with any version, under a dead term."""
        if self.bad and self.random.random() < 0.7:
            entity_id = self.random.choice(sorted(self.bad))
            record = self.random.choice(self.bad[entity_id])
            said = int(dict(record.headers)["ce_entityversion"])
            self.skip(entity_id, record.offset, self.random.choice([said, said, said - 1]))
            return
        entity_id = self.random.choice(sorted({*self.entities, *self.bad}))
        offset = self.random.choice(self.offsets(entity_id))
        term = self.ids.uuid7() if self.random.random() < 0.1 else None
        said = int(dict(self.log.records(self.log.partition_of(entity_id))[offset].headers).get("ce_entityversion", b"1"))
        self.skip(entity_id, offset, max(0, said - self.random.choice([0, 0, 1, 5])), term=term)

    def keyless(self, partition: int) -> None:
        """A valid record that names nobody."""
        raw = self.raw(self.ids.entity_id("inc"), 1, self.noted(), term=self.terms[partition][-1])
        self._land(partition, replace(raw, key=None, value=b""))

    def random_step(self) -> None:
        """One of the many things that happen to a log."""
        partition = self.random.randrange(self.log.partitions)
        known = sorted(entity_id for entity_id in self.entities if kind_of(entity_id).name == "incident")
        what = self.random.random()
        if what < 0.06:
            self.fence(partition)
        elif what < 0.12:
            self.mark(partition)
        elif what < 0.15:
            self.fire()
        elif what < 0.3 or not known:
            self.open(title=f"Incident {self.random.randrange(1000)} “é”")
        elif what < 0.36:
            self.zombie(self.random.choice(known))
        elif what < 0.38:
            self.undecodable(self.random.choice(known))
        elif what < 0.39:
            self.lost(self.random.choice(known))
        elif what < 0.4:
            self.gap(self.random.choice(known))
        elif what < 0.41:
            self.keyless(partition)
        elif what < 0.42:
            self.bad_opening()
        elif what < 0.47 and self.skips:
            self.random_skip()
        else:
            self._random_command(self.random.choice(known))

    def _random_command(self, entity_id: EntityId) -> None:
        at, state = self.clock.now(), self.entities[entity_id].state
        number = self.random.randrange(3)
        choices = [
            AddNote(at=at, by=ACTOR, note_id=self.ids.uuid7(), text="x" * self.random.randrange(1, 50)),
            ChangeSeverity(at=at, by=ACTOR, seen=state.severity, severity=self.random.choice(list(Severity))),
            Assign(at=at, by=ACTOR, seen=state.assignee, assignee=ActorId(f"usr_{number}")),
            ChangeLabels(at=at, by=ACTOR, add=(f"l{number}",), remove=(f"l{(number + 1) % 3}",)),
            Resolve(at=at, by=ACTOR, resolution="done"),
            Reopen(at=at, by=ACTOR, reason="again"),
            self._signal(entity_id, number, self.random.choice(list(SignalStatus))),
        ]
        self.apply(entity_id, self.random.choice(choices))

    def _signal(self, entity_id: EntityId, number: int, status: SignalStatus) -> ReportSignal:
        at = self.clock.now()
        return ReportSignal(
            at=at, by=ACTOR, incident_id=entity_id, fingerprint=f"f{number}", status=status, starts_at=at, ends_at=None,
            name="DiskFull", summary="no space", severity=Severity.SEV2, source="alertmanager", source_url="https://example.org/a",
        )  # fmt: skip

    def _envelope(self, type_: str, term: str | None = None) -> Envelope:
        self.clock.advance(0.001 * self.random.randrange(3))
        return Envelope(id=self.ids.uuid7(), type=type_, source="/command-api", time=self.clock.now(), term=term)

    def _land(self, partition: int, raw: RawRecord) -> LogRecord:
        base = self.log.land(partition, [raw])
        return self.log.slice(partition, base, 1)[0]
