"""A log of incidents that are told as they happen: ten events of nine kinds each, in every partition of ``ops.events``, in bulk.

One incident is decided and encoded by the real code; the others are the same with other ids and times. ``LIVE`` of them happen at the same time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from command_api.engine.encode import Place, encode_events
from command_api.engine.port import CommandRequest
from command_api.engine.recovery import SOURCE
from opsroom_common.contracts.codec import encode_fence
from opsroom_common.contracts.envelope import FENCE_TYPE, Envelope
from opsroom_common.log.batch import BATCH_BYTES_MAX, record_bytes
from opsroom_common.log.entity import fold
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.log.port import AppendSession, RawRecord
from opsroom_common.runtime.ids import SystemIds
from opsroom_domain.entities import incident
from opsroom_domain.ids import ActorId, CommandId, EntityId
from opsroom_domain.registry import KINDS
from opsroom_domain.times import rfc3339

EVENTS_EACH = 10
LIVE = 1_000
"""Incidents that happen at the same time: their events stand in turn."""
_AT = datetime(2026, 11, 1, 9, tzinfo=UTC)
_BY, _OTHER = ActorId("usr_bench"), ActorId("usr_other")
_IDS = SystemIds()


class StoryLog:
    """Writes stories under one fence a partition. ``close`` ends what it holds."""

    def __init__(self, log: KafkaEventLog, session: AppendSession, term: str) -> None:
        self._log = log
        self._session = session
        self._term = term
        self._templates = _templates(term)
        self._told = 0

    @classmethod
    async def open(cls, bootstrap: str, partitions: int) -> StoryLog:
        log = KafkaEventLog(bootstrap, partitions)
        session, term = await log.session(), _IDS.uuid7()
        for partition in range(partitions):
            envelope = Envelope(id=term, type=FENCE_TYPE, source=SOURCE, time=_AT, term=term)
            await session.append(partition, [encode_fence(envelope, "bench", "http://127.0.0.1:1")])
        return cls(log, session, term)

    async def close(self) -> None:
        await self._session.close()
        await self._log.close()

    def records(self, events: int, *, since: datetime | None = None) -> Iterator[RawRecord]:
        """So many events, a multiple of LIVE times EVENTS_EACH, each a little later than the one before. ``since``: the first one's time."""
        at = since or _AT + timedelta(microseconds=1_371 * self._told)
        for _ in range(0, events, LIVE * EVENTS_EACH):
            names = [_IDS.entity_id("inc").encode() for _ in range(LIVE)]
            for template in self._templates:
                for name in names:
                    self._told += 1
                    yield self._record(template, name, at)
                    at += timedelta(microseconds=1_371)

    async def append(self, records: Iterable[RawRecord]) -> None:
        """Append in the largest batches that the log takes, each partition's in order."""
        waiting: dict[int, list[RawRecord]] = {}
        sizes: dict[int, int] = {}
        for record in records:
            partition = self._log.partition_of((record.key or b"").decode())
            size = record_bytes(record)
            if sizes.get(partition, 0) + size > BATCH_BYTES_MAX:
                await self._session.append(partition, waiting.pop(partition))
                sizes[partition] = 0
            waiting.setdefault(partition, []).append(record)
            sizes[partition] = sizes.get(partition, 0) + size
        for partition, batch in waiting.items():
            await self._session.append(partition, batch)

    def stamped(self, records: Sequence[RawRecord], at: datetime) -> list[RawRecord]:
        """The same records as if they had happened at ``at``."""
        time = rfc3339(at).encode()
        return [
            replace(record, headers=tuple((key, time if key == "ce_time" else value) for key, value in record.headers))
            for record in records
        ]

    def _record(self, template: RawRecord, name: bytes, at: datetime) -> RawRecord:
        own = b"%s%012x" % (self._term[:24].encode(), self._told)
        changed = {"ce_subject": name, "ce_id": own, "ce_commandid": own, "ce_time": rfc3339(at).encode()}
        headers = tuple((key, changed.get(key, value)) for key, value in template.headers)
        return RawRecord(name, template.value.replace(template.key or b"-", name), headers, template.timestamp_ms)


def _story(name: EntityId) -> Iterator[incident.CommandBase]:
    low, high = incident.Severity.SEV3, incident.Severity.SEV2
    yield incident.Open(
        at=_AT, by=_BY, incident_id=name, title="the disk of db-7 is almost full", description="df says 97 percent", severity=low,
        labels=("env:prod", "team:storage"),
    )  # fmt: skip
    yield incident.ReportSignal(
        at=_AT, by=_BY, incident_id=name, fingerprint="f3a9b1c2d4e5f607", status=incident.SignalStatus.FIRING, starts_at=_AT, ends_at=None,
        severity=high, name="DiskFull", summary="no space left on db-7", source="alertmanager", source_url="https://example.org/graph?g0=disk",
    )  # fmt: skip
    yield incident.Acknowledge(at=_AT, by=_BY)
    yield incident.Assign(at=_AT, by=_BY, seen=None, assignee=_OTHER)
    yield incident.AddNote(at=_AT, by=_BY, note_id="note-1", text="moved the oldest logs away; it is growing still")
    yield incident.ChangeSeverity(at=_AT, by=_BY, seen=low, severity=high)
    yield incident.ChangeStatus(at=_AT, by=_BY, seen=incident.Status.ACKNOWLEDGED, status=incident.Status.INVESTIGATING)
    yield incident.AddNote(at=_AT, by=_BY, note_id="note-2", text="the retention of the audit log was never set")
    yield incident.ChangeLabels(at=_AT, by=_BY, add=("cause:retention",), remove=())
    yield incident.Resolve(at=_AT, by=_BY, resolution="the retention is thirty days now, the disk is at 61 percent")


def _templates(term: str) -> list[RawRecord]:
    """The records of one incident."""
    name, entity, raws = _IDS.entity_id("inc"), None, list[RawRecord]()
    for command in _story(name):
        decided = KINDS["incident"].decide(None if entity is None else entity.state, command)
        request = CommandRequest(
            command_id=CommandId(_IDS.uuid7()), body_hash="0" * 32, kind="incident", entity_id=name, command=command, actor=_BY,
            role="operator", deadline=0.0,
        )  # fmt: skip
        for event, raw in encode_events(request, entity, decided, Place(0, len(raws), term, _AT), _IDS):
            entity = fold(entity, event)
            raws.append(raw)
    assert len(raws) == EVENTS_EACH
    return raws
