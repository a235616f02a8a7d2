"""Words that all kinds use, as they stand in events, rows and tags."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Visibility(StrEnum):
    """Who may see an entity: everyone, the people of its team, or only those named in ``viewers``."""

    EVERYONE = "everyone"
    TEAM = "team"
    NAMED = "named"


class Standing(StrEnum):
    """How far a change over two entities is: the other one has not answered yet, it took its part, or it did not, and the reason says why."""

    PENDING = "pending"
    DONE = "done"
    REFUSED = "refused"


class Relation(StrEnum):
    """What an entity is to the one that it is linked to: it *blocks* it, it is its *parent*."""

    RELATED = "related"
    BLOCKS = "blocks"
    BLOCKED_BY = "blocked-by"
    CAUSES = "causes"
    CAUSED_BY = "caused-by"
    DUPLICATES = "duplicates"
    DUPLICATED_BY = "duplicated-by"
    PARENT = "parent"
    CHILD = "child"


_PAIRS = (
    (Relation.RELATED, Relation.RELATED),
    (Relation.BLOCKS, Relation.BLOCKED_BY),
    (Relation.CAUSES, Relation.CAUSED_BY),
    (Relation.DUPLICATES, Relation.DUPLICATED_BY),
    (Relation.PARENT, Relation.CHILD),
)
INVERSE: Mapping[str, Relation] = {here: there for pair in _PAIRS for here, there in (pair, pair[::-1])}
"""What the other entity is to this one. Old logs hold relations that are not among them: those stay one-way."""
