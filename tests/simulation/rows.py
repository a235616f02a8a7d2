"""Judges the rows: at every commit what it wrote, at every snapshot that it is whole, and at rest all of them, against the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from opsroom_common.log.port import Checkpoint
from opsroom_common.postgres.memory import MemoryTables
from opsroom_domain.registry import KINDS
from projector.fold_batch import Folded

from .database import Snapshot
from .truth import BITTER, Story, Truth, lived
from .verdict import Broken


class RowsJudge:
    """Rows = fold(log), at the checkpoint."""

    def __init__(self, truth: Truth, tables: MemoryTables, topic: str, broken: Callable[[Broken], None]) -> None:
        self._truth = truth
        self._tables = tables
        self._topic = topic
        self._broken = broken
        self.stale = False
        """The rows were made by another release's fold; nobody may believe them."""

    def committed(self, partition: int, after: Checkpoint, folded: Folded) -> None:
        """A batch was committed: each entity that it touched is what the log says at this checkpoint."""
        del partition
        if not self.stale:
            self._watch(lambda: [self._entity(row.id, after.offset) for row in folded.entities])

    def seen(self, found: Snapshot) -> None:
        """A snapshot is being taken, at this moment: it holds at least everything that the feed has up to its position."""

        def whole() -> None:
            for entry in self._tables.entries if found.position is not None else ():
                row = found.rows.get(entry.entity_id)
                if row is None or row["version"] < entry.version:
                    has = "no row" if row is None else f"version {row['version']}"
                    raise Broken(
                        "snapshot whole",
                        f"{entry.entity_id}: the feed is at version {entry.version} at {entry.position}, the snapshot has {has}",
                    )

        self._watch(whole)

    def current(self) -> bool:
        """Whether every checkpoint is at the end of its log."""
        return all(
            (at := self._tables.checkpoint(self._topic, partition)) is not None and at[0].offset == line.offset
            for partition, line in enumerate(self._truth.lines)
        )

    def bitter(self) -> list[str]:
        """Parked entities whose record only the server refuses."""
        parked = self._tables.tables["parked"]
        return sorted(id_ for id_, row in parked.items() if self._bitter(self._truth.stories[id_], row["offset"]))

    def at_rest(self) -> None:
        """Everything, at the end of the log. Raises Broken."""
        for partition, line in enumerate(self._truth.lines):
            expected = Checkpoint(line.offset, line.term, line.fence_offset)
            found = self._tables.checkpoint(self._topic, partition)
            if found is None or found[0] != expected:
                raise Broken("rows are the fold", f"partition {partition} is at {found}, the log at {expected}")
            fences = [(offset, row["term"]) for (p, offset), row in sorted(self._tables.tables["fences"].items()) if p == partition]
            if fences != line.fences:
                raise Broken("rows are the fold", f"partition {partition}: fences {fences}, the log has {line.fences}")
        wanted = {entity_id for entity_id, story in self._truth.stories.items() if story.steps}
        extra = set(self._tables.tables["entities"]) - wanted
        if extra:
            raise Broken("rows are the fold", f"rows of {sorted(extra)}, of which the log says nothing")
        for entity_id in sorted(wanted):
            self._entity(entity_id, None)
            self._history(entity_id, self._truth.stories[entity_id])
        self._parked()
        self._feed()

    def _entity(self, entity_id: str, below: int | None) -> None:
        story = self._truth.stories.get(entity_id) or Story("incident")
        life = story.life if below is None else story.as_of(below)
        aside = self._tables.get("parked", entity_id)
        if aside is not None and life.parked != aside["offset"]:
            # Only the rows' server refuses that record: they are what the log says before it.
            if not self._bitter(story, aside["offset"]):
                raise Broken("rows are the fold", f"{entity_id}: parked at {aside['offset']}, where the log has nothing bad")
            life = lived(
                [item for item in story.records if item[0].offset < aside["offset"]],
                [d for d in story.decisions if below is None or d.at < below],
            )
        row, steps = self._tables.get("entities", entity_id), life.steps
        if row is None or not steps or row["version"] != life.version or row["state"] != canonical(steps[-1].state):
            stands = "no row" if row is None else f"version {row['version']} {row['state']}"
            expected = f"version {life.version} {canonical(steps[-1].state) if steps else ''}"
            raise Broken("rows are the fold", f"{entity_id}: {stands}; the log up to {below} says {expected}")

    @staticmethod
    def _bitter(story: Story, offset: int) -> bool:
        return any(each.offset == offset and BITTER in (each.value or b"") for each, _ in story.records)

    def _history(self, entity_id: str, story: Story) -> None:
        for kind in ("versions", "timeline"):
            versions = sorted(version for owner, version in self._tables.tables[kind] if owner == entity_id)
            if versions != [step.version for step in story.steps]:
                raise Broken("rows are the fold", f"{entity_id}: {kind} {versions}, the log has {len(story.steps)}")
        ends = None
        for step in story.steps:
            row = self._tables.tables["versions"][entity_id, step.version]
            if row["state"] != canonical(step.state) or (step is not story.steps[0] and row["valid_from"] != ends):
                raise Broken("rows are the fold", f"{entity_id}: version {step.version} of the versions is not the log's")
            ends = row["valid_to"]
            if ends is not None and ends < row["valid_from"]:
                raise Broken("rows are the fold", f"{entity_id}: version {step.version} ends before it begins")

    def _parked(self) -> None:
        wanted = {entity_id: story.parked for entity_id, story in self._truth.stories.items() if story.parked is not None}
        found = {entity_id: row["offset"] for entity_id, row in self._tables.tables["parked"].items()}
        if found != wanted:
            raise Broken("rows are the fold", f"parked are {found}, the log says {wanted}")

    def _feed(self) -> None:
        head, entries = self._tables.valid_head(), self._tables.entries
        numbers = [entry.position.n for entry in entries]
        if head is None or (numbers and numbers != list(range(numbers[0], head.n + 1))):
            raise Broken("feed without a gap", f"the head is {head}, the entries are {numbers}")

    def _watch(self, check: Callable[[], Any]) -> None:
        try:
            check()
        except Broken as error:
            self._broken(error)


def canonical(state: Any) -> str:
    return orjson.dumps(KINDS["incident"].to_json(state), option=orjson.OPT_SORT_KEYS).decode()
