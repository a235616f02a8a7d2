"""A long history of incidents for one partition, in bulk: real records under one fence, and the rows that the projector would have made.

One incident is decided, encoded and folded by the real code; the others are the same with other ids. So a million records take seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256

from command_api.engine.encode import Place, encode_events
from command_api.engine.port import CommandRequest
from command_api.engine.recovery import SOURCE
from opsroom_common.contracts.codec import decode, encode_fence
from opsroom_common.contracts.envelope import FENCE_TYPE, DomainRecord, Envelope
from opsroom_common.log.batch import BATCH_BYTES_MAX, batch_bytes
from opsroom_common.log.entity import Entity, fold
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.log.port import Checkpoint, EventLog, LogRecord, RawRecord
from opsroom_common.postgres.entity_row import memory_json
from opsroom_common.postgres.pool import Pool
from opsroom_common.runtime.ids import SystemIds
from opsroom_domain.entities import incident
from opsroom_domain.ids import ActorId, CommandId, EntityId, Version
from opsroom_domain.registry import KINDS
from projector.batch_rows import EntityRow, FenceRow
from projector.fold_batch import Folded, fold_batch
from projector.known import Absent
from projector.store_postgres import PostgresStore

EVENTS_EACH = 10
BLOCK = 1_000
"""So many incidents live at the same time: their events stand in turn."""
ROWS_AT_ONCE = 5_000
_AT = datetime(2026, 11, 1, 9, tzinfo=UTC)
_BY = ActorId("usr_bench")
_IDS = SystemIds()


@dataclass(frozen=True)
class History:
    """``entities`` incidents of ten events each, in partition 0 of ``topic``, from offset 1 on. ``entities`` is a multiple of ``BLOCK``."""

    topic: str
    entities: int
    term: str
    seed: str
    """A UUIDv7: what the ids are made of."""

    @classmethod
    def new(cls, topic: str, entities: int) -> History:
        return cls(topic, entities, _IDS.uuid7(), _IDS.uuid7())

    @property
    def events(self) -> int:
        return self.entities * EVENTS_EACH

    @property
    def checkpoint(self) -> Checkpoint:
        """Behind all of it."""
        return Checkpoint(self.events + 1, self.term, 0)

    def id(self, number: int) -> EntityId:
        digest = sha256(f"{self.seed}{number}".encode()).digest()
        return EntityId("inc_0" + "".join("0123456789abcdefghjkmnpqrstvwxyz"[byte & 31] for byte in digest[:25]))

    def offset(self, number: int, event: int) -> int:
        """Of an incident's event; both count from 0."""
        block, place = divmod(number, BLOCK)
        return 1 + block * BLOCK * EVENTS_EACH + event * BLOCK + place

    def records(self) -> Iterator[RawRecord]:
        """In the order of the log, behind the fence."""
        first, templates = self.id(0).encode(), self._template[0]
        for block in range(0, self.entities, BLOCK):
            names = [self.id(number).encode() for number in range(block, block + BLOCK)]
            for event, template in enumerate(templates):
                for place, name in enumerate(names):
                    own = self._command_id(self.offset(block + place, event)).encode()
                    headers = tuple((key, _own(key, value, name, own)) for key, value in template.headers)
                    yield RawRecord(name, template.value.replace(first, name), headers, template.timestamp_ms)

    def row(self, number: int) -> EntityRow:
        """What the projector would have made of the incident."""
        _, entity, row = self._template
        offsets = [self.offset(number, event) for event in range(EVENTS_EACH)]
        name = self.id(number)
        recent = tuple(
            replace(applied, command_id=self._command_id(offset), offset=offset)
            for applied, offset in zip(entity.recent, offsets, strict=True)
        )
        memory = memory_json(replace(entity, id=name, offset=offsets[-1], recent=recent, created_by_command=recent[0]))
        return row._replace(id=name, offset=offsets[-1], state=row.state.replace(self.id(0), name), memory=memory)

    def _command_id(self, offset: int) -> CommandId:
        return CommandId(f"{self.seed[:24]}{offset:012x}")

    @cached_property
    def _template(self) -> tuple[list[RawRecord], Entity, EntityRow]:
        """The first incident's records, its fold and its row."""
        name, entity, raws, events = self.id(0), None, list[RawRecord](), list[DomainRecord]()
        for number, command in enumerate(_commands(name)):
            decided = KINDS["incident"].decide(entity.state if entity is not None else None, command)
            request = _request(name, self._command_id(self.offset(0, number)), command)
            for event, raw in encode_events(request, entity, decided, Place(0, self.offset(0, number), self.term, _AT), _IDS):
                entity = fold(entity, event)
                events.append(event)
                raws.append(raw)
        assert entity is not None
        assert len(raws) == EVENTS_EACH
        return raws, entity, fold_batch({name: Absent()}, events).entities[0]


