"""Which comments of an entity a page shows. Their texts are in the timeline; the state says which are there, whose and since when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opsroom_common.http.problems import problem

_EVENTS = ("comment_added", "comment_edited")


def comment_types(kind: str) -> list[str]:
    """The events of a kind that hold a comment's text."""
    return [f"opsroom.{kind}.{event}" for event in _EVENTS]


def page_of(comments: Sequence[dict[str, Any]], after: str | None, limit: int) -> tuple[list[dict[str, Any]], bool]:
    """At most ``limit`` of them, in their order, those behind ``after``; and whether there are more. Raises Problem 400 if ``after`` is gone."""
    start = 0
    if after is not None:
        places = [number for number, one in enumerate(comments, start=1) if one["id"] == after]
        if not places:
            raise problem(
                400, "bad-cursor", "That comment is gone", "it was deleted meanwhile; leave after out to start at the first comment"
            )
        start = places[0]
    return list(comments[start : start + limit]), len(comments) > start + limit
