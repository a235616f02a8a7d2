"""``opsctl lag``: how far each reader of the log is behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.table import Table
from rich.text import Text

from opsctl.exits import Exit
from opsctl.screen import Screen, one_line
from opsctl.servers import Servers
from opsroom_common.contracts.topics import SIGNALS
from opsroom_common.log.admin import GroupFound, LogAdmin, TopicFound
from opsroom_common.postgres.errors import Rejected, Unavailable
from opsroom_common.postgres.sql import statements

SIGNALS_GROUP = "command-api.signals"
"""Who folds signals into incidents."""
PROJECTOR = "projector"
_SQL = statements("opsctl.sql", "rows.sql")


@dataclass(frozen=True, slots=True)
class Limits:
    """A partition lags when more than ``behind_max`` records wait, or the projector has not touched its checkpoint for ``age_max_s``."""

    behind_max: int
    age_max_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """One reader in one partition. ``at`` is the next offset that it will read, None if that is not known; ``age_s`` since it last said so."""

    reader: str
    topic: str
    partition: int
    end: int
    at: int | None
    behind: int | None
    age_s: float | None
    problem: str | None


async def show_lag(servers: Servers, limits: Limits, screen: Screen) -> Exit:
    """Print the projector's and the signals consumer's lag. Raises log.port.Unavailable."""
    projector, away = await _projector(servers, limits)
    signals, words = await _signals(servers.admin, limits)
    stands = [*projector, *signals]
    if screen.json:
        for stand in stands:
            screen.object(asdict(stand))
    else:
        _print(f"projector, from {servers.log.topic}", projector, screen)
        _print(words, signals, screen)
        for stand in stands:
            if stand.problem is not None and stand.at is not None:
                screen.line(f"{stand.reader} {stand.topic}-{stand.partition}: {stand.problem}")
    if away is not None:
        screen.note(away)
        return Exit.AWAY
    return Exit.FINDING if any(stand.problem for stand in stands) else Exit.OK


async def _projector(servers: Servers, limits: Limits) -> tuple[list[Stand], str | None]:
    """Its stand in every partition, and why that is not known."""
    away = None
    rows = {}
    try:
        rows = {row["partition"]: row for row in await servers.pool.fetch(_SQL["checkpoints"], servers.log.topic)}
    except (Unavailable, Rejected) as error:
        away = f"the projector's checkpoints are not known: {one_line(str(error))}; start Postgres and the projector, or check OPSROOM_POSTGRES"
    # After the checkpoints: so none of them is beyond its end, unless it belongs to another log.
    spans = await servers.admin.spans(servers.found)
    stands: list[Stand] = []
    for partition, span in sorted(spans.items()):
        row = rows.get(partition)
        at = None if row is None else int(row["offset"])
        age_s = None if row is None else round(float(row["age_s"]), 1)
        stands.append(
            Stand(
                reader=PROJECTOR,
                topic=servers.log.topic,
                partition=partition,
                end=span.end,
                at=at,
                behind=None if at is None else span.end - at,
                age_s=age_s,
                problem="not known" if away else _problem(at, span.end, age_s, limits),
            )
        )
    return stands, away


def _problem(at: int | None, end: int, age_s: float | None, limits: Limits) -> str | None:
    if at is None or age_s is None:
        return "no checkpoint: the projector has not begun here; start it"
    if at > end:
        return "the checkpoint is beyond the end: it belongs to another log; rebuild with projector rebuild"
    if age_s > limits.age_max_s:
        return f"untouched for {_age(age_s)}: the projector stands still or does not run; see its /healthz and its log"
    if end - at > limits.behind_max:
        return f"{end - at:,} records behind: it works and takes its time; see its /metrics"
    return None


async def _signals(admin: LogAdmin, limits: Limits) -> tuple[list[Stand], str]:
    topic = (await admin.topics()).get(SIGNALS)
    if topic is None:
        return [], f"{SIGNALS} is not on this broker: make it with devstack topics"
    group = await admin.group(SIGNALS_GROUP)
    stands = await _group_stands(admin, topic, group, limits)
    return stands, f"{group.name}, from {topic.name}: {group.state.lower()}, {group.members} member{'' if group.members == 1 else 's'}"


async def _group_stands(admin: LogAdmin, topic: TopicFound, group: GroupFound, limits: Limits) -> list[Stand]:
    committed = group.committed.get(topic.name, {})
    stands: list[Stand] = []
    for partition, span in sorted((await admin.spans(topic)).items()):
        # Without a commit the group begins at the oldest record.
        at = max(span.first, committed.get(partition, span.first))
        behind = span.end - at
        problem = None
        if behind > 0 and group.members == 0:
            problem = f"{behind:,} records wait and nobody reads: start command-api"
        elif behind > limits.behind_max:
            problem = f"{behind:,} records behind: see /healthz and the log of command-api"
        stands.append(
            Stand(reader=group.name, topic=topic.name, partition=partition, end=span.end, at=at, behind=behind, age_s=None, problem=problem)
        )
    return stands


def _print(title: str, stands: Sequence[Stand], screen: Screen) -> None:
    screen.line(Text(title, style="bold"))
    if not stands:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("partition", "end", "at", "behind", "age"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for stand in stands:
        table.add_row(
            str(stand.partition),
            f"{stand.end:,}",
            "-" if stand.at is None else f"{stand.at:,}",
            "-" if stand.behind is None else f"{stand.behind:,}",
            "-" if stand.age_s is None else _age(stand.age_s),
            "" if stand.at is None else "PROBLEM" if stand.problem else "ok",
            style="red" if stand.problem and stand.at is not None else "",
        )
    screen.out.print(table)


def _age(seconds: float) -> str:
    if seconds < 120:  # noqa: PLR2004 - two minutes are still read as seconds
        return f"{seconds:.1f}s"
    return f"{seconds / 60:.0f}m" if seconds < 7200 else f"{seconds / 3600:.0f}h"  # noqa: PLR2004 - and two hours as minutes