def _own(key: str, value: bytes, name: bytes, own: bytes) -> bytes:
    if key == "ce_subject":
        return name
    return own if key in {"ce_id", "ce_commandid"} else value


def _commands(name: EntityId) -> Iterator[incident.CommandBase]:
    yield incident.Open(at=_AT, by=_BY, incident_id=name, title="the disk of db-7 is almost full", description="df says 97 percent")
    yield incident.Acknowledge(at=_AT, by=_BY)
    for number in range(EVENTS_EACH - 2):
        yield incident.AddNote(at=_AT, by=_BY, note_id=f"note-{number}", text="moved the oldest logs away; it is growing still")


def _request(name: EntityId, command_id: CommandId, command: incident.CommandBase) -> CommandRequest:
    return CommandRequest(
        command_id=command_id,
        body_hash="0" * 32,
        kind="incident",
        entity_id=name,
        command=command,
        actor=_BY,
        role="operator",
        deadline=0.0,
    )


async def write_log(bootstrap: str, history: History) -> None:
    """Append the fence and every record, in the largest batches that the log takes."""
    log = KafkaEventLog(bootstrap, 1, topic=history.topic)
    session = await log.session()
    envelope = Envelope(id=history.term, type=FENCE_TYPE, source=SOURCE, time=_AT, term=history.term)
    await session.append(0, [encode_fence(envelope, "bench", "http://127.0.0.1:1")])
    batch: list[RawRecord] = []
    size = 0
    for record in history.records():
        more = batch_bytes([record])
        if size + more > BATCH_BYTES_MAX:
            await session.append(0, batch)
            batch, size = [], 0
        batch.append(record)
        size += more
    await session.append(0, batch)
    await session.close()
    await log.close()


async def write_rows(dsn: str, history: History) -> None:
    """Write ``entities`` and the checkpoint by the projector's own statement; versions and the timeline, which no takeover reads, are left out."""
    pool = await Pool.open(dsn, name="bench", synchronous_commit=False, statement_timeout_s=60)
    store = PostgresStore(pool, history.topic, 1)
    await store.install()
    opened = await store.open()
    before = opened.checkpoints[0]
    fences = [FenceRow(0, history.term, "bench", "http://127.0.0.1:1", _AT)]
    for start in range(0, history.entities, ROWS_AT_ONCE):
        stop = min(start + ROWS_AT_ONCE, history.entities)
        rows = [history.row(number) for number in range(start, stop)]
        after = Checkpoint(1 + stop * EVENTS_EACH, history.term, 0)
        folded = Folded(
            entities=rows,
            texts=[],
            closed=[],
            versions=[],
            timeline=[],
            fences=fences,
            parked=[],
            newly_parked=[],
            feed=[],
            known={},
            last_time=None,
        )
        await store.commit(opened.epoch, 0, before, after, folded)
        before, fences = after, []
    await pool.close()


async def fold_some(log: EventLog, history: History, numbers: frozenset[int]) -> dict[EntityId, Entity]:
    """Fold some of the incidents from the log alone, to be compared with their rows."""
    wanted = {history.id(number).encode() for number in numbers}
    found: dict[EntityId, Entity] = {}
    reader = await log.reader({0: Checkpoint()})
    try:
        while reader.position(0).offset < history.checkpoint.offset:
            for item in (await reader.poll(2_000, 1.0)).get(0, ()):
                if item.record.key in wanted:
                    event = _event(item.record)
                    found[event.entity_id] = fold(found.get(event.entity_id), event)
    finally:
        await reader.close()
    assert all(entity.version == Version(EVENTS_EACH) for entity in found.values())
    return found


def _event(record: LogRecord) -> DomainRecord:
    event = decode(record)
    assert isinstance(event, DomainRecord)
    return event
