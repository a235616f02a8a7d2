"""Which task waits for which: all blocked-by edges of the organisation in one entity.

No edge may close a cycle. That is an invariant over all tasks, so one entity holds them all: two people who add the two halves of a cycle
at once are decided one after the other, and the second is refused. It is bounded: ``EDGES_MAX`` edges make a row of some 150 kB, which travels
whole, so edges of tasks that are over are to be forgotten (``Forget``); looking for a cycle visits each edge at most once.
A task that is done keeps its edges until then: ``open_blockers`` says which of them still count.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, assert_never

from opsroom_domain.copies import changed
from opsroom_domain.decider import Invalid, Json, Kind, ListColumns, NotFound, Refused, TimelineEntry
from opsroom_domain.entities.task.words import LIVE
from opsroom_domain.entities.task.words import PREFIX as TASK_PREFIX
from opsroom_domain.entities.task.words import Status as TaskStatus
from opsroom_domain.ids import EntityId, prefix_of
from opsroom_domain.shared.commands import CommandBase
from opsroom_domain.shared.describe import step
from opsroom_domain.shared.events import EventBase
from opsroom_domain.shared.show import FLAGS, shared_from_json, shared_tags, shared_to_json
from opsroom_domain.shared.state import SharedState

PREFIX = "dep"
DEPENDENCIES_ID = EntityId(f"{PREFIX}_{'1':0>26}")
"""The only one: its first edge makes it."""
EDGES_MAX = 2_000
BLOCKERS_MAX = 50
"""Of one task."""
FORGET_MAX = 500
"""Tasks that one command forgets."""
PATH_SHOWN_MAX = 20
"""Ids of a cycle that a refusal names."""
_TITLE = "Dependencies"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(CommandBase):
    """``task`` waits for ``blocker``."""

    task: EntityId
    blocker: EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class Unblock(CommandBase):
    task: EntityId
    blocker: EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class Forget(CommandBase):
    """Remove every edge from and to these tasks, because they are over."""

    tasks: tuple[EntityId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked(EventBase):
    task: EntityId
    blocker: EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class Unblocked(EventBase):
    task: EntityId
    blocker: EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten(EventBase):
    """``tasks``: those that had an edge; sorted."""

    tasks: tuple[EntityId, ...]


Command: TypeAlias = Block | Unblock | Forget
Event: TypeAlias = Blocked | Unblocked | Forgotten


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies(SharedState):
    """All edges. Never changed in place."""

    blockers: Mapping[EntityId, tuple[EntityId, ...]] = field(default_factory=dict[EntityId, tuple[EntityId, ...]])
    """Task -> the tasks that it waits for, sorted; only tasks that wait for one."""

    @property
    def edge_count(self) -> int:
        return sum(map(len, self.blockers.values()))


_NONE = Dependencies(id=DEPENDENCIES_ID, title=_TITLE, field_changes={})


def open_blockers(
    blockers: Mapping[EntityId, Sequence[EntityId]], task: EntityId, statuses: Mapping[EntityId, TaskStatus]
) -> tuple[EntityId, ...]:
    """The tasks that ``task`` still waits for. One whose status is not given counts as open: nobody knows that it is done."""
    return tuple(blocker for blocker in blockers.get(task, ()) if statuses.get(blocker, TaskStatus.TO_DO) in LIVE)


def decide(state: Dependencies | None, command: Command) -> Sequence[Event]:
    """The events that ``command`` gives, perhaps none. Raises Refused, or NotFound before there was any edge."""
    if isinstance(command, Block):
        return block(state or _NONE, command)
    if state is None:
        raise NotFound("not-found", "no task has ever waited for another; there is nothing to take away")
    match command:
        case Unblock():
            return unblock(state, command)
        case Forget():
            return forget(state, command)
        case _:
            assert_never(command)


def block(state: Dependencies, command: Block) -> Sequence[Blocked]:
    """An edge that would close a cycle is refused, and the refusal names the cycle. That both tasks exist is not checked here."""
    for task in (command.task, command.blocker):
        _check_task(task)
    if command.task == command.blocker:
        raise Invalid("blocks-itself", f"{command.task} cannot wait for itself; name another task")
    present = state.blockers.get(command.task, ())
    if command.blocker in present:
        return ()
    if len(present) >= BLOCKERS_MAX:
        raise Invalid("too-many", f"{command.task} waits for {BLOCKERS_MAX} tasks already; remove one first, or group them under one task")
    if state.edge_count >= EDGES_MAX:
        raise Invalid("too-many", f"there are {EDGES_MAX} dependencies already; forget those of tasks that are over, then repeat this")
    path = path_between(state.blockers, command.blocker, command.task)
    if path:
        raise Refused(
            "cycle", f"this would close a cycle, each waiting for the next: {_shown((command.task, *path))}; remove one of these first"
        )
    return (Blocked(at=command.at, by=command.by, task=command.task, blocker=command.blocker),)


def unblock(state: Dependencies, command: Unblock) -> Sequence[Unblocked]:
    """Take an edge away; one that is not there is no error."""
    if command.blocker not in state.blockers.get(command.task, ()):
        return ()
    return (Unblocked(at=command.at, by=command.by, task=command.task, blocker=command.blocker),)


def forget(state: Dependencies, command: Forget) -> Sequence[Forgotten]:
    """Take all edges of tasks away that are over. Tasks without an edge are no error."""
    if len(command.tasks) > FORGET_MAX:
        raise Invalid("too-many", f"{len(command.tasks)} tasks at once, and there may be {FORGET_MAX}; send fewer")
    for task in command.tasks:
        _check_task(task)
    with_edges = {*state.blockers, *(blocker for blockers in state.blockers.values() for blocker in blockers)}
    gone = tuple(sorted(with_edges.intersection(command.tasks)))
    return (Forgotten(at=command.at, by=command.by, tasks=gone),) if gone else ()


def path_between(blockers: Mapping[EntityId, Sequence[EntityId]], start: EntityId, end: EntityId) -> tuple[EntityId, ...]:
    """A shortest chain from ``start`` to ``end`` in which each waits for the next, both included; empty if there is none."""
    came_from: dict[EntityId, EntityId] = {start: start}
    waiting = deque([start])
    while waiting:
        task = waiting.popleft()
        if task == end:
            path = [task]
            while path[-1] != start:
                path.append(came_from[path[-1]])
            return tuple(reversed(path))
        for blocker in blockers.get(task, ()):
            if blocker not in came_from:
                came_from[blocker] = task
                waiting.append(blocker)
    return ()


def evolve(state: Dependencies | None, event: Event) -> Dependencies:
    """The edges after ``event``. Raises ValueError for a history that does not start with an edge: it is broken and the reader parks it."""
    if state is None and not isinstance(event, Blocked):
        raise ValueError(f"the dependencies start with {type(event).__name__} instead of Blocked; their history is broken")
    known = state or _NONE
    match event:
        case Blocked():
            present = known.blockers.get(event.task, ())
            return changed(known, blockers={**known.blockers, event.task: tuple(sorted({*present, event.blocker}))})
        case Unblocked():
            return changed(known, blockers=_without(known.blockers, {event.task}, {event.blocker}))
        case Forgotten():
            gone = set(event.tasks)
            left = {task: blockers for task, blockers in known.blockers.items() if task not in gone}
            return changed(known, blockers=_without(left, set(left), gone))
        case _:
            assert_never(event)


def describe(state: Dependencies | None, event: Event) -> TimelineEntry:
    """Tell ``event``; ``state`` are the edges before it."""
    match event:
        case Blocked():
            return TimelineEntry(f"{event.task} waits for {event.blocker}", {"edge": {"task": event.task, **step(None, event.blocker)}})
        case Unblocked():
            words = f"{event.task} no longer waits for {event.blocker}"
            return TimelineEntry(words, {"edge": {"task": event.task, **step(event.blocker, None)}})
        case Forgotten():
            before = 0 if state is None else state.edge_count
            words = f"Forgot the dependencies of {event.tasks[0] if len(event.tasks) == 1 else f'{len(event.tasks)} tasks'}"
            return TimelineEntry(words, {"edges": {**step(before, evolve(state, event).edge_count), "tasks": list(event.tasks)}})
        case _:
            assert_never(event)


def to_json(state: Dependencies) -> dict[str, Json]:
    """The row's part. Every key is always there."""
    return {**shared_to_json(state), "blockers": {task: list(state.blockers[task]) for task in sorted(state.blockers)}}


