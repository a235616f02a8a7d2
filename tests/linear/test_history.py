"""The checker finds what must never happen to an incident, and accepts what may."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsroom_domain.changes import Change
from opsroom_domain.decider import Refused as DomainRefused
from opsroom_domain.entities import incident as domain
from opsroom_domain.ids import ActorId, EntityId
from opsroom_domain.registry import KINDS
from opsroom_domain.times import from_rfc3339

from .history import Answer, Attempt, Done, NotApplied, Refused, Unknown, falsehood
from .incident import Acknowledge, Ask, Edit, No, Note, Open, Reopen, Resolve, Severity, Shown, decide
from .search import NEVER

NAME = "inc_01kb3f9ph0e5wrt8z2v6q4n7xd"
OPENED = Shown(1, "t", "sev3", "open", 0)


def attempt(at: float, ask: Ask, answer: Answer, *, command: str | None = None, until: float | None = None) -> Attempt:
    """One that takes half a second unless said otherwise."""
    return Attempt(NAME, command or f"c{at}", ask, "a", at, at + 0.5 if until is None else until, answer)


def done(shown: Shown, version: int | None = None, *, replayed: bool = False) -> Done:
    return Done(shown.version if version is None else version, replayed, shown)


OPEN = attempt(0, Open("t"), done(OPENED))


def titled(title: str, version: int, notes: int = 0) -> Shown:
    return OPENED._replace(title=title, version=version, notes=notes)


# -- what must be found ------------------------------------------------------------------------------------------------------------------


def test_a_lost_update() -> None:
    """Two edits from the same seen value, both told yes."""
    first = attempt(1, Edit("t", "a"), done(titled("a", 2)))
    second = attempt(2, Edit("t", "b"), done(titled("b", 3)))
    found = falsehood([OPEN, first, second])
    assert found is not None
    assert "2 of 3" in found.why
    assert "Edit(seen='t', to='b')" in found.why
    at_once = attempt(1, Edit("t", "b"), done(titled("b", 2)), command="other")
    assert falsehood([OPEN, first, at_once]) is not None, "at the same moment too"


def test_an_acknowledged_command_that_is_not_in_the_log() -> None:
    told = attempt(1, Note(), done(titled("t", 2, 1)))
    assert falsehood([OPEN, told], OPENED) is not None
    assert falsehood([OPEN, told], titled("t", 2, 1)) is None


def test_a_command_that_was_applied_twice() -> None:
    lost = attempt(1, Note(), Unknown(), command="n")
    retry = attempt(2, Note(), Done(2, replayed=True, shown=None), command="n")
    assert falsehood([OPEN, lost, retry], titled("t", 2, 1)) is None
    assert falsehood([OPEN, lost, retry], titled("t", 3, 2)) is not None, "it is in the log twice"
    again = attempt(3, Note(), done(titled("t", 3, 2)), command="n")
    assert falsehood([OPEN, lost, retry, again]) is not None, "a retry was applied anew"


def test_two_versions_for_one_command() -> None:
    retries = [attempt(at, Note(), Done(version, replayed=True, shown=None), command="n") for at, version in ((2, 2), (3, 3))]
    found = falsehood([OPEN, attempt(1, Note(), Unknown(), command="n"), *retries])
    assert found is not None
    assert "told two versions: 2 and 3" in found.why


def test_a_yes_to_a_retry_of_what_never_happened() -> None:
    assert falsehood([OPEN, attempt(1, Note(), Done(2, replayed=True, shown=None))]) is not None
    nothing = attempt(1, Note(), NotApplied(), command="n")
    assert falsehood([OPEN, nothing, attempt(2, Note(), Done(2, replayed=True, shown=None), command="n")]) is not None


def test_a_zombies_stale_refusal() -> None:
    """A paused owner says no by what it remembers, after its successor has said yes to something else."""
    undone = [attempt(1, Edit("t", "a"), done(titled("a", 2))), attempt(2, Edit("a", "t"), done(titled("t", 3)))]
    stale = attempt(3, Edit("t", "b"), Refused("edit-conflict", titled("a", 2)))
    assert falsehood([OPEN, *undone, stale]) is not None
    assert falsehood([OPEN, *undone, replace(stale, answer=Refused("edit-conflict"))]) is not None, "also without the present state in it"
    in_time = attempt(1.7, Edit("t", "b"), Refused("edit-conflict", titled("a", 2)), until=2.2)
    assert falsehood([OPEN, *undone, in_time]) is None


def test_a_zombies_stale_already_so() -> None:
    resolved = OPENED._replace(status="resolved", version=2)
    reopened = OPENED._replace(version=3)
    past = [attempt(1, Resolve(), done(resolved)), attempt(2, Reopen(), done(reopened))]
    assert falsehood([OPEN, *past, attempt(3, Resolve(), done(resolved))]) is not None


@pytest.mark.parametrize("version", [1, 3])
def test_a_wrong_version_number(version: int) -> None:
    assert falsehood([OPEN, attempt(1, Note(), done(titled("t", 2, 1), version))]) is not None
    assert falsehood([OPEN, attempt(1, Note(), Done(version, replayed=False, shown=None))]) is not None


def test_a_wrong_version_of_a_no_op() -> None:
    note = attempt(1, Note(), done(titled("t", 2, 1)))
    assert falsehood([OPEN, note, attempt(2, Severity("sev3", "sev3"), done(titled("t", 2, 1)))]) is None
    assert falsehood([OPEN, note, attempt(2, Severity("sev3", "sev3"), done(OPENED))]) is not None


# -- what must be accepted ---------------------------------------------------------------------------------------------------------------


def test_an_unknown_outcome_may_take_effect_late_or_never() -> None:
    unknown = attempt(1, Note(), Unknown(), until=NEVER)
    for notes in (0, 1):
        assert falsehood([OPEN, unknown, attempt(9, Edit("t", "a"), done(titled("a", 2 + notes, notes)))]) is None


def test_a_remembered_refusal_may_be_told_to_a_later_attempt() -> None:
    lost = attempt(1, Reopen(), Unknown(), command="r")
    told = attempt(3, Reopen(), Refused("not-resolved"), command="r")
    resolved = attempt(2, Resolve(), done(OPENED._replace(status="resolved", version=2)))
    assert falsehood([OPEN, lost, resolved, told]) is None
    assert falsehood([OPEN, resolved, told]) is not None, "alone it is stale"


# -- any history -------------------------------------------------------------------------------------------------------------------------

ASKS = st.one_of(
    st.builds(Edit, st.sampled_from("tab"), st.sampled_from("tab")),
    st.builds(Severity, st.sampled_from(["sev3", "sev1"]), st.sampled_from(["sev3", "sev1"])),
    st.sampled_from([Note(), Acknowledge(), Resolve(), Reopen(), Open("t")]),
)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Attempt], Shown]:
    """A true one: commands happen one after another at 1, 2, 3, ..., and are called before and answered after their moment; some answers are lost."""
    now, attempts = OPENED, [OPEN]
    for moment, ask in enumerate(draw(st.lists(ASKS, max_size=24)), start=1):
        judged = decide(now, ask)
        invoked = moment - draw(st.floats(0.1, 4))
        returned = moment + draw(st.floats(0.1, 4))
        command = f"c{moment}"
        happens = draw(st.booleans())
        lost = draw(st.booleans())
        if lost:
            attempts.append(Attempt(NAME, command, ask, "a", invoked, returned, Unknown()))
        if lost and not happens:
            continue
        if isinstance(judged, No):
            attempts += [] if lost else [Attempt(NAME, command, ask, "a", invoked, returned, Refused(judged.code, now))]
            continue
        if not lost:
            attempts.append(Attempt(NAME, command, ask, "a", invoked, returned, done(judged)))
        elif judged != now and draw(st.booleans()):
            retried = Attempt(NAME, command, ask, "b", returned, returned + 1, Done(judged.version, replayed=True, shown=None))
            attempts.append(retried)
        now = judged
    return attempts, now


@given(histories())
def test_a_true_history_is_accepted(made: tuple[list[Attempt], Shown]) -> None:
    attempts, final = made
    assert falsehood(attempts, final) is None


@given(histories(), st.data())
def test_an_answer_that_shows_what_never_was_is_found(made: tuple[list[Attempt], Shown], data: st.DataObject) -> None:
    attempts, final = made
    telling = [i for i, each in enumerate(attempts) if isinstance(each.answer, Done) and not each.answer.replayed]
    chosen = data.draw(st.sampled_from(telling))
    answer = attempts[chosen].answer
    assert isinstance(answer, Done)
    assert answer.shown is not None
    attempts[chosen] = replace(attempts[chosen], answer=replace(answer, shown=answer.shown._replace(title="never")))
    assert falsehood(attempts, final) is not None


@given(histories(), st.sampled_from([-1, 1]))
def test_a_log_that_holds_one_event_more_or_less_than_was_told_is_found(made: tuple[list[Attempt], Shown], more: int) -> None:
    attempts, final = made
    told = [each for each in attempts if not isinstance(each.answer, Unknown)]
    known = [each for each in told if not (isinstance(each.answer, Done) and each.answer.replayed)]
    if len(told) != len(attempts) or len(known) != len(told):
        return
    assert falsehood(known, final._replace(version=final.version + more)) is not None


# -- the small idea of an incident, and the domain's ---------------------------------------------------------------------------------------

AT = from_rfc3339("2026-11-24T12:00:00Z")
BY = {"at": AT, "by": ActorId("usr_dev")}


def domain_command(ask: Ask, number: int) -> domain.CommandBase:
    match ask:
        case Open(title):
            return domain.Open(**BY, incident_id=EntityId(NAME), title=title)
        case Edit(seen, to):
            return domain.Edit(**BY, changes=(Change(field="title", seen=seen, to=to),))
        case Severity(seen, to):
            return domain.ChangeSeverity(**BY, seen=domain.Severity(seen), severity=domain.Severity(to))
        case Note():
            return domain.AddNote(**BY, note_id=f"note_{number}", text="x")
        case Acknowledge():
            return domain.Acknowledge(**BY)
        case Resolve():
            return domain.Resolve(**BY, resolution="")
        case Reopen():
            return domain.Reopen(**BY, reason="x")


@given(st.lists(ASKS, max_size=30))
def test_the_small_idea_of_an_incident_agrees_with_the_domains(asks: list[Ask]) -> None:
    kind = KINDS["incident"]
    state, now = None, Shown(0, "", "", "", 0)
    for number, ask in enumerate(asks):
        judged = decide(now, ask)
        try:
            events = kind.decide(state, domain_command(ask, number))
        except DomainRefused as refused:
            assert isinstance(judged, No)
            assert judged.code == refused.code
            continue
        for event in events:
            state = kind.evolve(state, event)
        assert isinstance(judged, Shown)
        now = judged
        if state is not None:
            assert (state.title, state.severity.value, state.status.value, state.note_count) == now[1:]
