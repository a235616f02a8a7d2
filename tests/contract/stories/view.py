"""Saved views: one that its owner gives to a team, and one of everybody's."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from opsroom_domain.entities.view import (
    Archive,
    Change,
    ChangeSystem,
    Column,
    Create,
    CreateSystem,
    Definition,
    FilterOn,
    Restore,
    Scope,
    Share,
)
from opsroom_domain.ids import EntityId

from .telling import BO, clock

KIND = "view"
_MINE = EntityId("viw_01kaqf5m2s8v6t4r0q9p7n3k1h")
_OURS = EntityId("viw_01kaqf5m2s8v6t4r0q9p7n3k2j")


def story() -> Iterator[tuple[str, EntityId, Any]]:
    """Every event once at least."""
    common = clock()
    first = Definition(
        title="Burning",
        filters=(FilterOn(field="status", values=("open", "acknowledged")), FilterOn(field="severity", values=("sev1",))),
        search="payments",
        sort="rank",
        columns=(
            Column(name="title", width=400, pinned=True, hidden=False),
            Column(name="assignee", width=None, pinned=False, hidden=True),
        ),
        group_by="team",
        position=0,
    )
    second = replace(first, title="Burning now", filters=first.filters[1:], group_by=None)
    yield KIND, _MINE, Create(view_id=_MINE, of="incident", definition=first, **common())
    yield KIND, _MINE, Change(seen=first, definition=second, **common())
    yield KIND, _MINE, Share(seen=Scope.PERSONAL, scope=Scope.TEAM, team="payments", **common())
    yield KIND, _MINE, Change(seen=second, definition=replace(second, position=3), **common(BO))
    yield KIND, _MINE, Archive(**common(BO))
    yield KIND, _MINE, Restore(**common())
    yield (
        KIND,
        _OURS,
        CreateSystem(
            view_id=_OURS,
            of="auction",
            definition=Definition(title="All auctions", filters=(), search="", sort="due", columns=(), group_by=None, position=1),
            **common(),
        ),
    )
    plain = Definition(title="All auctions", filters=(), search="", sort="due", columns=(), group_by=None, position=1)
    yield KIND, _OURS, ChangeSystem(seen=plain, definition=replace(plain, sort="-updated"), **common())
