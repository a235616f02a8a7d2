"""CPU of each stage of the projector by itself, per event: from a record's bytes to its rows, and of the statement in client and server.

``make bench-projector-stages``. CPU time, which says something on a busy machine, too: of many short rounds the value below which a twentieth lies.
"""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import orjson
import psutil
import uvloop

from bench.report import Row, percentile, report
from bench.stories import EVENTS_EACH, LIVE, StoryLog
from devstack.throwaway import ThrowawayStack
from opsroom_common.contracts.codec import decode
from opsroom_common.contracts.envelope import DomainRecord
from opsroom_common.contracts.topics import partition_of
from opsroom_common.log.entity import Entity, fold
from opsroom_common.log.fencing import TermFilter
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.log.port import Checkpoint, LogRecord
from opsroom_common.postgres.pool import Pool
from opsroom_domain.ids import EntityId
from opsroom_domain.registry import KINDS
from projector.batch_rows import EntityRow, FeedRow, TimelineRow, VersionRow, columns
from projector.fold_batch import Folded, fold_batch
from projector.fold_load import fold_load
from projector.known import Absent, Known
from projector.store import Part
from projector.store_postgres import PostgresStore

EVENTS = 2 * LIVE * EVENTS_EACH
CHUNK = 500
ROUNDS = 5
PARTITIONS = 8
BATCHES = (1, 16, 500)
STATEMENT_EVENTS = 6_000
KIND = KINDS["incident"]
T = TypeVar("T")


def stage(name: str, work: Callable[[Sequence[T]], object], things: Sequence[T], chunk: int = CHUNK) -> Row:
    """Microseconds an event."""
    gc.collect()
    gc.disable()
    times: list[float] = []
    for _ in range(ROUNDS):
        for start in range(0, len(things), chunk):
            part = things[start : start + chunk]
            began = time.process_time()
            work(part)
            times.append((time.process_time() - began) / len(part) * 1e6)
    gc.enable()
    return Row(name, "us", percentile(times, 0.05))


async def read_log(bootstrap: str) -> tuple[list[LogRecord], list[Row]]:
    """All records, and what it takes to read one."""
    writer = await StoryLog.open(bootstrap, 1)
    await writer.append(writer.records(EVENTS))
    await writer.close()
    log = KafkaEventLog(bootstrap, 1)
    reader = await log.reader({0: Checkpoint()})
    records: list[LogRecord] = []
    began = time.process_time()
    while len(records) <= EVENTS:
        records.extend(item.record for item in (await reader.poll(4_000, 1.0)).get(0, ()))
    took = time.process_time() - began
    await reader.close()
    await log.close()
    return records, [Row("read and classify", "us", took / EVENTS * 1e6)]


def stages(records: Sequence[LogRecord]) -> tuple[list[DomainRecord], list[Row]]:
    """What is done with each event in this process."""
    terms = TermFilter(Checkpoint())
    terms.classify(records[0])
    rows = [stage("decode", lambda part: [decode(record) for record in part], records[1:])]
    events = [event for record in records[1:] if isinstance(event := decode(record), DomainRecord)]
    before: dict[EntityId, Entity] = {}
    steps = []
    for event in events:
        after = fold(before.get(event.entity_id), event)
        steps.append((before.get(event.entity_id), event, after))
        before[event.entity_id] = after
    states = [after.state for _, _, after in steps]
    jsons = [KIND.to_json(state) for state in states[: 10 * CHUNK]]
    rows += [
        stage("fold", lambda part: [fold(was, event) for was, event, _ in part], steps),
        stage("the state's values for JSON", lambda part: [KIND.to_json(state) for state in part], states),
        stage("the state's JSON", lambda part: [orjson.dumps(each, option=orjson.OPT_SORT_KEYS) for each in part], jsons),
        stage("describe", lambda part: [KIND.describe(was and was.state, event.event) for was, event, _ in part], steps),
        stage("what is shown: tags, columns", lambda part: [(KIND.tags(state), KIND.columns(state)) for state in part], states),
    ]
    return events, rows


def whole(events: Sequence[DomainRecord]) -> list[Row]:
    """The folds as they are used."""
    known: dict[EntityId, Known] = {event.entity_id: Absent() for event in events}

    def load(part: Sequence[DomainRecord]) -> None:
        fold_load({event.entity_id: Absent() for event in part}, {}, part, 0)

    def batch(part: Sequence[DomainRecord]) -> Folded:
        return fold_batch(known, part)

    in_turn = sorted(events, key=lambda event: (event.entity_id, event.version))
    folded = fold_batch({event.entity_id: Absent() for event in in_turn[:CHUNK]}, in_turn[:CHUNK])

    def arrays(part: Sequence[DomainRecord]) -> None:
        del part
        columns(EntityRow, folded.entities)
        columns(VersionRow, folded.versions)
        columns(TimelineRow, folded.timeline)
        columns(FeedRow, [draft.row for draft in folded.feed])

    return [
        stage("fold and rows of a load, ten events of an incident together", load, in_turn),
        stage("fold and rows of a live batch, ten together", batch, in_turn),
        stage("fold and rows of a live batch, one each", batch, events[: LIVE]),
        stage("arrays for the statement, ten together", arrays, in_turn[:CHUNK]),
    ]  # fmt: skip


async def statement(dsn: str, events: Sequence[DomainRecord], size: int) -> list[Row]:
    """A poll's records of all partitions in one statement: CPU of this process and of Postgres."""
    pool = await Pool.open(dsn, name="bench", synchronous_commit=False, max_size=1, by_key=True)
    store = PostgresStore(pool, "ops.events", PARTITIONS)
    await store.install()
    await store.forget_everything()
    opened = await store.open()
    at, known = dict(opened.checkpoints), dict[EntityId, Known]()
    found = await pool.fetch_one("SELECT pg_backend_pid() AS pid")
    assert found is not None
    server, here, spent = psutil.Process(found["pid"]), 0.0, 0.0
    for start in range(0, min(STATEMENT_EVENTS, size * 400), size):
        parts: list[Part] = []
        for partition in range(PARTITIONS):
            own = [event for event in events[start : start + size] if partition_of(event.entity_id, PARTITIONS) == partition]
            if own:
                known.update({event.entity_id: Absent() for event in own if event.entity_id not in known})
                folded = fold_batch(known, own)
                known.update(folded.known)
                after = Checkpoint(at[partition].offset + len(own))
                parts.append(Part(partition, at[partition], after, folded))
                at[partition] = after
        began, before = time.process_time(), server.cpu_times()
        await store.commit_together(opened.epoch, parts)
        here += time.process_time() - began
        now = server.cpu_times()
        spent += now.user + now.system - before.user - before.system
    done = min(STATEMENT_EVENTS, size * 400)
    await pool.close()
    return [
        Row(f"statement of {size} events, client", "us", here / done * 1e6),
        Row(f"statement of {size} events, server", "us", spent / done * 1e6),
    ]


async def measure(stack: ThrowawayStack) -> list[Row]:
    records, rows = await read_log(stack.servers.kafka.bootstrap)
    events, more = stages(records)
    rows += more + whole(events)
    for size in BATCHES:
        rows += await statement(stack.servers.postgres.dsn, events, size)
    return rows


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, ThrowawayStack(Path(folder), services=(), durable=True) as stack:
        rows = uvloop.run(measure(stack))
    report("the projector's stages, CPU an event", rows, [f"{EVENTS:,} events of {EVENTS // EVENTS_EACH:,} incidents (bench/stories.py)"])


if __name__ == "__main__":
    main()
