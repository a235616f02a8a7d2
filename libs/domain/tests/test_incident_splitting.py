"""Splitting: chosen signals leave an incident for a new one; until that has them they stay, and everybody sees where they are."""

from __future__ import annotations

import pytest
from examples import ALICE, BOB, INC, LATER, NOW, OPENED, OTHER, RESOLVED, THIRD, attached, given, signal
from given_when_then import folded

from opsroom_domain.decider import AlreadyExists, Invalid
from opsroom_domain.entities.incident import (
    INCIDENT,
    CompleteSplit,
    Event,
    Incident,
    Merge,
    Opened,
    OpenSplit,
    RefuseSplit,
    Severity,
    SignalCopy,
    SignalStatus,
    Split,
    SplitCompleted,
    SplitRefused,
    SplitStarted,
    Standing,
    TakenWhy,
    TookOver,
    Visibility,
    VisibilityChanged,
    copies,
)
from opsroom_domain.ids import EntityId

TWO: tuple[Event, ...] = (OPENED, attached("f1"), attached("f2"))
STARTED = SplitStarted(**LATER, into=OTHER, title="Search is slow", fingerprints=("f2",))
DONE = SplitCompleted(**LATER, into=OTHER, fingerprints=("f2",))


def state(*events: Event) -> Incident:
    found = folded(INCIDENT, events)
    assert found is not None
    return found


def split(*fingerprints: str, into: EntityId = OTHER, title: str = "Search is slow") -> Split:
    return Split(**NOW, into=into, title=title, fingerprints=fingerprints)


def opening(*signals: SignalCopy, viewers: tuple[str, ...] = ()) -> OpenSplit:
    return OpenSplit(
        **NOW,
        incident_id=OTHER,
        source=INC,
        title="Search is slow",
        severity=Severity.SEV2,
        labels=("env=prod",),
        services=("search",),
        visibility=Visibility.NAMED if viewers else Visibility.EVERYONE,
        viewers=viewers,  # pyright: ignore[reportArgumentType] -- people
        team="payments",
        signals=signals,
    )


def took(*signals: SignalCopy, services: tuple[str, ...] = ()) -> TookOver:
    return TookOver(**NOW, source=INC, why=TakenWhy.SPLIT, signals=signals, labels=(), watchers=(), services=services, left=())


def opened(visibility: Visibility = Visibility.EVERYONE) -> Opened:
    return Opened(
        **NOW,
        incident_id=OTHER,
        title="Search is slow",
        description="",
        severity=Severity.SEV2,
        source="split",
        labels=("env=prod",),
        visibility=visibility,
        team="payments",
    )


def test_a_split_is_pending_and_the_signals_stay_until_the_new_incident_has_them() -> None:
    after = given(*TWO).when(split("f2", "f2")).then(SplitStarted(**NOW, into=OTHER, title="Search is slow", fingerprints=("f2",)))
    assert after.splitting
    assert set(after.signals) == {"f1", "f2"}
    assert INCIDENT.tags(after)["splitting"] == "true"


def test_when_the_new_one_has_them_this_one_lets_them_go() -> None:
    command = CompleteSplit(**NOW, into=OTHER, signals=copies(state(*TWO), ["f2"]))
    after = given(*TWO, STARTED).when(command).then(SplitCompleted(**NOW, into=OTHER, fingerprints=("f2",)))
    assert (set(after.signals), dict(after.moved), after.splitting) == ({"f1"}, {"f2": OTHER}, False)


def test_it_is_not_completed_while_a_signal_has_news_that_the_new_one_cannot_know() -> None:
    command = CompleteSplit(**NOW, into=OTHER, signals=copies(state(*TWO), ["f2"]))
    given(*TWO, STARTED, attached("f2", starts=4)).when(command).then_refused("signal-news", OTHER)
    after_all = CompleteSplit(**NOW, into=OTHER, signals=copies(state(*TWO, attached("f2", starts=4)), ["f2"]))
    given(*TWO, STARTED, attached("f2", starts=4)).when(after_all).then(SplitCompleted(**NOW, into=OTHER, fingerprints=("f2",)))


def test_a_late_report_of_a_signal_that_left_is_told_where_it_is() -> None:
    given(*TWO, STARTED, DONE).when(signal("f2", starts=4)).then_refused("moved", OTHER)
    assert given(*TWO, STARTED, DONE).when(signal("f1", SignalStatus.RESOLVED, ends=4)).events


def test_a_refused_split_leaves_the_signals_and_says_why() -> None:
    command = RefuseSplit(**NOW, into=OTHER, code="already-exists", reason="it exists")
    after = given(*TWO, STARTED).when(command).then(SplitRefused(**NOW, into=OTHER, code="already-exists", reason="it exists"))
    assert (set(after.signals), after.splits[OTHER].standing, after.splits[OTHER].reason) == ({"f1", "f2"}, Standing.REFUSED, "it exists")
    given(*TWO, STARTED, SplitRefused(**LATER, into=OTHER, code="x", reason="y")).when(split("f2")).then(
        SplitStarted(**NOW, into=OTHER, title="Search is slow", fingerprints=("f2",))
    )


