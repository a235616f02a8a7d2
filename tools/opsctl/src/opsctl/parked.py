"""``opsctl parked``: which entities are set aside, why, and what a person can do about each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from opsctl.exits import Exit, Stop
from opsctl.moments import shown
from opsctl.posting import post
from opsctl.reading import Reading, Stretch
from opsctl.records import as_lines, as_object, see
from opsctl.screen import Screen, one_line
from opsctl.servers import Servers
from opsroom_common.log.port import Checkpoint, RecordClass
from opsroom_common.postgres.errors import Rejected, Unavailable
from opsroom_common.postgres.pool import Row
from opsroom_common.postgres.sql import statements
from opsroom_common.runtime.ids import Ids
from opsroom_domain.ids import EntityId
from opsroom_domain.text import fitted_line

PROJECTOR_WITHIN_S = 20.0
"""How long the projector may take to do what was asked; it looks once a second."""
_POLL_S = 0.1
_SHOWN_MAX = 20
"""Waiting records that are shown."""
_SQL = statements("opsctl.sql", "parked.sql")
_OK, _FORBIDDEN, _CONFLICT = 200, 403, 409


async def list_parked(servers: Servers, limit: int, screen: Screen) -> Exit:
    """Print every parked entity, the oldest first. Raises Stop."""
    rows = await _fetch(servers, "parked", None, limit + 1)
    for row in rows[:limit]:
        if screen.json:
            screen.object(_as_object(row))
    if not screen.json:
        _print(rows[:limit], screen)
    if len(rows) > limit:
        screen.note(f"there are more than {limit}: see the rest with --limit")
    return Exit.FINDING if rows else Exit.OK


async def show_parked(servers: Servers, entity_id: EntityId, screen: Screen) -> Exit:
    """Print one entity's parking with its record, what waits, and what was skipped before. Raises Stop, log.port.LogError."""
    rows = await _fetch(servers, "parked", entity_id, 1)
    skips = await _fetch(servers, "skips", entity_id)
    if not rows and not skips:
        raise Stop(Exit.NOTHING, f"{entity_id} is not parked, and nothing of it was ever skipped: opsctl parked list shows who is")
    records = await _records(servers, entity_id, rows[0]["offset"]) if rows else []
    if screen.json:
        found = _as_object(rows[0]) if rows else {"entity": entity_id, "parked": False}
        screen.object(found | {"records": [as_object(see(each)) for each in records], "skips": [dict(skip) for skip in skips]})
    else:
        _print_one(entity_id, rows, records, skips, screen)
    return Exit.FINDING if rows else Exit.OK


async def retry_parked(servers: Servers, entity_id: EntityId | None, screen: Screen) -> Exit:
    """Have the running projector fold one parked entity again, or all of them, and say what came of it. Raises Stop."""
    asked = [EntityId(row["entity_id"]) for row in await _fetch(servers, "ask_retry", entity_id)]
    if not asked:
        if entity_id is None:
            screen.note("nothing is parked")
            return Exit.OK
        raise Stop(Exit.NOTHING, f"{entity_id} is not parked: opsctl parked list shows who is")
    if not await _until(servers, "retries_left", asked):
        await _fetch(servers, "take_back", asked)
        raise Stop(
            Exit.AWAY, f"no projector has taken it within {PROJECTOR_WITHIN_S:.0f} s: start it, or see its /readyz; nothing was changed"
        )
    still = {row["entity_id"]: row for each in asked for row in await _fetch(servers, "parked", each, 1)}
    for each in asked:
        _tell(each, still.get(each), "it is back", screen)
    return Exit.FINDING if still else Exit.OK


async def skip_parked(servers: Servers, entity_id: EntityId, offset: int, reason: str, ids: Ids, screen: Screen) -> Exit:
    """Have command-api skip the record, wait until the projector has followed, and say where the entity stands. Raises Stop."""
    answer = await post(f"{servers.api}/v1/parked/{entity_id}/skip", ids.uuid7(), {"offset": offset, "reason": reason})
    said = one_line(str(answer.body.get("detail", "")))
    if answer.status != _OK:
        raise Stop(Exit.FINDING if answer.status in {_FORBIDDEN, _CONFLICT} else Exit.USAGE, f"nothing was skipped: {said}")
    log = answer.body["log"]
    if not await _folded(servers, log["partition"], log["offset"]):
        screen.note(f"the skip stands at {log['partition']}:{log['offset']}; the projector has not read it yet: see opsctl lag")
        return Exit.AWAY
    rows = await _fetch(servers, "parked", entity_id, 1)
    _tell(
        entity_id,
        rows[0] if rows else None,
        f"skipped {log['partition']}:{offset}; it is back, behind version {answer.body['version']}",
        screen,
    )
    return Exit.FINDING if rows else Exit.OK


