"""Merging: one incident becomes part of another one, which takes over what it has; in between, and after a refusal, everybody sees where it is."""

from __future__ import annotations

import pytest
from examples import ALICE, BOB, INC, LATER, NOW, OPENED, OTHER, RESOLVED, THIRD, attached, given, minute, signal
from given_when_then import folded

from opsroom_domain.decider import NotFound
from opsroom_domain.entities.incident import (
    INCIDENT,
    CompleteMerge,
    Event,
    Incident,
    Linked,
    LinkTo,
    Merge,
    MergeCompleted,
    Merged,
    MergeRefused,
    RefuseMerge,
    Reopened,
    Resolved,
    SignalCopy,
    SignalStatus,
    Standing,
    Status,
    TakenWhy,
    TakeOver,
    TookOver,
    copies,
)
from opsroom_domain.ids import ActorId, EntityId

MERGED = Merged(**LATER, into=OTHER)
DONE = MergeCompleted(**LATER, into=OTHER)
REFUSE = RefuseMerge(**NOW, into=OTHER, code="merged", reason="it is merged itself")
REFUSED = MergeRefused(**NOW, into=OTHER, code="merged", reason="it is merged itself")


def copy(fingerprint: str = "f1", status: SignalStatus = SignalStatus.FIRING, *, starts: int = 1) -> SignalCopy:
    return SignalCopy(
        fingerprint=fingerprint,
        status=status,
        starts_at=minute(starts),
        ends_at=None,
        name="HighLatency",
        summary="p99 is 3 s",
        source_url="http://prometheus/graph",
    )


def take(*signals: SignalCopy, **more: object) -> TakeOver:
    return TakeOver(**NOW, source=OTHER, why=TakenWhy.MERGE, signals=signals, **more)  # pyright: ignore[reportArgumentType] -- a TakeOver's own


def took(*signals: SignalCopy, **more: object) -> TookOver:
    rest = {"why": TakenWhy.MERGE, "labels": (), "watchers": (), "services": (), "left": ()} | more
    return TookOver(**NOW, source=OTHER, signals=signals, **rest)  # pyright: ignore[reportArgumentType]


def test_a_merge_is_pending_until_the_other_one_has_everything() -> None:
    after = given(OPENED).when(Merge(**NOW, into=OTHER)).then(Merged(**NOW, into=OTHER))
    assert after.merging
    assert INCIDENT.tags(after)["merge"] == "pending"
    done = given(OPENED, MERGED).when(CompleteMerge(**NOW, into=OTHER)).then(MergeCompleted(**NOW, into=OTHER))
    assert (done.merging, done.status, done.merged_into) == (False, Status.MERGED, OTHER)
    assert INCIDENT.tags(done)["merge"] == "done"


@pytest.mark.parametrize("before", [(), (RESOLVED,)], ids=["open", "resolved"])
def test_a_refused_merge_leaves_it_as_it_was_and_says_why(before: tuple[Event, ...]) -> None:
    status = Status.RESOLVED if before else Status.OPEN
    after = given(OPENED, *before, MERGED).when(REFUSE).then(REFUSED)
    assert (after.status, after.merged_into) == (status, None)
    assert after.merge is not None
    assert (after.merge.standing, after.merge.into, after.merge.reason) == (Standing.REFUSED, OTHER, "it is merged itself")
    assert after.field_changes["status"].by == BOB


def test_after_a_refusal_it_can_be_merged_elsewhere_or_there_again() -> None:
    for into in (THIRD, OTHER):
        after = given(OPENED, MERGED, REFUSED).when(Merge(**NOW, into=into)).then(Merged(**NOW, into=into))
        assert after.merging


def test_what_was_settled_is_not_settled_again() -> None:
    given(OPENED, MERGED, DONE).when(REFUSE).then_nothing()
    given(OPENED, MERGED, REFUSED).when(CompleteMerge(**NOW, into=OTHER)).then_nothing()
    given(OPENED, MERGED).when(CompleteMerge(**NOW, into=THIRD)).then_nothing()


def test_a_signal_of_an_incident_that_is_being_merged_is_taken_and_changes_nothing_else() -> None:
    after = given(OPENED, RESOLVED, MERGED).when(signal()).then(attached(stamp=NOW))
    assert (after.status, after.firing) == (Status.MERGED, True)


def test_a_signal_that_fired_meanwhile_reopens_it_when_the_merge_is_refused() -> None:
    reopened = Reopened(**NOW, reason="A signal fires again.")
    given(OPENED, RESOLVED, MERGED, attached()).when(REFUSE).then(REFUSED, reopened)


def test_the_last_signal_that_was_resolved_meanwhile_resolves_it_when_the_merge_is_refused() -> None:
    resolved = Resolved(**NOW, resolution="All signals resolved.", automatic=True)
    given(OPENED, attached(), MERGED, attached(status=SignalStatus.RESOLVED, ends=3)).when(REFUSE).then(REFUSED, resolved)


def test_what_it_heard_before_the_merge_has_no_late_effect() -> None:
    given(OPENED, attached(), RESOLVED, MERGED).when(REFUSE).then(REFUSED)


def test_the_other_one_takes_what_it_has_not() -> None:
    command = take(copy("f2"), copy("f1"), labels=("env=prod", "new"), watchers=(ALICE,), services=("checkout",))
    after = (
        given(OPENED)
        .when(command)
        .then(
            took(copy("f1"), copy("f2"), labels=("new",), watchers=(ALICE,), services=("checkout",)),
        )
    )
    assert (set(after.signals), after.labels, after.watchers, after.services) == (
        {"f1", "f2"},
        ("env=prod", "new"),
        (ALICE,),
        ("checkout",),
    )
    assert list(after.taken_from) == [OTHER]


