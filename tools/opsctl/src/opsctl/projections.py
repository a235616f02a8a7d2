"""What ``opsctl projections`` does, and how it shows it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

from rich.table import Table

from opsctl.exits import Exit, Stop
from opsctl.screen import Screen, one_line
from opsctl.servers import opened_for_projections
from opsctl.telling import Telling, size_words
from opsctl.where import Where
from opsroom_common.contracts.topics import EVENTS
from opsroom_common.log.port import EventLog
from opsroom_common.postgres.errors import Rejected, Unavailable
from opsroom_common.postgres.pool import Pool
from opsroom_common.runtime.clock import SystemClock
from projector.projections import control
from projector.projections.build import Build, BuildFailed, Interrupted
from projector.projections.compare import Comparing
from projector.projections.control import Projection, Refused, State
from projector.projections.drop import drop
from projector.projections.install import ours
from projector.projections.names import BadName, number_of, statements_for
from projector.projections.quiet_store import BadProjection
from projector.projections.quiet_store import Switched as NotOurs
from projector.projections.switch import Switched, Switching, SwitchLimits, TooLong


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One projection. ``at`` sums the offsets of its checkpoints; ``behind`` is how many records the live one is ahead."""

    name: str
    state: str
    at: int
    behind: int
    rows: int
    bytes: int
    fold: str
    this_release: bool
    phase: str
    since: str
    sound: bool | None
    compared: str | None
    error: str | None


async def list_projections(where: Where, screen: Screen) -> Exit:
    """Raises Stop."""
    async with _servers(where, log=False) as (_, pool):
        found = await control.projections(pool)
        stands = {each.name: await _stand(pool, each) for each in found}
        live = max((stands[each.name] for each in found if each.state is State.LIVE), default=0)
        shown = [await _shown(pool, each, stands[each.name], live) for each in found]
    if screen.json:
        for each in shown:
            screen.object(asdict(each))
    else:
        _print(shown, screen)
    return Exit.FINDING if any(each.state == State.FAILED for each in shown) else Exit.OK


async def do_build(where: Where, screen: Screen, *, follow: bool) -> Exit:
    """Raises Stop."""
    clock = SystemClock()
    # A load makes millions of objects and no circles of them: the collector would look at all of them again and again.
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)
    with Telling(screen, clock) as telling:
        async with _servers(where) as (log, pool):
            try:
                built = await Build(log, pool, clock, telling.progress).run(follow=follow)
            except asyncio.CancelledError:
                screen.note("stopped; what is built stays: `opsctl projections build` goes on with it")
                raise
    if built.state is State.READY:
        telling.say(f"{built.name} is ready: `opsctl projections compare {built.name}`, then `opsctl projections switch {built.name}`")
    else:
        telling.say(f"{built.name} is {built.state}")
    return Exit.OK


async def do_compare(where: Where, name: str, screen: Screen) -> Exit:
    """Raises Stop."""
    clock = SystemClock()
    with Telling(screen, clock) as telling:
        async with _servers(where, name) as (log, pool):
            comparison = await Comparing(log, pool, clock, telling.doing).run(name)
    if screen.json:
        screen.object({**asdict(comparison), "words": comparison.words()})
        return Exit.OK if comparison.sound else Exit.FINDING
    screen.line(
        f"{name} is sound: its {comparison.words()}" if comparison.sound else f"{name} is NOT SOUND: its rows are not {comparison.how}"
    )
    for each in comparison.found:
        screen.line(f"  {one_line(each)}")
    for table, rows in comparison.rows.items():
        screen.line(f"  {table:<16} {rows:>12,} rows")
    if comparison.not_compared:
        screen.line(f"  not compared with {comparison.live}, which has not the same: {', '.join(comparison.not_compared)}")
    if not comparison.sound:
        screen.line(f"  it cannot be switched in: mend the code, then `opsctl projections drop {name}` and build again")
    return Exit.OK if comparison.sound else Exit.FINDING


async def do_switch(where: Where, name: str, screen: Screen, *, within_s: float, hold_s: float) -> Exit:
    """Raises Stop."""
    return await _switch(where, name, screen, SwitchLimits(within_s=within_s, hold_s=hold_s), lambda it: it.switch(name))


