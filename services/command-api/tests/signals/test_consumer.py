"""Signals become incidents, in order, once each; what cannot be done now waits uncommitted, what never can is put aside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from command_api.engine.port import (
    Accepted,
    CommandRequest,
    Engine,
    EngineError,
    EntityParked,
    NotServing,
    OutcomeUnknown,
    PartitionStatus,
    RecordSkipped,
)
from command_api.signals import consumer
from command_api.signals.consumer import GROUP, SignalConsumer
from command_api.signals.correlate import SEVERITIES, Candidate, candidate_of
from command_api.signals.incident_index import IndexUnavailable, Recent
from opsroom_common.log.entity import Entity
from opsroom_common.log.memory import MemoryEventLog
from opsroom_common.log.port import RawRecord
from opsroom_common.log.topic import LogTopicWriter
from opsroom_common.log.topic_memory import MemoryGroups, MemoryTopicReader
from opsroom_common.runtime.health import Progress
from opsroom_common.runtime.metrics import Metrics
from opsroom_common.runtime.telemetry import Telemetry
from opsroom_domain.entities.incident import Incident, Status
from opsroom_domain.ids import EntityId

from ..house import House, house, processes
from .webhooks import alert, webhook


class TroubledEngine:
    """The real engine; the next submits fail as ``script`` says, after the command was applied if it says so."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.script: list[tuple[Exception, bool]] = []
        self.submitted: list[CommandRequest] = []
        self.blind = False
        """True while it cannot say what an entity's state is."""

    async def submit(self, request: CommandRequest) -> Accepted:
        self.submitted.append(request)
        if self.script:
            error, applied = self.script.pop(0)
            if applied:
                await self._engine.submit(request)
            raise error
        return await self._engine.submit(request)

    async def skip(self, request: CommandRequest) -> RecordSkipped:
        return await self._engine.skip(request)

    async def current(self, kind: str, entity_id: EntityId, deadline: float) -> Entity | None:
        if self.blind:
            raise NotServing("another replica owns it")
        return await self._engine.current(kind, entity_id, deadline)

    def status(self) -> tuple[PartitionStatus, ...]:
        return self._engine.status()


class LogIndex:
    """An index that folds the whole log each time: exact. ``away`` makes it unavailable."""

    def __init__(self, states: Callable[[], list[Incident]]) -> None:
        self._states = states
        self.recent = Recent()
        self.away: str | None = None
        self.started_over = 0

    async def latest(self, fingerprint: str) -> Candidate | None:
        if self.away is not None:
            raise IndexUnavailable(self.away)
        recent = self.recent.get(fingerprint)
        found = [c for i in self._states() if (c := candidate_of(i, fingerprint)) is not None]
        return recent or max(found, key=lambda c: c.last_starts_at, default=None)

    def note(self, fingerprint: str, incident: Incident) -> None:
        self.recent.note(fingerprint, incident)

    def start_over(self) -> None:
        self.recent.clear()
        self.started_over += 1


@dataclass
class Bench:
    room: House
    consumer: SignalConsumer
    engine: TroubledEngine
    index: LogIndex
    reader: MemoryTopicReader
    groups: MemoryGroups
    dead: MemoryEventLog
    progress: Progress
    slept: list[float]
    on_sleep: list[Callable[[], None]] = field(default_factory=list)

    async def send(self, *alerts: dict[str, Any]) -> None:
        answer = await self.room.http.post("/v1/signals/alertmanager", json=webhook(*alerts))
        assert answer.status_code == 202, answer.text

    async def fold(self) -> int:
        """Everything that waits."""
        total = 0
        while handled := await self.consumer.step(0.0):
            total += handled
        return total

    def incidents(self) -> list[Incident]:
        from opsroom_common.log.entity import fold

        entities: dict[EntityId, Entity] = {}
        for event in self.room.events():
            entities[event.entity_id] = fold(entities.get(event.entity_id), event)
        return [entity.state for entity in entities.values()]

    def committed(self) -> int:
        return sum(self.groups.committed.values())


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    async with house() as room:
        engine = TroubledEngine(room.engine)
        groups, dead = MemoryGroups(), MemoryEventLog(1, topic="ops.signals.dlq")
        reader = MemoryTopicReader(room.signals, GROUP, groups)
        progress = Progress("signals", room.clock)
        slept: list[float] = []
        made: list[Bench] = []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)
            assert len(slept) < 200, "it waits for ever"
            if made[0].on_sleep:
                made[0].on_sleep.pop(0)()

        index = LogIndex(lambda: made[0].incidents())  # noqa: PLW0108 -- it is made a moment later
        ports = consumer.Ports(
            reader=reader,
            dead=LogTopicWriter(dead),
            engine=engine,
            index=index,
            clock=room.clock,
            telemetry=Telemetry("test"),
            metrics=Metrics(CollectorRegistry()),
            progress=progress,
            severities=SEVERITIES,
            sleep=sleep,
        )
        made.append(Bench(room, SignalConsumer(ports), engine, index, reader, groups, dead, progress, slept))
        yield made[0]


