"""What a policy asks for at a moment: steps that are due, who hears of what, and when it is quiet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from examples import minute
from examples_policy import FIRST, LOUD, NIGHT, RULE, STEPS
from hypothesis import given
from hypothesis import strategies as st

from opsroom_domain.entities.policy.content import Content, QuietHours, Step, check_steps
from opsroom_domain.entities.policy.evaluate import Due, Notice, applies, next_due, notices, quiet_until, schedule, step_due
from opsroom_domain.entities.policy.words import Transport


def call(at: int, step: int, repetition: int) -> Due:
    return Due(at=minute(at), step=step, repetition=repetition)


def test_the_schedule_is_every_call_in_the_order_of_time() -> None:
    assert schedule(STEPS, minute(0)) == (call(0, 0, 0), call(15, 1, 0), call(25, 1, 1), call(35, 1, 2))


@pytest.mark.parametrize(
    ("now", "due", "following"),
    [
        (-1, None, call(0, 0, 0)),
        (0, call(0, 0, 0), call(15, 1, 0)),
        (14, call(0, 0, 0), call(15, 1, 0)),
        (15, call(15, 1, 0), call(25, 1, 1)),
        (34, call(25, 1, 1), call(35, 1, 2)),
        (10_000, call(35, 1, 2), None),
    ],
)
def test_what_is_due_now_and_what_comes_next(now: int, due: Due | None, following: Due | None) -> None:
    assert step_due(STEPS, minute(0), minute(now)) == due
    assert next_due(STEPS, minute(0), minute(now)) == following


def test_repeats_of_a_step_go_on_beside_later_steps() -> None:
    loud = Step(after_min=0, notify=("assignee",), transport=Transport.CHAT, repeats=3, every_min=10)
    later = Step(after_min=10, notify=("team",), transport=Transport.EMAIL)
    assert [(each.step, each.repetition) for each in schedule((loud, later), minute(0))] == [(0, 0), (0, 1), (1, 0), (0, 2), (0, 3)]


_STEPS = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 5), st.integers(1, 30)), min_size=1, max_size=5)


@given(_STEPS, st.integers(-5, 500))
def test_whoever_follows_what_comes_next_misses_nothing_and_repeats_nothing(drawn: list[tuple[int, int, int]], now: int) -> None:
    after, steps = 0, list[Step]()
    for delay, repeats, every in drawn:
        after += delay
        steps.append(Step(after_min=after, notify=("team",), transport=Transport.CHAT, repeats=repeats, every_min=every if repeats else 0))
    check_steps(steps)
    told = schedule(steps, minute(0))
    assert len(told) == sum(1 + step.repeats for step in steps)
    due, following = step_due(steps, minute(0), minute(now)), next_due(steps, minute(0), minute(now))
    past = [each for each in told if each.at <= minute(now)]
    assert due == (past[-1] if past else None)
    assert following == (told[len(past)] if len(past) < len(told) else None)


def test_an_empty_scope_is_all_and_a_scope_takes_only_its_members() -> None:
    assert applies(Content(), service=None, team=None, severity=None)
    scoped = Content(services=("api",), severities=("sev1", "sev2"))
    assert applies(scoped, service="api", team=None, severity="sev2")
    assert not applies(scoped, service="web", team=None, severity="sev2")
    assert not applies(scoped, service=None, team=None, severity="sev2"), "what has no service is in no service's scope"
    assert not applies(scoped, service="api", team="any", severity="sev3")
    assert not applies(Content(teams=("payments",)), service="api", team="search", severity="sev1")


NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
TOLD = Content(steps=(FIRST,), rules=(RULE, LOUD), quiet_hours=(NIGHT,))


def test_the_rules_that_an_event_meets_are_told() -> None:
    assert notices(TOLD, kind="incident", event="resolved", severity="sev1", now=NOON) == (
        Notice(rule=0, not_before=None),
        Notice(rule=1, not_before=None),
    )
    only_loud = (Notice(rule=1, not_before=None),)
    assert notices(TOLD, kind="incident", event="noted", severity="sev1", now=NOON) == only_loud
    assert notices(TOLD, kind="task", event="resolved", severity="sev1", now=NOON) == only_loud
    assert notices(TOLD, kind="incident", event="resolved", severity="sev3", now=NOON) == only_loud
    assert notices(TOLD, kind="incident", event="resolved", severity=None, now=NOON) == only_loud


def test_in_quiet_hours_only_the_loud_are_told_at_once() -> None:
    morning = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
    assert notices(TOLD, kind="incident", event="resolved", severity="sev1", now=MIDNIGHT) == (
        Notice(rule=0, not_before=morning),
        Notice(rule=1, not_before=None),
    )


@pytest.mark.parametrize(
    ("hour", "minutes", "quiet"),
    [(20, 59, False), (21, 0, True), (23, 59, True), (0, 0, True), (4, 59, True), (5, 0, False), (12, 0, False)],
)
def test_quiet_hours_go_over_midnight_in_local_time_and_their_end_is_loud(hour: int, minutes: int, quiet: bool) -> None:
    """22:00 to 06:00 an hour ahead of UTC."""
    now = datetime(2026, 11, 23, hour, minutes, tzinfo=UTC)
    until = quiet_until((NIGHT,), now)
    assert (until is not None) is quiet
    if until is not None:
        assert (until.hour, until.minute) == (5, 0)
        assert timedelta(0) < until - now <= timedelta(hours=8)
        assert quiet_until((NIGHT,), until) is None


def test_quiet_hours_that_follow_each_other_are_one() -> None:
    evening, night = (QuietHours(from_min=start, to_min=end, offset_min=0) for start, end in ((18 * 60, 22 * 60), (22 * 60, 6 * 60)))
    now = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
    assert quiet_until((evening, night), now) == quiet_until((night, evening), now) == datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
    assert quiet_until((), now) is None


def test_it_is_never_quiet_for_more_than_a_day() -> None:
    halves = tuple(QuietHours(from_min=start, to_min=end, offset_min=0) for start, end in ((0, 720), (720, 0)))
    assert quiet_until(halves, NOON) is not None
    assert quiet_until(halves * 3, NOON) == NOON + timedelta(days=1)
