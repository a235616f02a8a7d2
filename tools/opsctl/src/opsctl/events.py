"""``opsctl events``: what stands in the log, in the order of time, and what comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from opsctl.exits import Exit, Stop
from opsctl.reading import Reading, Stretch, checked_start
from opsctl.records import as_lines, as_object, key_of, see
from opsctl.screen import Screen
from opsctl.servers import Servers
from opsroom_common.log.port import Checkpoint, Classified, RecordClass, Unavailable
from opsroom_common.postgres.checkpoint import checkpoint_of
from opsroom_common.postgres.errors import Rejected
from opsroom_common.postgres.errors import Unavailable as RowsUnavailable
from opsroom_common.postgres.sql import statements
from opsroom_domain.ids import prefix_of
from opsroom_domain.registry import kind_of_prefix

_SQL = statements("opsctl.sql", "rows.sql")
_RETRY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """``since`` None: from the beginning. ``limit`` None: no end but the log's. ``everything``: voids, fences and marks too."""

    entity: str | None
    partition: int | None
    since: datetime | None
    limit: int | None
    follow: bool
    everything: bool


async def show_events(servers: Servers, asked: Asked, screen: Screen) -> Exit:
    """Print events until the end, the limit, or, when following, Ctrl-C. Raises Stop, log.port.LogError."""
    reading = Reading(servers.log, await _stretches(servers, asked, screen))
    left = asked.limit
    if left == 0:
        return Exit.OK
    try:
        async with aclosing(_records(reading, screen, follow=asked.follow)) as records:
            async for classified in records:
                if classified is None:
                    screen.flush()
                    continue
                if not _wanted(classified, asked):
                    continue
                _print(classified, screen)
                left = None if left is None else left - 1
                if left == 0:
                    break
    finally:
        await reading.close()
        screen.flush()
    return Exit.OK


def check_entity(entity_id: str) -> None:
    """Raises Stop for what is no id of a known kind."""
    if kind_of_prefix(prefix_of(entity_id)) is None:
        raise Stop(Exit.USAGE, f"{entity_id!r} is no id: ids look like inc_01k2v9q3f4e5r6t7y8z9a0b1c2")


async def _records(reading: Reading, screen: Screen, *, follow: bool) -> AsyncGenerator[Classified | None]:
    async for classified in reading.past():
        yield classified
    screen.flush()
    told = False
    while follow:
        try:
            async with aclosing(reading.live()) as live:
                async for item in live:
                    if told:
                        screen.note("Kafka is back")
                    told = False
                    yield item
        except Unavailable as error:
            if not told:
                screen.note(f"{error}; goes on when it is back, Ctrl-C ends")
            told = True
            await asyncio.sleep(_RETRY_S)


def _wanted(classified: Classified, asked: Asked) -> bool:
    if asked.entity is not None and key_of(classified) != asked.entity:
        return False
    return asked.everything or classified.what is RecordClass.EVENT


def _print(classified: Classified, screen: Screen) -> None:
    seen = see(classified)
    if screen.json:
        screen.object(as_object(seen))
        return
    for line in as_lines(seen, screen.width):
        screen.line(line)


async def _stretches(servers: Servers, asked: Asked, screen: Screen) -> list[Stretch]:
    partitions = _partitions(servers, asked)
    # Before the ends: so none of them is beyond its end.
    offsets = dict.fromkeys(partitions, 0) if asked.since is None else await servers.admin.offsets_at(servers.found, asked.since)
    spans = await servers.admin.spans(servers.found)
    starts = await _starts(servers, {partition: offsets[partition] for partition in partitions}, screen)
    return [Stretch(partition, starts[partition], offsets[partition], spans[partition].end) for partition in partitions]


def _partitions(servers: Servers, asked: Asked) -> list[int]:
    count = servers.found.partitions
    if asked.partition is not None and not 0 <= asked.partition < count:
        raise Stop(Exit.USAGE, f"{servers.found.name} has the partitions 0 to {count - 1}: there is no partition {asked.partition}")
    if asked.entity is None:
        return list(range(count)) if asked.partition is None else [asked.partition]
    own = servers.log.partition_of(asked.entity)
    if asked.partition not in {None, own}:
        raise Stop(Exit.USAGE, f"{asked.entity} lives in partition {own}: leave --partition out")
    return [own]


async def _starts(servers: Servers, wanted: dict[int, int], screen: Screen) -> dict[int, Checkpoint]:
    """Where to begin to read, so that the term at the wanted offset is known: from the projector's fences (R8), else the log's beginning."""
    if not any(wanted.values()):
        return {partition: Checkpoint() for partition in wanted}
    try:
        found = {partition: await _place(servers, partition, offset) for partition, offset in wanted.items()}
    except (RowsUnavailable, Rejected) as error:
        screen.note(f"{error}; so the terms are read from the log's beginning, which may take longer")
        return {partition: Checkpoint() for partition in wanted}
    return {partition: await checked_start(servers.log, partition, start, screen.note) for partition, start in found.items()}


async def _place(servers: Servers, partition: int, wanted: int) -> Checkpoint:
    row = None if wanted == 0 else await servers.pool.fetch_one(_SQL["place"], servers.log.topic, partition, wanted)
    if row is None:
        return Checkpoint()
    if row["offset"] < wanted:
        # The projector has not come so far: later fences are found on the way from where it is.
        return checkpoint_of(row)
    return Checkpoint(wanted, row["before_term"], row["before_offset"])