def test_taking_the_same_again_changes_nothing() -> None:
    given(OPENED, took(copy("f1"), labels=("new",))).when(take(copy("f1"), labels=("new",))).then_nothing()


def test_an_incident_that_had_nothing_is_taken_over_once() -> None:
    after = given(OPENED).when(take()).then(took())
    assert OTHER in after.taken_from


def test_of_a_signal_that_both_have_the_newer_news_stay() -> None:
    history = (OPENED, attached("f1", starts=2))
    given(*history, took()).when(take(copy("f1", starts=1))).then_nothing()
    after = given(*history, took()).when(take(copy("f1", starts=3))).then(took(copy("f1", starts=3)))
    assert after.signals["f1"].starts_at == minute(3)


def test_a_taken_signal_that_fires_reopens_a_resolved_incident() -> None:
    given(OPENED, RESOLVED).when(take(copy())).then(took(copy()), Reopened(**NOW, reason="A signal fires again."))


def test_a_taken_resolution_of_the_last_firing_signal_resolves_it() -> None:
    end = copy(status=SignalStatus.RESOLVED)
    resolved = Resolved(**NOW, resolution="All signals resolved.", automatic=True)
    given(OPENED, took(copy())).when(take(end)).then(took(end), resolved)


def test_its_links_are_taken_too_and_are_pending_until_their_targets_know() -> None:
    links = (LinkTo(target=THIRD, relation="blocks"), LinkTo(target=INC, relation="related"), LinkTo(target=OTHER, relation="related"))
    after = given(OPENED).when(take(links=links)).then(took(), Linked(**NOW, target=THIRD, relation="blocks"))
    assert after.links == (LinkTo(target=THIRD, relation="blocks"),)


def test_what_finds_no_room_is_named() -> None:
    full = took(*(copy(f"s{n:03}") for n in range(499)), labels=tuple(f"l{n:02}" for n in range(48)))
    command = take(copy("x1"), copy("x2"), labels=("m1", "m2"))
    after = given(OPENED, full).when(command).then(took(copy("x1"), labels=("m1",), left=("signal x2", "label m2")))
    assert (len(after.signals), len(after.labels), after.taken_from[OTHER].left) == (500, 50, 2)


def test_much_that_finds_no_room_is_counted() -> None:
    full = took(*(copy(f"s{n:03}") for n in range(500)))
    (event,) = given(OPENED, full).when(take(*(copy(f"x{n:02}") for n in range(30)))).events or (None,)
    assert event is None, "nothing was taken, and what was left is known"
    (event,) = given(OPENED, full).when(take(*(copy(f"x{n:02}") for n in range(30)), labels=("new",))).events
    assert isinstance(event, TookOver)
    assert (len(event.left), event.left[-1]) == (21, "and 10 more")


def test_an_incident_that_is_not_there_takes_nothing() -> None:
    given().when(take(copy())).then_refused("not-found", of=NotFound)


def test_a_merged_one_takes_nothing_new_so_two_cannot_be_merged_into_each_other() -> None:
    command = TakeOver(**NOW, source=THIRD, why=TakenWhy.MERGE)
    given(OPENED, MERGED).when(command).then_refused("merged", OTHER)
    given(OPENED, MERGED, DONE).when(command).then_refused("merged", OTHER)
    given(OPENED, Merged(**LATER, into=THIRD)).when(command).then_refused("merged", THIRD)


def test_while_it_is_being_merged_it_takes_what_still_comes_from_one_that_it_has() -> None:
    history = (OPENED, took(copy("f1")), Merged(**LATER, into=THIRD))
    given(*history).when(take(copy("f2"))).then(took(copy("f2")))
    given(*history, MergeCompleted(**LATER, into=THIRD)).when(take(copy("f2"))).then_refused("merged", THIRD)


def test_one_that_was_split_off_does_not_take_its_origin_in_while_it_is_being_merged_into_that() -> None:
    split_off = took(copy("f1"), why=TakenWhy.SPLIT)
    given(OPENED, split_off, MERGED).when(take(copy("f2"))).then_refused("merged", OTHER)
    after = given(OPENED, split_off).when(take()).then(took())
    assert after.taken_from[OTHER].why is TakenWhy.MERGE


def test_an_incident_takes_over_a_bounded_number() -> None:
    many = [
        TookOver(
            **LATER,
            source=EntityId(f"inc_01k{n:023d}"),
            why=TakenWhy.MERGE,
            signals=(),
            labels=(),
            watchers=(),
            services=(),
            left=(),
        )
        for n in range(100)
    ]
    given(OPENED, *many).when(take()).then_refused("too-many", "100")


def test_the_copies_of_an_incident_make_another_one_that_knows_the_same_signals() -> None:
    there = folded(INCIDENT, (OPENED, attached("f2"), attached("f1", SignalStatus.RESOLVED, ends=2)))
    assert isinstance(there, Incident)
    here = given(OPENED).when(take(*copies(there))).then(took(*copies(there)))
    assert here.signals == there.signals


def test_people_are_taken_up_to_the_limit() -> None:
    people = tuple(ActorId(f"usr_{n:03}") for n in range(201))
    (event,) = given(OPENED).when(take(watchers=people)).events
    assert isinstance(event, TookOver)
    assert (len(event.watchers), event.left) == (200, ("watcher usr_200",))
