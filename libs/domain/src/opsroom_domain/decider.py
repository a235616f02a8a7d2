"""What every entity kind is made of: a decider, and how it is shown.

A decider is three pure things (Jeremie Chassaing's pattern): the state of an entity that does not exist yet (``None`` here),
``decide(state, command) -> events`` and ``evolve(state, event) -> state``. The same ``evolve`` serves the writer, the projector,
time travel, replay and the simulation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeAlias, TypeVar, Union

Json: TypeAlias = Union[bool, int, float, str, list["Json"], dict[str, "Json"], None]  # noqa: UP007 - a name in quotes cannot stand in `|`
"""A JSON value. Rows and diffs are made of it, so that they are the same bytes wherever they are made."""


S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E")


class Refused(Exception):
    """A command that the business does not allow in the present state. Nothing has changed.

    ``code`` is stable and ends in the problem's ``type``; ``message`` says what to do next. ``details`` are the same facts for programs: they
    become the problem's member ``details``. They hold nothing that the caller may not see.
    """

    def __init__(self, code: str, message: str, details: Mapping[str, Json] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details: Mapping[str, Json] = dict(details or {})


class Invalid(Refused):
    """The command breaks a rule or a limit whatever the state is: it has to be corrected."""


class NotFound(Refused):
    """The entity does not exist."""


class AlreadyExists(Refused):
    """The entity id is taken by another create command."""


@dataclass(frozen=True, slots=True)
class FieldConflict:
    """One field whose value is now neither what the editor saw nor what the editor wants."""

    field: str
    seen: Json
    current: Json
    wanted: Json


class EditConflict(Refused):
    """A lost update prevented (promise 2): ``conflicts`` holds both values of each field.

    Who changed a field, and when, is in the state's ``field_changes``; the command API adds it to the answer.
    """

    def __init__(self, conflicts: Sequence[FieldConflict]) -> None:
        names = ", ".join(c.field for c in conflicts)
        super().__init__("edit-conflict", f"{names} changed since you looked; read the current value and decide again")
        self.conflicts = tuple(conflicts)


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One event in words and as a field-level diff ``{field: {"from": old, "to": new}}``."""

    words: str
    diff: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListColumns:
    """What lists sort by and search in, beside the tags that they filter by. A kind without such a value leaves it out."""

    title: str
    status: str
    rank: int | None = None
    """The smaller, the more urgent: the order of severities or priorities."""
    assignee: str | None = None
    due_at: datetime | None = None
    text: str = ""
    """Everything that a search finds it by."""
    keys: tuple[str, ...] = ()
    """Names from outside by which it is found, such as a signal's fingerprint; sorted."""


SHARED_PROCESS_ONLY = frozenset({"link_back", "unlink_back", "settle_link"})
"""The commands of all kinds that only a process may issue."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[S, C, E]):
    """One entity kind: everything that the services need to know about it, in one value.

    Shapes: ``events`` maps the last part of ``ce_type`` (``opsroom.incident.acknowledged`` -> ``acknowledged``) to its class.
    ``to_json``/``from_json`` are inverse and canonical: equal states give equal JSON. ``row`` is what a list or a socket shows,
    ``tags`` the flat strings that live filters and indexes match on, ``columns`` what lists sort by and search in.
    """

    name: str
    collection: str
    """The name of all of them in addresses: ``incidents``."""
    prefix: str
    events: Mapping[str, type[E]]
    commands: Mapping[str, type[C]]
    decide: Callable[[S | None, C], Sequence[E]]
    evolve: Callable[[S | None, E], S]
    to_json: Callable[[S], dict[str, Json]]
    from_json: Callable[[Mapping[str, Any]], S]
    tags: Callable[[S], dict[str, str]]
    columns: Callable[[S], ListColumns]
    describe: Callable[[S | None, E], TimelineEntry]
    fold_version: int
    """Raised by hand whenever ``evolve`` or ``to_json`` gives another result for an old log; part of the fold fingerprint."""
    admin_only: frozenset[str] = frozenset({"change_visibility"})
    """Names of the commands that only an admin may issue: those that decide who may see or do something."""
    process_only: frozenset[str] = SHARED_PROCESS_ONLY
    """Names of the commands that only a process may issue: the other half of a change over two entities. They have no door."""
    confidential: frozenset[str] = frozenset()
    """Keys of the row that not everyone who sees the entity may read. Nothing else that leaves the domain holds them: no tag, column, diff or
    refusal."""
