"""A board with a past, made by SQL: many incidents with ten versions each, as the projector would have written them.

Some incidents are decided and folded by the real code; the others are copies of these with ids and times of their own.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from opsroom_common.contracts.envelope import DomainRecord, Envelope
from opsroom_common.postgres.pool import Pool
from opsroom_common.postgres.sql import script, statements
from opsroom_common.runtime.ids import SystemIds
from opsroom_domain.decider import Refused
from opsroom_domain.entities import incident
from opsroom_domain.ids import ActorId, CommandId, EntityId, Version
from opsroom_domain.registry import KINDS, fold_fingerprint
from projector.batch_rows import EntityRow, TimelineRow, VersionRow, columns
from projector.fold_batch import Folded, fold_batch
from projector.known import Absent

VERSIONS_EACH = 10
STORIES = 400
FIRST = datetime(2026, 10, 1, tzinfo=UTC)
OPENED_WITHIN = timedelta(days=3)
LASTS = timedelta(days=30)
"""Every incident is opened within the first three of the thirty days, and changes nine times in the others: at any moment of those, all are there."""
PEOPLE = 200
R = TypeVar("R", EntityRow, VersionRow, TimelineRow)
_IDS = SystemIds()
_SQL = statements("bench", "board_history.sql")


async def write_board(pool: Pool, entities: int) -> None:
    """Make the schema and the rows of ``entities`` incidents, then let Postgres look at them as its own maintenance would."""
    await pool.execute(script("projector.sql", "schema.sql"))
    indexes = await pool.fetch(_SQL["indexes"])
    await pool.execute(_SQL["drop_indexes"])
    chance = random.Random(1)
    stories = [_story(number, chance) for number in range(STORIES)]
    await pool.execute(_SQL["make_stories"])
    await _tell(pool, "entities", EntityRow, [story.entities for story in stories])
    await _tell(pool, "versions", VersionRow, [story.versions for story in stories])
    await _tell(pool, "timeline", TimelineRow, [story.timeline for story in stories])
    times = (entities, STORIES, FIRST, OPENED_WITHIN, LASTS)
    await pool.execute(_SQL["plan"], *times)
    await asyncio.gather(*[pool.execute(_SQL[f"write_{table}"]) for table in ("entities", "versions", "timeline")])
    await pool.execute(_SQL["write_texts"])
    await pool.execute(_SQL["write_checkpoints"], fold_fingerprint())
    await pool.execute(_SQL["drop_stories"])
    await asyncio.gather(*[pool.execute(index["indexdef"]) for index in indexes])
    await pool.execute(_SQL["feed"])
    for table in ("entities", "texts", "entity_versions", "timeline", "checkpoints"):
        await pool.execute(f"VACUUM (ANALYZE) read_v1.{table}")


async def _tell(pool: Pool, table: str, row_type: type[R], stories: Sequence[Sequence[R]]) -> None:
    numbers = [number for number, rows in enumerate(stories) for _ in rows]
    await pool.execute(_SQL[f"tell_{table}"], numbers, *columns(row_type, [row for rows in stories for row in rows]))


def _story(number: int, chance: random.Random) -> Folded:
    """An incident of ten events, by random commands."""
    name = EntityId(f"inc_0{number:025d}")
    records: list[DomainRecord] = []
    state: Any = None
    while len(records) < VERSIONS_EACH:
        at = FIRST + timedelta(minutes=len(records))
        try:
            command = _opened(name, chance, at) if state is None else _next(state, chance, at)
            events = KINDS["incident"].decide(state, command)
        except Refused:
            continue
        if len(records) + len(events) > VERSIONS_EACH:
            continue
        command_id = CommandId(_IDS.uuid7())
        for event in events:
            state = KINDS["incident"].evolve(state, event)
            records.append(_record(name, len(records) + 1, event, command_id))
    return fold_batch({name: Absent()}, records)


def _record(name: EntityId, version: int, event: Any, command_id: CommandId) -> DomainRecord:
    kinds = KINDS["incident"].events.items()
    type_ = next(f"opsroom.incident.{known}" for known, kind in kinds if kind is type(event))
    envelope = Envelope(id=command_id, type=type_, source="/bench", time=event.at, actor=event.by, role="operator")
    return DomainRecord(
        partition=0, offset=version, envelope=envelope, kind="incident", entity_id=name, version=Version(version), command_id=command_id,
        body_hash="0" * 64, event=event,
    )  # fmt: skip


def _person(chance: random.Random) -> ActorId:
    return ActorId(f"usr_{int(PEOPLE * chance.random() ** 2):03d}")


def _opened(name: EntityId, chance: random.Random, at: datetime) -> incident.Open:
    return incident.Open(
        at=at,
        by=_person(chance),
        incident_id=name,
        title=f"the disk of db-{chance.randrange(1000)} is almost full",
        description="df says 97 percent; " * chance.randrange(1, 8),
        severity=chance.choice(list(incident.Severity)),
        labels=(f"service=s{chance.randrange(300)}", f"env={chance.choice(('prod', 'test'))}"),
    )


def _next(state: Any, chance: random.Random, at: datetime) -> Any:
    by = _person(chance)
    return chance.choice(list(_moves(state, by, chance, at)))


def _moves(state: Any, by: ActorId, chance: random.Random, at: datetime) -> Iterator[Any]:
    yield incident.AddNote(at=at, by=by, note_id=_IDS.uuid7(), text="moved the oldest logs away; it is growing still")
    yield incident.AddNote(at=at, by=by, note_id=_IDS.uuid7(), text="ordered another disk")
    yield incident.Assign(at=at, by=by, seen=state.assignee, assignee=_person(chance))
    yield incident.ChangeSeverity(at=at, by=by, seen=state.severity, severity=chance.choice(list(incident.Severity)))
    yield incident.ChangeLabels(at=at, by=by, add=(f"seen={chance.randrange(50)}",), remove=())
    yield incident.Acknowledge(at=at, by=by)
    yield incident.Resolve(at=at, by=by, resolution="more disk") if chance.random() < 0.5 else incident.Reopen(at=at, by=by, reason="again")
