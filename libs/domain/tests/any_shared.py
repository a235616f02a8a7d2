"""Any command of those that all kinds have. A strategy gives a function of the entity and the stamp."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from hypothesis import strategies as st

from opsroom_domain.changes import Change, as_seen, hash_of
from opsroom_domain.ids import ActorId, EntityId
from opsroom_domain.shared import commands as c
from opsroom_domain.shared.words import Visibility

Make: TypeAlias = Callable[[Any, dict[str, Any]], Any]
PEOPLE = st.sampled_from([ActorId(f"usr_{name}") for name in ("alice", "bob", "carol")])
SEEN = st.booleans()
"""Whether the sender saw the current value, or whatever else was drawn."""
LINES = st.sampled_from(["A", "B", "Ünïcødé 🚨", "l" * 200, "", "two\nlines", "l" * 201])
TEXTS = st.sampled_from(["", "A", "two\nlines", "long " * 60, "nul\x00"])
_LOOKS: list[Callable[[str], str]] = [lambda now: now, as_seen, hash_of, lambda _: "something else"]
_TARGETS = st.sampled_from([EntityId(f"inc_01k000000000000000000000{end}") for end in ("0a", "0b")])
_LABELS = st.lists(st.sampled_from(["a", "b", "c", "env=prod", " "]), max_size=2).map(tuple)
_WATCHERS = st.lists(PEOPLE, max_size=1).map(tuple)
_COMMENTS = st.sampled_from(["c1", "c2"])
_TEAMS = st.sampled_from([None, "payments", "search"])


@st.composite
def _edits(draw: st.DrawFn, texts: Mapping[str, st.SearchStrategy[str]]) -> Make:
    wanted = {field: draw(st.none() | strategy) for field, strategy in texts.items()}
    look = draw(st.sampled_from(_LOOKS))
    return lambda state, who: c.Edit(
        **who, changes=tuple(Change(field=field, seen=look(state.texts[field]), to=to) for field, to in wanted.items() if to is not None)
    )


def shared_commands(texts: Mapping[str, st.SearchStrategy[str]] | None = None) -> st.SearchStrategy[Make]:
    """``texts``: the fields that can be edited and what people write into them."""
    return st.one_of(
        _edits(texts or {"title": LINES, "description": TEXTS}),
        st.builds(
            lambda saw, other, to: lambda state, who: c.Assign(**who, seen=state.assignee if saw else other, assignee=to),
            SEEN,
            st.none() | PEOPLE,
            st.none() | PEOPLE,
        ),
        st.builds(
            lambda saw, other, to: lambda state, who: c.ChangeVisibility(**who, seen=state.visibility if saw else other, visibility=to),
            SEEN,
            st.sampled_from(Visibility),
            st.sampled_from(Visibility),
        ),
        st.builds(
            lambda saw, other, to: lambda state, who: c.ChangeTeam(**who, seen=state.team if saw else other, team=to), SEEN, _TEAMS, _TEAMS
        ),
        st.builds(lambda add, remove: lambda _, who: c.ChangeLabels(**who, add=add, remove=remove), _LABELS, _LABELS),
        st.builds(lambda add, remove: lambda _, who: c.ChangeWatchers(**who, add=add, remove=remove), _WATCHERS, _WATCHERS),
        _TARGETS.map(lambda to: lambda _, who: c.Link(**who, target=to)),
        _TARGETS.map(lambda to: lambda _, who: c.Unlink(**who, target=to)),
        st.builds(lambda name, text: lambda _, who: c.AddComment(**who, comment_id=name, text=text), _COMMENTS, TEXTS),
        _COMMENTS.map(lambda name: lambda _, who: c.DeleteComment(**who, comment_id=name)),
    )