@pytest.fixture
async def b() -> AsyncIterator[Bench]:
    async with bench() as made:
        yield made


async def test_an_alert_opens_an_incident_and_its_end_resolves_it(b: Bench) -> None:
    await b.send(alert(), alert("f2"))
    assert await b.fold() == 2
    assert sorted(i.title for i in b.incidents()) == ["DiskFull: Disk is full on db-1"] * 2
    await b.send(alert(end=5))
    await b.fold()
    assert sorted(i.status for i in b.incidents()) == [Status.OPEN, Status.RESOLVED]
    assert b.committed() == 3
    record = b.room.events()[0].envelope
    assert (record.actor, record.role) == ("svc_signals", "operator")
    assert record.causation_id is not None


async def test_an_end_that_overtakes_its_beginning_still_resolves_when_it_is_told_again(b: Bench) -> None:
    await b.send(alert(end=5))
    await b.fold()
    assert b.incidents() == []
    await b.send(alert())
    await b.fold()
    await b.send(alert(end=5))
    await b.fold()
    assert [i.status for i in b.incidents()] == [Status.RESOLVED]
    assert b.committed() == 3


async def test_a_redelivered_webhook_changes_nothing(b: Bench) -> None:
    sent = [alert(), alert("f2"), alert("f2", end=3)]
    await b.send(*sent)
    await b.fold()
    before = len(b.room.events())
    for changed in ("94%", "95%"):
        await b.send(*(a | {"annotations": {"summary": changed}} for a in sent))
        await b.fold()
    b.index.start_over()
    await b.send(*sent)
    await b.fold()
    assert len(b.room.events()) == before
    assert b.dead.records(0) == ()


async def test_a_crash_before_the_commit_repeats_without_a_second_effect(b: Bench) -> None:
    await b.send(alert(), alert("f2"))
    await b.fold()
    before = len(b.room.events())
    b.groups.committed.clear()
    b.reader.rebalance()
    assert await b.fold() == 2
    assert len(b.room.events()) == before
    assert b.index.started_over == 2


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize("error", [NotServing("x"), OutcomeUnknown("x")])
async def test_what_the_engine_cannot_do_now_is_repeated_with_the_same_id_and_in_order(b: Bench, error: EngineError, applied: bool) -> None:
    await b.send(alert())
    await b.send(alert(end=5))
    b.engine.script = [(error, applied)] * 3
    seen: list[tuple[int, bool, str | None]] = []
    b.on_sleep = [lambda: seen.append((b.committed(), b.consumer.check().ok, b.progress.paused))] * 3
    await b.fold()
    assert [(c, ok) for c, ok, _ in seen] == [(0, False)] * 3
    assert all("engine" in str(paused) for _, _, paused in seen)
    assert len({r.command_id for r in b.engine.submitted[:4]}) == 1
    (incident,) = b.incidents()
    assert incident.status is Status.RESOLVED
    assert (b.committed(), b.consumer.check().ok, b.progress.paused) == (2, True, None)
    assert b.slept == list(consumer.BACKOFF_S[:3])


async def test_while_the_read_model_is_away_signals_wait_uncommitted_and_readiness_says_why(b: Bench) -> None:
    await b.send(alert())
    b.index.away = "the read model is 5 records behind"
    said: list[str] = []

    def come_back() -> None:
        said.append(b.consumer.check().reason)
        assert b.committed() == 0
        b.index.away = None

    b.on_sleep = [come_back]
    await b.fold()
    assert said == ["the read model is 5 records behind"]
    assert len(b.incidents()) == 1
    assert b.committed() == 1


async def test_a_signal_that_no_schema_fits_is_put_aside_and_the_partition_goes_on(b: Bench) -> None:
    await b.send(alert())
    partition = next(p for p in range(2) if b.room.signals.records(p))
    b.room.signals.land(partition, [RawRecord(b"f9", b"garbage", (("ce_type", b"opsroom.signal.nonsense"),), 1)])
    await b.send(alert(end=5))
    assert await b.fold() == 3
    (dead,) = b.dead.records(0)
    headers = dict(dead.headers)
    assert (dead.key, dead.value) == (b"f9", b"garbage")
    assert (headers["dlq_topic"], headers["dlq_partition"], headers["dlq_offset"]) == (b"ops.signals", str(partition).encode(), b"1")
    assert headers["dlq_error"]
    assert headers["ce_type"] == b"opsroom.signal.nonsense"
    assert b.incidents()[0].status is Status.RESOLVED
    assert b.committed() == 3


@pytest.mark.parametrize("error", [EntityParked("a record could not be handled"), RuntimeError("a bug")])
async def test_a_signal_that_can_never_be_handled_is_put_aside_with_the_error(b: Bench, error: Exception) -> None:
    await b.send(alert())
    b.engine.script = [(error, False)] * consumer.UNEXPECTED_MAX
    await b.fold()
    (dead,) = b.dead.records(0)
    assert str(error).encode() in dict(dead.headers)["dlq_error"]
    assert b.committed() == 1
    b.engine.script = []
    await b.send(alert("f2"))
    await b.fold()
    assert len(b.incidents()) == 1


