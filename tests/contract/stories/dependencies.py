"""Edges come and go."""

from collections.abc import Iterator
from typing import Any

from opsroom_domain.entities.dependencies import DEPENDENCIES_ID, Block, Forget, Unblock
from opsroom_domain.ids import EntityId

from .telling import clock

KIND = "dependencies"
_A, _B, _C = (EntityId(f"tsk_01kaqf5m2s8v6t4r0q9p7n3k{end}") for end in ("5n", "6p", "7q"))


def story() -> Iterator[tuple[str, EntityId, Any]]:
    """Every event of the dependencies at least once."""
    common = clock()
    for command in (
        Block(task=_A, blocker=_B, **common()),
        Block(task=_B, blocker=_C, **common()),
        Block(task=_A, blocker=_C, **common()),
        Unblock(task=_A, blocker=_B, **common()),
        Block(task=_A, blocker=_B, **common()),
        Forget(tasks=(_C,), **common()),
    ):
        yield KIND, DEPENDENCIES_ID, command