async def _fetch(servers: Servers, name: str, *values: object) -> Sequence[Row]:
    try:
        return await servers.pool.fetch(_SQL[name], *values)
    except (Unavailable, Rejected) as error:
        words = f"what is parked is not known: {one_line(str(error))}; start Postgres and the projector, or check OPSROOM_POSTGRES"
        raise Stop(Exit.AWAY, words) from error


async def _until(servers: Servers, name: str, asked: Sequence[EntityId]) -> bool:
    """Wait until the statement gives no row any more."""
    ends = asyncio.get_running_loop().time() + PROJECTOR_WITHIN_S
    while await _fetch(servers, name, asked):
        if asyncio.get_running_loop().time() > ends:
            return False
        await asyncio.sleep(_POLL_S)
    return True


async def _folded(servers: Servers, partition: int, offset: int) -> bool:
    ends = asyncio.get_running_loop().time() + PROJECTOR_WITHIN_S
    while True:
        rows = await _fetch(servers, "folded_to", servers.log.topic, partition)
        if rows and rows[0]["offset"] > offset:
            return True
        if asyncio.get_running_loop().time() > ends:
            return False
        await asyncio.sleep(_POLL_S)


async def _records(servers: Servers, entity_id: EntityId, offset: int) -> list[Any]:
    """The record that it is parked at, and what waits behind it; a few."""
    partition = servers.log.partition_of(entity_id)
    reading = Reading(servers.log, [Stretch(partition, Checkpoint(), offset, await servers.log.end_offset(partition))])
    found: list[Any] = []
    try:
        async for classified in reading.past():
            if classified.what is RecordClass.EVENT and classified.record.key == entity_id.encode():
                found.append(classified)
                if len(found) > _SHOWN_MAX:
                    break
    finally:
        await reading.close()
    return found


def _as_object(row: Row) -> dict[str, Any]:
    found = {
        name: row[name] for name in ("partition", "offset", "reason", "behind", "parked_at", "kind", "version", "title", "retry_asked_at")
    }
    return {"entity": row["entity_id"], "parked": True, **found}


def _tell(entity_id: str, row: Row | None, well: str, screen: Screen) -> None:
    if screen.json:
        screen.object({"entity": entity_id, "parked": False} if row is None else _as_object(row))
    elif row is None:
        screen.line(Text(f"{entity_id}: {well}", style="green"))
    else:
        screen.line(Text(f"{entity_id}: PARKED at offset {row['offset']}: {one_line(row['reason'])}", style="bold red"))
        screen.line(f"  see opsctl parked show {entity_id}")


def _print(rows: Sequence[Row], screen: Screen) -> None:
    if not rows:
        screen.line("nothing is parked")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("entity", "since", "at", "waiting"):
        table.add_column(name, no_wrap=True)
    table.add_column("reason")
    for row in rows:
        reason = fitted_line(one_line(row["reason"]), 120)
        table.add_row(row["entity_id"], shown(row["parked_at"]), f"{row['partition']}:{row['offset']}", str(row["behind"]), reason)
    screen.out.print(table)
    screen.line("each takes no command (423) until it is retried or its record is skipped: opsctl parked show ID says how")


def _print_one(entity_id: EntityId, rows: Sequence[Row], records: Sequence[Any], skips: Sequence[Row], screen: Screen) -> None:
    if not rows:
        screen.line(Text.assemble((entity_id, "bold"), " is not parked"))
    for row in rows:
        title = "" if row["title"] is None else f"  {one_line(row['title'])}"
        screen.line(Text.assemble((entity_id, "bold"), title))
        screen.line(
            Text(f"PARKED at offset {row['offset']} of partition {row['partition']}, since {shown(row['parked_at'])}", style="bold red")
        )
        screen.line(f"  why      {one_line(row['reason'])}")
        version = "nothing" if row["version"] is None else f"version {row['version']}"
        screen.line(f"  shows    {version}, as it was before that record")
        screen.line(f"  waiting  {row['behind']} later records of it, which count once it is back")
        for classified in records[:_SHOWN_MAX]:
            for line in as_lines(see(classified), screen.width):
                screen.line(line)
        if len(records) > _SHOWN_MAX:
            screen.line(f"  and more: opsctl events --entity {entity_id}")
        screen.line(Text("what you can do", style="bold"))
        screen.line(f"  opsctl parked retry {entity_id}", "  when the projector that runs now can handle the record")
        screen.line(
            f'  opsctl parked skip {entity_id} --offset {row["offset"]} --reason "..."', "  when nobody ever will: it never counts again"
        )
    for skip in skips:
        screen.line(f"skipped {skip['partition']}:{skip['skipped']} on {shown(skip['at'])} by {skip['actor']}: {one_line(skip['reason'])}")
