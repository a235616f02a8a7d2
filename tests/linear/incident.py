"""What an incident is to whoever only sees answers: a second, much smaller idea of it than the domain's, so that both are not wrong in one way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, assert_never


class Shown(NamedTuple):
    """What an answer shows of an incident, as far as it is checked."""

    version: int
    title: str
    severity: str
    status: str
    notes: int


class Incident(NamedTuple):
    """The object of the search. Version 0: it does not exist yet."""

    shown: Shown
    applied: int
    """A bit for each command that took effect."""


ABSENT = Incident(Shown(0, "", "", "", 0), 0)


@dataclass(frozen=True, slots=True)
class Open:
    title: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Of the title."""

    seen: str
    to: str


@dataclass(frozen=True, slots=True)
class Severity:
    seen: str
    to: str


@dataclass(frozen=True, slots=True)
class Note:
    pass


@dataclass(frozen=True, slots=True)
class Acknowledge:
    pass


@dataclass(frozen=True, slots=True)
class Resolve:
    pass


@dataclass(frozen=True, slots=True)
class Reopen:
    pass


Ask: TypeAlias = Open | Edit | Severity | Note | Acknowledge | Resolve | Reopen


@dataclass(frozen=True, slots=True)
class No:
    """The present state does not allow it."""

    code: str


def decide(now: Shown, ask: Ask) -> Shown | No:
    """The incident after ``ask`` (the same one if there was nothing to do), or why not."""
    if now.version == 0:
        return Shown(1, ask.title, "sev3", "open", 0) if isinstance(ask, Open) else No("not-found")
    match ask:
        case Open():
            return No("already-exists")
        case Edit():
            return _set(now, now.title, ask, title=ask.to)
        case Severity():
            return _set(now, now.severity, ask, severity=ask.to)
        case Note():
            return now._replace(version=now.version + 1, notes=now.notes + 1)
        case Acknowledge():
            if now.status == "resolved":
                return No("resolved")
            return _to(now, "acknowledged") if now.status == "open" else now
        case Resolve():
            return now if now.status == "resolved" else _to(now, "resolved")
        case Reopen():
            return _to(now, "open") if now.status == "resolved" else No("not-resolved")
        case _:
            assert_never(ask)


def _set(now: Shown, current: str, ask: Edit | Severity, **change: str) -> Shown | No:
    if current == ask.to:
        return now
    return now._replace(version=now.version + 1, **change) if current == ask.seen else No("edit-conflict")


def _to(now: Shown, status: str) -> Shown:
    return now._replace(version=now.version + 1, status=status)
