"""Field-level edits: a change names the value that was seen and the value that is wanted (promise 2: no lost update).

An edit conflicts only if the field's value is now neither the seen one nor the wanted one. So disjoint edits merge by themselves, a
chain of one's own edits never conflicts with itself, a repeated edit changes nothing, and undo is the same edit turned round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256

from opsroom_domain.decider import EditConflict, FieldConflict

SEEN_IN_CLEAR_MAX = 256
"""Characters. A seen value longer than this is written as its hash, in commands (it may be) and in events (it always is)."""
_HASH_PREFIX = "sha256:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field of an edit. ``seen`` is the value that the editor saw, or, if it is long, ``sha256:`` and its hex digest."""

    field: str
    seen: str
    to: str


class Verdict(Enum):
    """What becomes of one wanted change."""

    CHANGE = "change"
    NOTHING = "nothing"
    CONFLICT = "conflict"


def hash_of(value: str) -> str:
    """``sha256:`` and the hex digest of the value's UTF-8 bytes."""
    return _HASH_PREFIX + sha256(value.encode()).hexdigest()


def as_seen(value: str) -> str:
    """The value as a change names it: in clear up to ``SEEN_IN_CLEAR_MAX`` characters, else its hash."""
    return value if len(value) <= SEEN_IN_CLEAR_MAX else hash_of(value)


def seen_matches(seen: str | None, current: str | None) -> bool:
    """True if ``seen`` is the current value or its hash. A hash is accepted for short values too. None means that there is no value."""
    if seen == current:
        return True
    return seen is not None and current is not None and seen.startswith(_HASH_PREFIX) and seen == hash_of(current)


def judge(seen: str | None, current: str | None, wanted: str | None) -> Verdict:
    """Judge one field. What is wanted and already so is no conflict, whatever was seen."""
    if current == wanted:
        return Verdict.NOTHING
    return Verdict.CHANGE if seen_matches(seen, current) else Verdict.CONFLICT


def must_change(field: str, *, seen: str | None, current: str | None, wanted: str | None) -> bool:
    """Judge a command on one field: True if it changes, False if it is already so. Raises EditConflict."""
    match judge(seen, current, wanted):
        case Verdict.CHANGE:
            return True
        case Verdict.NOTHING:
            return False
        case Verdict.CONFLICT:
            raise EditConflict([FieldConflict(field, seen, current, wanted)])


def due(changes: Sequence[Change], current: Mapping[str, str]) -> tuple[Change, ...]:
    """The changes that are still to be made, each with ``seen`` as the event names it.

    All or nothing: raises EditConflict with every field in conflict. ``current`` must hold every field that ``changes`` name.
    """
    conflicts: list[FieldConflict] = []
    to_make: list[Change] = []
    for change in changes:
        now = current[change.field]
        match judge(change.seen, now, change.to):
            case Verdict.CHANGE:
                to_make.append(Change(field=change.field, seen=as_seen(now), to=change.to))
            case Verdict.NOTHING:
                pass
            case Verdict.CONFLICT:
                conflicts.append(FieldConflict(change.field, change.seen, now, change.to))
    if conflicts:
        raise EditConflict(conflicts)
    return tuple(to_make)


def changes_between(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Change, ...]:
    """The edit that makes ``after`` of ``before``: one change for each field of ``before`` that differs, in the order of the names."""
    return tuple(
        Change(field=field, seen=as_seen(before[field]), to=after[field]) for field in sorted(before) if before[field] != after[field]
    )


def turned_round(changes: Sequence[Change], before: Mapping[str, str]) -> tuple[Change, ...]:
    """The edit that undoes ``changes``. ``before`` holds the fields' values before them, because an event holds only the hash of a long one."""
    return tuple(Change(field=change.field, seen=as_seen(change.to), to=before[change.field]) for change in reversed(changes))