def test_the_new_incident_is_opened_with_the_signals() -> None:
    signals = copies(state(*TWO), ["f2"])
    after = given().when(opening(*signals)).then(opened(), took(*signals, services=("search",)))
    assert (set(after.signals), after.services, after.taken_from[INC].why) == ({"f2"}, ("search",), TakenWhy.SPLIT)


def test_the_new_incident_is_as_visible_as_the_old_one() -> None:
    named = VisibilityChanged(**NOW, previous=Visibility.NAMED, visibility=Visibility.NAMED, viewers=(ALICE, BOB))
    after = given().when(opening(viewers=(ALICE, BOB))).then(opened(Visibility.NAMED), named, took(services=("search",)))
    assert after.viewers == (ALICE, BOB)


def test_opening_it_again_takes_only_what_is_news() -> None:
    signals = copies(state(*TWO), ["f2"])
    history = (opened(), took(*signals))
    given(*history).when(opening(*signals)).then_nothing()
    news = copies(state(*TWO, attached("f2", SignalStatus.RESOLVED, ends=3)), ["f2"])
    assert given(*history).when(opening(*news)).events[0] == took(*news)


def test_an_id_that_is_another_incidents_is_not_opened() -> None:
    given(OPENED).when(opening()).then_refused("already-exists", of=AlreadyExists)


def test_the_same_split_again_changes_nothing_and_another_one_takes_another_id() -> None:
    given(*TWO, STARTED).when(split("f2")).then_nothing()
    given(*TWO, STARTED, DONE).when(split("f2")).then_nothing()
    given(*TWO, STARTED).when(split("f1")).then_refused("split-id-taken", OTHER)


@pytest.mark.parametrize(
    ("command", "code", "kind"),
    [
        (split(), "blank", Invalid),
        (split("f1", into=INC), "bad-id", Invalid),
        (split("f1", into=EntityId("tsk_01k0000000000000000000000a")), "bad-id", Invalid),
        (split(*(f"s{n}" for n in range(501))), "too-many", Invalid),
    ],
)
def test_a_split_that_cannot_be_is_refused(command: Split, code: str, kind: type[Invalid]) -> None:
    given(*TWO).when(command).then_refused(code, of=kind)


def test_only_signals_of_its_own_that_are_not_leaving_can_be_split_off() -> None:
    given(*TWO).when(split("f9")).then_refused("no-such-signal", "f9")
    given(*TWO, STARTED).when(split("f2", into=THIRD)).then_refused("splitting", INC)
    given(*TWO, STARTED, DONE).when(split("f2", into=THIRD)).then_refused("no-such-signal", "f2")


def test_a_blank_title_is_refused() -> None:
    given(*TWO).when(split("f1", title=" ")).then_refused("blank", "title")


def test_splits_are_bounded() -> None:
    many: list[Event] = [OPENED]
    for n in range(20):
        into = EntityId(f"inc_01k{n:023d}")
        many += [
            attached(f"s{n}"),
            SplitStarted(**LATER, into=into, title="x", fingerprints=(f"s{n}",)),
            SplitCompleted(**LATER, into=into, fingerprints=(f"s{n}",)),
        ]
    given(*many, attached("f1")).when(split("f1")).then_refused("too-many", "20")


def test_signals_that_left_are_bounded() -> None:
    into = EntityId(f"inc_01k{0:023d}")
    names = tuple(f"s{n:03}" for n in range(500))
    history = (OPENED, *(attached(name) for name in names), SplitStarted(**LATER, into=into, title="x", fingerprints=names))
    given(*history, SplitCompleted(**LATER, into=into, fingerprints=names), attached("f1")).when(split("f1")).then_refused(
        "too-many", "500"
    )


def test_it_is_not_merged_while_signals_leave() -> None:
    given(*TWO, STARTED).when(Merge(**NOW, into=THIRD)).then_refused("splitting", "moment")


def test_a_signal_that_comes_back_by_a_merge_is_here_again() -> None:
    back = TookOver(
        **LATER, source=OTHER, why=TakenWhy.MERGE, signals=copies(state(*TWO), ["f2"]), labels=(), watchers=(), services=(), left=()
    )
    after = state(*TWO, STARTED, DONE, back)
    assert (set(after.signals), dict(after.moved)) == ({"f1", "f2"}, {})
    assert given(*TWO, STARTED, DONE, back).when(signal("f2", starts=4)).events


def test_a_resolved_incident_can_be_split_too() -> None:
    assert given(*TWO, RESOLVED).when(split("f2")).events
