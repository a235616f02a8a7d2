"""Whatever people, requesters and timers do to a ticket, in any order: what holds after each step."""

from __future__ import annotations

from typing import Any

import pytest
from any_shared import PEOPLE, SEEN, TEXTS, Make, shared_commands
from examples_ticket import CARLA, NORMAL, TKT, URGENT
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from kind_life import SHARED_MEMBERS, KindLife

from opsroom_domain.entities.ticket import TICKET
from opsroom_domain.entities.ticket import commands as c
from opsroom_domain.entities.ticket.words import LIVE, RECENT_MAX, RUNNING, Channel, Priority, Status

_NAMES = st.sampled_from(["x1", "x2", "x3"])
_BY = PEOPLE | st.just(CARLA)
_COMMANDS: st.SearchStrategy[Make] = st.one_of(
    st.builds(
        lambda saw, other, to: lambda state, who: c.ChangeStatus(**who, seen=state.status if saw else other, status=to),
        SEEN,
        st.sampled_from(Status),
        st.sampled_from(Status),
    ),
    st.builds(
        lambda name, text, hers: lambda _, who: c.Reply(**who, reply_id=name, text=text, from_requester=hers), _NAMES, TEXTS, st.booleans()
    ),
    st.builds(lambda name, text: lambda _, who: c.AddNote(**who, note_id=name, text=text), _NAMES, TEXTS),
    TEXTS.map(lambda text: lambda _, who: c.Solve(**who, resolution=text)),
    TEXTS.map(lambda text: lambda _, who: c.Reopen(**who, reason=text)),
    st.builds(
        lambda saw, other, to: lambda state, who: c.ChangePriority(**who, seen=state.priority if saw else other, priority=to),
        SEEN,
        st.sampled_from(Priority),
        st.sampled_from(Priority),
    ),
    st.just(lambda _, who: c.CheckSla(**who)),
    st.just(lambda _, who: c.Create(**who, ticket_id=TKT, title="again", requester=CARLA, channel=Channel.WEB)),
)
_CLOSING: st.SearchStrategy[Make] = st.just(lambda _, who: c.Close(**who))
CLOSED_AFTER = 15
"""Events: so that most lives are long."""


class TicketLife(KindLife):
    kind = TICKET
    members = SHARED_MEMBERS | {"reply", "note"}
    not_repeatable = (c.Create, c.Reopen)

    @initialize(by=_BY, promised=st.sampled_from([(), (NORMAL,), (URGENT, NORMAL)]))
    def create(self, by: str, promised: Any) -> None:
        create = c.Create(**self.stamp(by), ticket_id=TKT, title="Help", requester=CARLA, channel=Channel.CHAT, targets=promised)
        self.issue(create)

    @rule(makes=st.lists(st.tuples(_COMMANDS | shared_commands(), st.sampled_from([0.5, 30, 400])), min_size=5, max_size=15), by=_BY)
    def people_do_what_they_do(self, makes: list[tuple[Make, float]], by: str) -> None:
        for make, seconds in makes:
            before = self.state
            refusal = self.attempt(make(before, self.stamp(by, seconds)))
            assert set(before.breached) <= set(self.state.breached), "a breach stays"
            if refusal is None and len(before.breached) == len(self.state.breached) and before != self.state:
                assert not self.state.overdue(self.now), "an event says what is overdue"
            self.holds()

    @rule(make=_CLOSING, by=_BY)
    def it_is_closed(self, make: Make, by: str) -> None:
        if len(self.events) > CLOSED_AFTER:
            self.attempt(make(self.state, self.stamp(by)))

    @invariant()
    def parts_agree_with_the_status(self) -> None:
        now = self.state
        if now is None:
            return
        assert now.live is (now.status in LIVE)
        assert now.live is (now.solved_at is None) is (now.solved_by is None) is (now.resolution is None)
        assert (now.clock.since is not None) is (now.status in RUNNING)
        assert now.clock.active_us >= 0
        assert len(now.recent_replies) == min(now.reply_count, RECENT_MAX)
        assert now.first_response_at is None or now.reply_count > 0


TicketLife.TestCase.settings = settings(max_examples=40, stateful_step_count=12, deadline=None, print_blob=True, report_multiple_bugs=False)
TestTicketLife = pytest.mark.timeout(400)(TicketLife.TestCase)
