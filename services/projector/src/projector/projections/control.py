"""The table of projections: which there are, what each is for, and which one readers see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from opsroom_common.postgres.errors import Rejected, Unavailable
from opsroom_common.postgres.pool import Row, Session
from opsroom_common.postgres.sql import statements

_SQL = statements("projector.projections", "control.sql")
_WORDS_MAX = 2_000


class State(StrEnum):
    BUILDING = "building"
    READY = "ready"
    """Built, and close behind the log when it was."""
    LIVE = "live"
    """The one that readers see and whose changes the feed tells."""
    OLD = "old"
    """It was live; it stands where it stood, to be switched back to."""
    FAILED = "failed"
    """Its build met something that its code cannot handle and the live one could. Only to be dropped."""


class Phase(StrEnum):
    """How far a build is: rows without indexes, then indexes, then nothing is left but to follow the log."""

    LOAD = "load"
    INDEX = "index"
    DONE = "done"


class Refused(Exception):
    """What was asked for cannot be done with the projections as they are; the message says what to do."""


class NoLive(Unavailable):
    """The table names no live projection: somebody deleted its row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """One row of the table."""

    name: str
    state: State
    fold: str
    layout: int
    script: str
    phase: Phase
    made_at: datetime
    changed_at: datetime
    after_load: Sequence[str]
    """DDL that makes the indexes and keys which were put off until the rows are loaded."""
    sound: bool | None
    """What the last comparison found; None if there was none since it was made."""
    compared: str | None
    error: str | None


async def projections(session: Session) -> Sequence[Projection]:
    """All, oldest first. Raises Unavailable (NotInstalled before the first start of a projector)."""
    return [_projection(row) for row in await session.fetch(_SQL["all"])]


async def one(session: Session, name: str) -> Projection:
    """Raises Refused if there is no such projection, Unavailable."""
    found = next((each for each in await projections(session) if each.name == name), None)
    if found is None:
        raise Refused(f"there is no projection {name}; `opsctl projections list` shows those that there are")
    return found


async def live(session: Session) -> Projection:
    """The one that readers see. Raises NoLive, Unavailable."""
    row = await session.fetch_one(_SQL["live"])
    if row is None:
        raise NoLive(
            "feed.projections names no live projection: somebody deleted its row; put it back, or drop the schema feed and start a projector"
        )
    return _projection(row)


async def locked(session: Session) -> Sequence[Projection]:
    """All, held until the end of the transaction: nobody changes a state or writes a row of one that is not live."""
    return [_projection(row) for row in await session.fetch(_SQL["locked"])]


async def register(session: Session, name: str, state: State, fold: str, layout: int, script: str) -> None:
    """Enter a projection, or what a known one is now made by. Raises Unavailable."""
    await session.execute(_SQL["register"], name, state, fold, layout, script)


async def put_off(session: Session, name: str, ddl: Sequence[str]) -> None:
    """Begin the load: remember what makes the indexes afterwards."""
    await session.execute(_SQL["put_off"], name, list(ddl))


async def built_first(session: Session, name: str) -> None:
    """The first thing that was put off is made."""
    await session.execute(_SQL["built_first"], name)


async def enter_phase(session: Session, name: str, phase: Phase) -> None:
    await session.execute(_SQL["enter_phase"], name, phase)


async def change_state(session: Session, name: str, before: Sequence[State], after: State) -> bool:
    """Whether it was in one of ``before``, and is now in ``after``."""
    return await session.fetch_one(_SQL["change_state"], name, [str(state) for state in before], after) is not None


async def fail(session: Session, name: str, error: str) -> None:
    """Mark a projection that is not live as failed, for good."""
    await session.execute(_SQL["fail"], name, error.replace("\0", "\ufffd")[:_WORDS_MAX])


async def note_comparison(session: Session, name: str, words: str, *, sound: bool) -> None:
    await session.execute(_SQL["note_comparison"], name, sound, words[:_WORDS_MAX])


async def forget(session: Session, name: str) -> None:
    await session.execute(_SQL["forget"], name)


async def tables_of(session: Session, name: str) -> Sequence[str]:
    """The names of its tables, sorted; none if there is no such schema."""
    return [row["name"] for row in await session.fetch(_SQL["tables"], name)]


async def size_of(session: Session, name: str) -> tuple[int, int]:
    """About how many rows its tables have, and how many bytes they and their indexes take."""
    try:
        row = await session.fetch_one(_SQL["size"], name)
    except Rejected:
        row = None
    return (0, 0) if row is None else (int(row["rows"]), int(row["bytes"]))


def _projection(row: Row) -> Projection:
    columns: dict[str, Any] = {**dict(row), "state": State(row["state"]), "phase": Phase(row["phase"])}
    return Projection(**columns)
