"""``opsctl topics``: what ``topics.yaml`` declares, and what the cluster has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.table import Table

from opsctl.exits import Exit
from opsctl.screen import Screen
from opsroom_common.contracts.topics import Topic
from opsroom_common.log.admin import LogAdmin, TopicFound

_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000}
_KEPT_FOR_EVER = "-1"


@dataclass(frozen=True, slots=True)
class TopicStand:
    """``problems`` is empty if the topic is as declared; ``records`` counts what can be read of it, voids, fences and marks included."""

    name: str
    declared: Topic | None
    found: TopicFound | None
    records: int | None
    problems: tuple[str, ...]


async def show_topics(admin: LogAdmin, declared: Mapping[str, Topic], screen: Screen) -> Exit:
    """Print every declared topic, and those of the same families that nobody declared. Raises log.port.Unavailable."""
    stands = await topic_stands(admin, declared)
    if screen.json:
        for stand in stands:
            screen.object(_as_object(stand))
    else:
        _print(stands, screen)
    return Exit.FINDING if any(stand.problems for stand in stands) else Exit.OK


async def topic_stands(admin: LogAdmin, declared: Mapping[str, Topic]) -> list[TopicStand]:
    """In the order of the declaration, undeclared ones last. Raises log.port.Unavailable."""
    found = await admin.topics()
    families = {name.split(".")[0] for name in declared}
    undeclared = sorted(name for name in found.keys() - declared.keys() if name.split(".")[0] in families)
    stands: list[TopicStand] = []
    for name in (*declared, *undeclared):
        topic = found.get(name)
        records = None if topic is None else sum(span.end - span.first for span in (await admin.spans(topic)).values())
        stands.append(TopicStand(name, declared.get(name), topic, records, _problems(declared.get(name), topic)))
    return stands


def _problems(declared: Topic | None, found: TopicFound | None) -> tuple[str, ...]:
    if declared is None:
        return ("not declared: add it to topics.yaml, or delete it",)
    if found is None:
        return ("missing: make it with devstack topics",)
    problems: list[str] = []
    if found.partitions != declared.partitions:
        problems.append(f"{found.partitions} partitions, declared {declared.partitions}: fixed for life, restore the declaration")
    for key, wanted in declared.config.items():
        has = found.config.get(key)
        if has != wanted:
            problems.append(f"{key} is {has}, declared {wanted}: set it on the broker")
    return tuple(problems)


def _as_object(stand: TopicStand) -> dict[str, object]:
    found, declared = stand.found, stand.declared
    return {
        "topic": stand.name,
        "declared": None if declared is None else {"partitions": declared.partitions, **declared.config},
        "found": None if found is None else {"partitions": found.partitions, "replication": found.replication, **found.config},
        "records": stand.records,
        "problems": stand.problems,
    }


def _print(stands: list[TopicStand], screen: Screen) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("topic", no_wrap=True)
    table.add_column("parts", justify="right")
    table.add_column("kept", no_wrap=True)
    table.add_column("records", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for stand in stands:
        found = stand.found
        cells = ("-",) * 3 if found is None else (str(found.partitions), _kept(found), f"{stand.records:,}")
        table.add_row(stand.name, *cells, "PROBLEM" if stand.problems else "ok", style="red" if stand.problems else "")
    screen.out.print(table)
    for stand in stands:
        for problem in stand.problems:
            screen.line(f"{stand.name}: {problem}")


def _kept(found: TopicFound) -> str:
    """For people: 7d, for ever, compacted."""
    if found.config.get("cleanup.policy") == "compact":
        return "compacted"
    text = found.config.get("retention.ms", "?")
    if text == _KEPT_FOR_EVER:
        return "for ever"
    if not text.isdecimal():
        return text
    unit = next((unit for unit, ms in _MS.items() if int(text) % ms == 0), None)
    return f"{text}ms" if unit is None else f"{int(text) // _MS[unit]}{unit}"