def from_json(row: Mapping[str, Any]) -> Dependencies:
    """The edges that ``to_json`` showed; other keys are ignored. Raises KeyError or ValueError for anything else."""
    blockers = {EntityId(task): tuple(map(EntityId, known)) for task, known in row["blockers"].items()}
    return Dependencies(**shared_from_json(row), blockers=blockers)


def tags(state: Dependencies) -> dict[str, str]:
    """The tags of all kinds; the edges are no tags: there are too many."""
    return {**shared_tags(state), "status": "active", "live": FLAGS[True]}


def columns(state: Dependencies) -> ListColumns:
    return ListColumns(title=state.title, status="active", text=state.title)


def _without(
    blockers: Mapping[EntityId, tuple[EntityId, ...]], tasks: set[EntityId], gone: set[EntityId]
) -> Mapping[EntityId, tuple[EntityId, ...]]:
    """The edges without those from ``tasks`` to ``gone``."""
    left = {task: known if task not in tasks else tuple(each for each in known if each not in gone) for task, known in blockers.items()}
    return {task: known for task, known in left.items() if known}


def _check_task(task: EntityId) -> None:
    if prefix_of(task) != TASK_PREFIX:
        raise Invalid("bad-id", f"{task[:40]!r} is no task; name tasks by their ids like {TASK_PREFIX}_01k…")


def _shown(path: Sequence[EntityId]) -> str:
    if len(path) <= PATH_SHOWN_MAX:
        return " → ".join(path)
    return " → ".join((*path[: PATH_SHOWN_MAX - 1], f"… {len(path) - PATH_SHOWN_MAX} more …", path[-1]))


DEPENDENCIES: Final[Kind[Dependencies, Command, Event]] = Kind(
    name="dependencies",
    collection="dependencies",
    prefix=PREFIX,
    events={"blocked": Blocked, "unblocked": Unblocked, "forgotten": Forgotten},
    commands={"block": Block, "unblock": Unblock, "forget": Forget},
    decide=decide,
    evolve=evolve,
    to_json=to_json,
    from_json=from_json,
    tags=tags,
    columns=columns,
    describe=describe,
    fold_version=1,
    admin_only=frozenset(),
    process_only=frozenset(),
)
