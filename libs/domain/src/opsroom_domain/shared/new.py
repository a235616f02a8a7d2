"""The start of an entity: what is the same for every kind that has a title."""

from __future__ import annotations

from typing import TypeVar

from opsroom_domain.decider import AlreadyExists, NotFound
from opsroom_domain.shared.state import SharedState

S = TypeVar("S", bound=SharedState)


def must_be_new(state: SharedState | None, kind: str) -> None:
    """An id is taken once. A retried create is recognised by its command id before it gets here. Raises AlreadyExists."""
    if state is not None:
        raise AlreadyExists("already-exists", f"{state.id} exists already; take a new id for another {kind}")


def existing(state: S | None, kind: str) -> S:
    """The entity that a command is about. Raises NotFound."""
    if state is None:
        raise NotFound("not-found", f"there is no such {kind}; check the id, or create it")
    return state


def broken_start(kind: str, event: object, first: str) -> ValueError:
    """The error of a history that does not begin where histories of ``kind`` begin: the reader parks the entity."""
    return ValueError(f"the history of a {kind} starts with {type(event).__name__} instead of {first}; it is broken")


def broken_restart(state: SharedState) -> ValueError:
    """The error of a history that begins twice."""
    return ValueError(f"{state.id} is created a second time; its history is broken")
