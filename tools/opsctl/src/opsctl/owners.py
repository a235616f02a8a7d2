"""``opsctl owners``: which replica of command-api takes the commands of which partition, as ``ops.control`` says."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.table import Table

from opsctl.exits import Exit
from opsctl.reading import Reading, Stretch
from opsctl.screen import Screen
from opsroom_common.contracts.codec import Undecodable
from opsroom_common.contracts.owners import Owner, decode_owner
from opsroom_common.log.port import Checkpoint, EventLog
from opsroom_domain.times import rfc3339


@dataclass(frozen=True, slots=True)
class OwnerStand:
    """A partition's latest line, or that it has none. ``problem`` is empty if a replica serves it."""

    partition: int
    line: Owner | None
    since: datetime | None
    problem: str


async def show_owners(control: EventLog, partitions: int, screen: Screen) -> Exit:
    """Print a line for each partition of ``ops.events``. Raises log.port.Unavailable."""
    stands = await owner_stands(control, partitions)
    if screen.json:
        for stand in stands:
            screen.object(_as_object(stand))
    else:
        _print(stands, screen)
    return Exit.FINDING if any(stand.problem for stand in stands) else Exit.OK


async def owner_stands(control: EventLog, partitions: int) -> list[OwnerStand]:
    """In the order of the partitions. A line that cannot be read is passed over. Raises log.port.Unavailable."""
    latest: dict[int, tuple[Owner, datetime]] = {}
    reading = Reading(control, [Stretch(0, Checkpoint(), 0, await control.end_offset(0))])
    try:
        async for item in reading.past():
            with suppress(Undecodable):
                line = decode_owner(item.record)
                latest[line.partition] = line, datetime.fromtimestamp(item.record.timestamp_ms / 1000, UTC)
    finally:
        await reading.close()
    return [_stand(partition, *latest.get(partition, (None, None))) for partition in range(partitions)]


def _stand(partition: int, line: Owner | None, since: datetime | None) -> OwnerStand:
    if line is None:
        problem = "no replica has ever served it: is command-api running, with OPSROOM_COMMAND_API_OWNERSHIP=group?"
    elif not line.serving:
        problem = (
            f"{line.owner} has let it go and nobody has taken it over: start a replica of command-api, or look at /readyz of the others"
        )
    else:
        problem = ""
    return OwnerStand(partition, line, since, problem)


def _as_object(stand: OwnerStand) -> dict[str, object]:
    line = stand.line
    return {
        "partition": stand.partition,
        "owner": None if line is None else line.owner,
        "url": None if line is None else line.url,
        "term": None if line is None else line.term,
        "serving": line is not None and line.serving,
        "since": None if stand.since is None else rfc3339(stand.since),
        "problem": stand.problem or None,
    }


def _print(stands: list[OwnerStand], screen: Screen) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("part", justify="right")
    table.add_column("owner", no_wrap=True)
    table.add_column("takes commands at", no_wrap=True)
    table.add_column("since", no_wrap=True)
    table.add_column("", no_wrap=True)
    for stand in stands:
        line = stand.line
        cells = ("-",) * 3 if line is None or stand.since is None else (line.owner, line.url, rfc3339(stand.since))
        table.add_row(str(stand.partition), *cells, "PROBLEM" if stand.problem else "ok", style="red" if stand.problem else "")
    screen.out.print(table)
    for stand in stands:
        if stand.problem:
            screen.line(f"partition {stand.partition}: {stand.problem}")