async def test_an_unexpected_error_that_passes_loses_nothing(b: Bench) -> None:
    await b.send(alert())
    b.engine.script = [(RuntimeError("once"), False)]
    await b.fold()
    assert len(b.incidents()) == 1
    assert b.dead.records(0) == ()


async def test_a_person_who_resolved_it_meanwhile_is_seen_although_the_index_is_old(b: Bench) -> None:
    """The consumer remembers the incident as live; a new episode must not slip into the resolved one."""
    await b.send(alert())
    await b.fold()
    (first,) = b.incidents()
    assert (await b.room.post(f"/v1/incidents/{first.id}/resolve", {})).status_code == 200
    await b.send(alert(start=10))
    await b.fold()
    assert sorted(i.status for i in b.incidents()) == [Status.OPEN, Status.RESOLVED]


async def moved(b: Bench, *ids: str) -> None:
    """The processes carry out what is pending."""
    carrying = processes(b.room)
    while await carrying.step(0.0):
        await carrying.idle()
    await carrying.close()
    assert not any(i.merging or i.splitting for i in b.incidents() if i.id in ids)


@pytest.mark.parametrize("redelivered", [False, True])
@pytest.mark.parametrize("blind", [False, True])
@pytest.mark.parametrize("carried_out", [False, True], ids=["pending", "merged"])
async def test_a_signal_of_a_merged_incident_goes_to_where_that_was_merged(
    b: Bench, blind: bool, redelivered: bool, carried_out: bool
) -> None:
    b.engine.blind = blind
    await b.send(alert())
    await b.fold()
    (first,) = b.incidents()
    other = await b.room.opened()
    assert (await b.room.post(f"/v1/incidents/{first.id}/merge", {"into": other})).status_code == 200
    if carried_out:
        await moved(b, first.id)
    if redelivered:
        await b.send(alert())
        await b.fold()
    await b.send(alert(start=10))
    await b.fold()
    await moved(b, first.id)
    assert len(b.incidents()) == 2
    (there,) = [i for i in b.incidents() if i.id == other]
    assert there.signals["f1"].starts_at > first.signals["f1"].starts_at
    await b.send(alert(start=10, end=12))
    await b.fold()
    (there,) = [i for i in b.incidents() if i.id == other]
    assert (there.firing, there.status) == (False, Status.RESOLVED)
    assert b.dead.records(0) == ()


async def test_a_signal_follows_a_chain_of_merges(b: Bench) -> None:
    await b.send(alert())
    await b.fold()
    (first,) = b.incidents()
    second, third = await b.room.opened(), await b.room.opened()
    for source, into in ((first.id, second), (second, third)):
        assert (await b.room.post(f"/v1/incidents/{source}/merge", {"into": into})).status_code == 200
        await moved(b, source)
    await b.send(alert(start=10))
    await b.fold()
    (there,) = [i for i in b.incidents() if i.id == third]
    assert there.signals["f1"].starts_at > first.signals["f1"].starts_at


@pytest.mark.parametrize("blind", [False, True])
async def test_a_signal_that_was_split_off_goes_to_the_new_incident(b: Bench, blind: bool) -> None:
    await b.send(alert(), alert("f2"))
    await b.fold()
    (first, _) = sorted(b.incidents(), key=lambda i: "f1" not in i.signals)
    new = b.room.ids.entity_id("inc")
    body = {"into": new, "title": "Another one", "fingerprints": ["f1"]}
    assert (await b.room.post(f"/v1/incidents/{first.id}/split", body)).status_code == 200
    await moved(b, first.id)
    b.engine.blind = blind
    await b.send(alert(end=5))
    await b.fold()
    (there,) = [i for i in b.incidents() if i.id == new]
    assert there.status is Status.RESOLVED
    assert not any("f1" in i.signals for i in b.incidents() if i.id == first.id)


async def test_a_new_episode_after_a_merge_into_a_resolved_incident_is_a_new_incident(b: Bench) -> None:
    await b.send(alert(), alert(end=5))
    await b.fold()
    (first,) = b.incidents()
    other = await b.room.opened()
    assert (await b.room.post(f"/v1/incidents/{first.id}/merge", {"into": other})).status_code == 200
    await moved(b, first.id)
    assert (await b.room.post(f"/v1/incidents/{other}/resolve", {})).status_code == 200
    await b.send(alert(start=10))
    await b.fold()
    assert len(b.incidents()) == 3


async def test_a_broker_that_is_away_is_waited_for_and_said(b: Bench) -> None:
    await b.send(alert())
    b.groups.away = True
    assert await b.consumer.step(0.0) == 0
    assert not b.consumer.check().ok
    b.groups.away = False
    assert await b.fold() == 1
    assert b.consumer.check().ok