async def do_roll_back(where: Where, screen: Screen, *, within_s: float, hold_s: float) -> Exit:
    """Raises Stop."""
    return await _switch(where, None, screen, SwitchLimits(within_s=within_s, hold_s=hold_s), lambda it: it.roll_back())


async def do_drop(where: Where, name: str, screen: Screen) -> Exit:
    """Raises Stop."""
    async with _servers(where, name, log=False) as (_, pool):
        await drop(pool, name)
    if screen.json:
        screen.object({"name": name, "dropped": True})
    else:
        screen.line(f"{name} is dropped")
    return Exit.OK


async def _switch(
    where: Where, name: str | None, screen: Screen, limits: SwitchLimits, what: Callable[[Switching], Awaitable[Switched]]
) -> Exit:
    clock = SystemClock()
    with Telling(screen, clock) as telling:
        async with _servers(where, name) as (log, pool):
            done = await what(Switching(log, pool, clock, telling.doing, limits))
    if screen.json:
        screen.object(asdict(done))
    else:
        screen.line(
            f"{done.name} is live, {done.before} is old; new events waited {done.held_s * 1000:,.0f} ms; feed epoch {done.epoch}"
            + (f"; {done.attempts} attempts" if done.attempts > 1 else "")
        )
        screen.line(f"  back with `opsctl projections rollback`; when nobody needs it any more: `opsctl projections drop {done.before}`")
    return Exit.OK


@asynccontextmanager
async def _servers(where: Where, name: str | None = None, *, log: bool = True) -> AsyncGenerator[tuple[EventLog, Pool]]:
    """The log and the rows; whatever a projection raises ends as one line. Raises Stop."""
    try:
        if name is not None:
            number_of(name)
        async with opened_for_projections(where, log=log) as servers:
            yield servers
    except BadName as error:
        raise Stop(Exit.USAGE, str(error)) from error
    except (Refused, BuildFailed, BadProjection, TooLong, NotOurs) as error:
        raise Stop(Exit.FINDING, str(error)) from error
    except Interrupted as error:
        raise Stop(Exit.AWAY, str(error)) from error
    except (Unavailable, Rejected) as error:
        raise Stop(Exit.AWAY, f"{error}; start Postgres and a projector of this release, or check OPSROOM_POSTGRES") from error


async def _stand(pool: Pool, projection: Projection) -> int:
    rows = await pool.fetch(statements_for("projector.sql", "projector.sql", projection.name)["checkpoints"], EVENTS)
    return sum(int(row["offset"]) for row in rows)


async def _shown(pool: Pool, each: Projection, at: int, live: int) -> Shown:
    rows, size = await control.size_of(pool, each.name)
    return Shown(
        name=each.name, state=each.state, at=at, behind=max(0, live - at), rows=rows, bytes=size, fold=each.fold, this_release=ours(each),
        phase=each.phase, since=each.changed_at.isoformat(timespec="seconds").replace("+00:00", "Z"), sound=each.sound, compared=each.compared,
        error=each.error,
    )  # fmt: skip


def _print(shown: Sequence[Shown], screen: Screen) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in (
        ("name", "left"),
        ("state", "left"),
        ("records", "right"),
        ("behind", "right"),
        ("rows", "right"),
        ("size", "right"),
    ):
        table.add_column(name, justify="right" if justify == "right" else "left", no_wrap=True)
    for name in ("fold", "compared", "since"):
        table.add_column(name, no_wrap=True)
    for each in shown:
        sound = "-" if each.sound is None else "sound" if each.sound else "NOT SOUND"
        state = f"{each.state} ({each.phase})" if each.state == State.BUILDING else each.state
        table.add_row(
            each.name, state, f"{each.at:,}", f"{each.behind:,}", f"{each.rows:,}", size_words(each.bytes),
            each.fold if each.this_release else f"{each.fold} (another release's)", sound, each.since,
            style="green" if each.state == State.LIVE else "red" if each.state == State.FAILED else "",
        )  # fmt: skip
    screen.out.print(table)
    for each in shown:
        if each.error is not None:
            screen.line(f"{each.name}: {one_line(each.error)}")
        elif each.sound is False:
            screen.line(f"{each.name}: {one_line(each.compared or '')}")
