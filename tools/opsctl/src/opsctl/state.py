"""``opsctl state``: one entity folded from the log alone, and whether the row agrees."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from datetime import datetime
from typing import Any

from rich.text import Text

from opsctl.comparing import Compared, Verdict, compare
from opsctl.exits import Exit, Stop
from opsctl.folding import EntityFold, fold_from_log
from opsctl.moments import shown
from opsctl.rows import RowFound, is_folded, read_row
from opsctl.screen import Screen, one_line
from opsctl.servers import Servers
from opsroom_common.postgres.errors import Rejected, Unavailable
from opsroom_common.runtime.clock import Clock
from opsroom_domain.ids import EntityId
from opsroom_domain.registry import KINDS

PROJECTOR_WITHIN_S = 2.0
"""How long the row may still be on its way before it counts as behind."""
_POLL_S = 0.05
_EXITS = {Verdict.SAME: Exit.OK, Verdict.NOT_COMPARED: Exit.AWAY}
_VERDICT_STYLE = {Verdict.SAME: "green", Verdict.DIFFERS: "bold red", Verdict.NOT_COMPARED: "yellow"}


async def show_state(servers: Servers, entity_id: EntityId, at: int | datetime | None, clock: Clock, screen: Screen) -> Exit:
    """Print the state and the comparison. Raises Stop if the log holds nothing of it, log.port.LogError."""
    partition = servers.log.partition_of(entity_id)
    end = await servers.log.end_offset(partition)
    reading = screen.error.status(f"reading {end:,} records of {servers.log.topic}-{partition}") if screen.width else nullcontext()
    with reading:
        folded = await fold_from_log(servers.log, entity_id, end, at)
        folded, compared = await _compared(servers, folded, end, clock)
    nothing = folded.entity is None and folded.broken is None
    if nothing and compared.verdict is not Verdict.DIFFERS:
        raise Stop(Exit.NOTHING, f"the log holds nothing of {entity_id}{_at_words(at)}: check the id, or leave --at out")
    if isinstance(at, int) and folded.entity is not None and folded.entity.version < at and folded.broken is None:
        raise Stop(Exit.NOTHING, f"{entity_id} has {folded.entity.version} versions and no version {at}")
    if isinstance(at, int) and folded.entity is not None and folded.entity.last_event.version < at <= folded.entity.version:
        raise Stop(
            Exit.NOTHING, f"version {at} of {entity_id} does not count: its record was skipped; opsctl parked show {entity_id} says why"
        )
    if screen.json:
        screen.object(_as_object(folded, compared))
    else:
        _print(folded, compared, servers, screen)
    finding = folded.broken is not None and compared.verdict in _EXITS
    return Exit.FINDING if finding else _EXITS.get(compared.verdict, Exit.FINDING)


async def _compared(servers: Servers, folded: EntityFold, end: int, clock: Clock) -> tuple[EntityFold, Compared]:
    """The comparison, and the fold that is shown: if the row has gone on meanwhile, so has the fold."""
    partition = servers.log.partition_of(folded.entity_id)
    try:
        row = await _settled_row(servers, folded, clock)
    except (Unavailable, Rejected) as error:
        return folded, Compared(
            Verdict.NOT_COMPARED, f"could not compare with the row: {one_line(str(error))}; start Postgres or check OPSROOM_POSTGRES"
        )
    if row is None:
        return folded, Compared(
            Verdict.BEHIND, f"the projector has not read {servers.log.topic}-{partition} yet: start it, or see opsctl lag"
        )
    if row.checkpoint > await servers.log.end_offset(partition):
        reason = (
            f"the projector is at {row.checkpoint} of {servers.log.topic}-{partition}, which ends before: its rows belong to another log"
        )
        return folded, Compared(Verdict.DIFFERS, f"{reason}; rebuild with projector rebuild", row.checkpoint)
    if row.checkpoint > end:
        folded = await fold_from_log(servers.log, folded.entity_id, row.checkpoint, folded.until)
    if is_folded(row, folded.entity):
        return folded, compare(folded, row)
    before = await fold_from_log(servers.log, folded.entity_id, row.checkpoint, folded.until)
    compared = compare(before, row)
    if compared.verdict is not Verdict.SAME:
        return folded, compared
    has = "no row" if before.entity is None else f"version {before.entity.version}"
    return folded, Compared(
        Verdict.BEHIND, f"it is BEHIND: the projector, at offset {row.checkpoint}, has {has}; see opsctl lag", row.checkpoint
    )


async def _settled_row(servers: Servers, folded: EntityFold, clock: Clock) -> RowFound | None:
    """The row, once the projector has folded what the log holds; or as it is after two seconds."""
    deadline = clock.monotonic() + PROJECTOR_WITHIN_S
    while True:
        row = await read_row(servers.pool, servers.log.topic, servers.log.partition_of(folded.entity_id), folded.entity_id, folded.until)
        if (row is not None and is_folded(row, folded.entity)) or clock.monotonic() >= deadline:
            return row
        await asyncio.sleep(_POLL_S)


def _as_object(folded: EntityFold, compared: Compared) -> dict[str, Any]:
    entity, broken = folded.entity, folded.broken
    state: dict[str, Any] = {"id": folded.entity_id}
    if entity is not None:
        state |= {
            "kind": entity.kind,
            "version": entity.version,
            "partition": entity.partition,
            "offset": entity.offset,
            "created_at": entity.created_at,
            "updated_at": entity.updated_at,
            "updated_by": entity.updated_by,
            "state": KINDS[entity.kind].to_json(entity.state),
        }
    state["parked"] = None if broken is None else {"offset": broken.offset, "reason": broken.reason, "behind": folded.behind}
    state["row"] = {
        "verdict": compared.verdict.value,
        "reason": compared.reason,
        "checkpoint": compared.checkpoint,
        "differences": [{"field": each.field, "log": each.log, "row": each.row} for each in compared.differences],
    }
    return state


def _print(folded: EntityFold, compared: Compared, servers: Servers, screen: Screen) -> None:
    entity, broken = folded.entity, folded.broken
    if entity is None:
        screen.line(Text.assemble((folded.entity_id, "bold"), " is not in the log"))
    else:
        screen.line(Text.assemble((entity.id, "bold"), f"  {entity.kind}, version {entity.version}"))
        screen.line(f"created {shown(entity.created_at)}, last changed {shown(entity.updated_at)} by {entity.updated_by}")
        screen.line(f"folded from {servers.log.topic}, partition {entity.partition}, last event at offset {entity.offset}")
        for name, value in KINDS[entity.kind].to_json(entity.state).items():
            if value not in (None, "", [], {}) and name != "id":
                _print_field(name, value, screen)
    if broken is not None:
        waiting = f", and {folded.behind} later records wait behind it" if folded.behind else ""
        screen.line(Text(f"PARKED at offset {broken.offset}: {broken.reason}{waiting}", style="bold red"))
        screen.line(f"see opsctl parked show {folded.entity_id}")
    screen.line(Text(f"row: {compared.reason}", style=_VERDICT_STYLE.get(compared.verdict, "bold yellow")))
    for each in compared.differences:
        screen.line(Text(f"  {each.field}", style="bold"))
        screen.line(f"    log  {_shown_value(each.log)}")
        screen.line(f"    row  {_shown_value(each.row)}")


def _print_field(name: str, value: object, screen: Screen) -> None:
    if isinstance(value, dict):
        screen.line(f"  {name}")
        for member, inner in value.items():  # pyright: ignore[reportUnknownVariableType]
            screen.line(f"    {one_line(str(member))}: {_shown_value(inner)}")  # pyright: ignore[reportUnknownArgumentType]
        return
    screen.line(f"  {name:<23}{_shown_value(value)}")


def _shown_value(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, datetime):
        return shown(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_shown_value(each) for each in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, dict):
        return ", ".join(f"{name}={_shown_value(inner)}" for name, inner in value.items())  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return one_line(str(value))


def _at_words(at: int | datetime | None) -> str:
    match at:
        case None:
            return ""
        case int():
            return f" at version {at}"
        case datetime():
            return f" at {shown(at)}"
