"""The postmortem: once the incident is resolved, written by several, approved by somebody else. And whom an incident concerns."""

from __future__ import annotations

import pytest
from examples import ALICE, BOB, INC, LATER, NOW, OPENED, RESOLVED, given

from opsroom_domain.changes import Change, hash_of
from opsroom_domain.decider import FieldConflict, Invalid
from opsroom_domain.entities.incident import (
    INCIDENT,
    TEMPLATES,
    AskFollowUp,
    AskReview,
    ChangeDuty,
    ChangeServices,
    Command,
    Duty,
    DutyChanged,
    EditPostmortem,
    Event,
    EventPicked,
    EventUnpicked,
    FollowUpAsked,
    FollowUpSettled,
    PickEvent,
    PostmortemEdited,
    PostmortemStarted,
    Reopened,
    Review,
    ReviewAsked,
    Reviewed,
    ReviewPostmortem,
    ServicesChanged,
    SettleFollowUp,
    Standing,
    StartPostmortem,
    UnpickEvent,
)
from opsroom_domain.ids import ActorId, EntityId

CAROL = ActorId("usr_carol")
TASK = EntityId("tsk_01k0000000000000000000000a")
STARTED = PostmortemStarted(**LATER, template="short", sections=tuple(TEMPLATES["short"]))
WRITTEN = PostmortemEdited(**LATER, changes=(Change(field="summary", seen="", to="It was slow."),))
ASKED = FollowUpAsked(**LATER, task_id=TASK, title="Add an index")
REVIEW = ReviewAsked(**LATER)
RESTING: tuple[Event, ...] = (OPENED, RESOLVED, STARTED)


def edit(section: str, seen: str, to: str) -> EditPostmortem:
    return EditPostmortem(**NOW, changes=(Change(field=section, seen=seen, to=to),))


def verdict(review: Review, note: str = "", by: ActorId = CAROL) -> ReviewPostmortem:
    return ReviewPostmortem(at=NOW["at"], by=by, verdict=review, note=note)


def test_it_starts_with_the_sections_of_its_template() -> None:
    command = StartPostmortem(**NOW)
    after = given(OPENED, RESOLVED).when(command).then(PostmortemStarted(**NOW, template="default", sections=tuple(TEMPLATES["default"])))
    assert after.postmortem is not None
    assert (set(after.postmortem.sections.values()), after.postmortem.authors, after.postmortem.review) == ({""}, (BOB,), Review.DRAFT)
    assert INCIDENT.tags(after)["postmortem"] == "draft"


def test_starting_again_changes_nothing_and_loses_nothing() -> None:
    given(*RESTING).when(StartPostmortem(**NOW, template="short")).then_nothing()
    given(*RESTING).when(StartPostmortem(**NOW)).then_refused("postmortem-started", INC)


def test_a_template_must_be_known() -> None:
    given(OPENED, RESOLVED).when(StartPostmortem(**NOW, template="long")).then_refused("unknown-template", "default", of=Invalid)


ON_POSTMORTEM: list[Command] = [
    edit("summary", "", "x"),
    PickEvent(**NOW, version=1),
    UnpickEvent(**NOW, version=1),
    AskFollowUp(**NOW, task_id=TASK, title="x"),
    AskReview(**NOW),
    verdict(Review.APPROVED),
]


@pytest.mark.parametrize("command", [StartPostmortem(**NOW), *ON_POSTMORTEM], ids=lambda c: type(c).__name__)
@pytest.mark.parametrize("history", [(OPENED,), (*RESTING, Reopened(**LATER, reason=""))], ids=["open", "reopened"])
def test_it_is_written_only_while_the_incident_is_resolved(history: tuple[Event, ...], command: Command) -> None:
    given(*history).when(command).then_refused("not-resolved", INC)


@pytest.mark.parametrize("command", ON_POSTMORTEM, ids=lambda c: type(c).__name__)
def test_it_must_have_been_started(command: Command) -> None:
    given(OPENED, RESOLVED).when(command).then_refused("no-postmortem", INC)


def test_sections_are_edited_from_what_was_seen_and_who_wrote_is_an_author() -> None:
    changes = (Change(field="summary", seen="", to="It was slow."),)
    after = given(*RESTING).when(EditPostmortem(**NOW, changes=changes)).then(PostmortemEdited(**NOW, changes=changes))
    assert after.postmortem is not None
    assert after.postmortem.sections["summary"] == "It was slow."
    assert after.postmortem.authors == (ALICE, BOB)
    assert after.field_changes["postmortem.summary"].by == BOB


def test_a_lost_edit_is_told_with_both_texts() -> None:
    conflict = FieldConflict("postmortem.summary", "Nothing yet", "It was slow.", "It was down.")
    given(*RESTING, WRITTEN).when(edit("summary", "Nothing yet", "It was down.")).then_conflict(conflict)
    given(*RESTING, WRITTEN).when(edit("causes", "", "A lock.")).then(
        PostmortemEdited(**NOW, changes=(Change(field="causes", seen="", to="A lock."),))
    )


def test_a_long_text_that_was_seen_is_named_by_its_hash() -> None:
    long = PostmortemEdited(**LATER, changes=(Change(field="summary", seen="", to="x" * 300),))
    expected = Change(field="summary", seen=hash_of("x" * 300), to="y")
    given(*RESTING, long).when(edit("summary", "x" * 300, "y")).then(PostmortemEdited(**NOW, changes=(expected,)))


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (edit("weather", "", "x"), "unknown-field"),
        (
            EditPostmortem(**NOW, changes=(Change(field="summary", seen="", to="a"), Change(field="summary", seen="", to="b"))),
            "field-twice",
        ),
        (PickEvent(**NOW, version=0), "no-such-event"),
        (PickEvent(**NOW, version=4), "no-such-event"),
        (AskFollowUp(**NOW, task_id=EntityId("task"), title="x"), "bad-id"),
        (verdict(Review.DRAFT), "bad-verdict"),
    ],
)
def test_what_cannot_be_is_refused(command: Command, code: str) -> None:
    given(*RESTING).when(command).then_refused(code, of=Invalid)


def test_texts_are_bounded() -> None:
    given(*RESTING).when(edit("summary", "", "x" * 8_001)).then_refused("too-long")
    given(*RESTING).when(PickEvent(**NOW, version=1, note="x" * 501)).then_refused("too-long")


def test_events_of_its_own_are_picked_with_a_note_and_left_out_again() -> None:
    after = given(*RESTING).when(PickEvent(**NOW, version=3, note="too late")).then(EventPicked(**NOW, version=3, note="too late"))
    assert after.postmortem is not None
    assert after.postmortem.picks[3].by == BOB
    picked = EventPicked(**LATER, version=3, note="too late")
    given(*RESTING, picked).when(PickEvent(**NOW, version=3, note="too late")).then_nothing()
    given(*RESTING, picked).when(PickEvent(**NOW, version=3)).then(EventPicked(**NOW, version=3, note=""))
    given(*RESTING, picked).when(UnpickEvent(**NOW, version=3)).then(EventUnpicked(**NOW, version=3))
    given(*RESTING).when(UnpickEvent(**NOW, version=3)).then_nothing()


def test_picks_follow_ups_and_authors_are_bounded() -> None:
    picks = [EventPicked(**LATER, version=n + 1, note="") for n in range(100)]
    given(*RESTING, *picks).when(PickEvent(**NOW, version=101)).then_refused("too-many", "100")
    tasks = [FollowUpAsked(**LATER, task_id=EntityId(f"tsk_01k{n:023d}"), title="x") for n in range(50)]
    given(*RESTING, *tasks).when(AskFollowUp(**NOW, task_id=TASK, title="x")).then_refused("too-many", "50")
    people = [PostmortemEdited(at=LATER["at"], by=ActorId(f"usr_{n}"), changes=WRITTEN.changes) for n in range(49)]
    given(*RESTING, *people).when(edit("causes", "", "x")).then_refused("too-many", "50")


def test_a_follow_up_is_pending_until_its_task_exists() -> None:
    after = (
        given(*RESTING)
        .when(AskFollowUp(**NOW, task_id=TASK, title="Add an index"))
        .then(FollowUpAsked(**NOW, task_id=TASK, title="Add an index"))
    )
    assert after.postmortem is not None
    assert after.postmortem.follow_ups[TASK].standing is Standing.PENDING
    done = given(*RESTING, ASKED).when(SettleFollowUp(**NOW, task_id=TASK)).then(FollowUpSettled(**NOW, task_id=TASK))
    assert done.postmortem is not None
    assert done.postmortem.follow_ups[TASK].standing is Standing.DONE
    given(*RESTING, ASKED, FollowUpSettled(**LATER, task_id=TASK)).when(SettleFollowUp(**NOW, task_id=TASK, reason="x")).then_nothing()


def test_a_follow_up_is_settled_although_the_incident_was_reopened() -> None:
    given(*RESTING, ASKED, Reopened(**LATER, reason="")).when(SettleFollowUp(**NOW, task_id=TASK)).then(
        FollowUpSettled(**NOW, task_id=TASK)
    )


def test_a_refused_follow_up_says_why_and_can_be_asked_for_again() -> None:
    refused = FollowUpSettled(**LATER, task_id=TASK, reason="the id is taken")
    again = given(*RESTING, ASKED, refused).when(AskFollowUp(**NOW, task_id=TASK, title="Add an index"))
    assert again.then(FollowUpAsked(**NOW, task_id=TASK, title="Add an index"))
    given(*RESTING, ASKED).when(AskFollowUp(**NOW, task_id=TASK, title="Add an index")).then_nothing()
    given(*RESTING, ASKED).when(AskFollowUp(**NOW, task_id=TASK, title="Other")).then_refused("follow-up-taken")


def test_an_empty_postmortem_is_not_worth_a_review() -> None:
    given(*RESTING).when(AskReview(**NOW)).then_refused("postmortem-empty")
    given(*RESTING, WRITTEN).when(AskReview(**NOW)).then(ReviewAsked(**NOW))
    given(*RESTING, WRITTEN, REVIEW).when(AskReview(**NOW)).then_nothing()


def test_somebody_who_did_not_write_in_it_approves_it() -> None:
    history = (*RESTING, WRITTEN, REVIEW)
    given(*history).when(verdict(Review.APPROVED, by=ALICE)).then_refused("own-postmortem", "somebody")
    after = given(*history).when(verdict(Review.APPROVED)).then(Reviewed(at=NOW["at"], by=CAROL, verdict=Review.APPROVED, note=""))
    assert after.postmortem is not None
    assert (after.postmortem.review, after.postmortem.reviewed_by, after.postmortem.reviewed_at) == (Review.APPROVED, CAROL, NOW["at"])


def test_it_is_approved_only_in_review() -> None:
    given(*RESTING, WRITTEN).when(verdict(Review.APPROVED)).then_refused("not-in-review")
    given(*RESTING, WRITTEN).when(verdict(Review.CHANGES_REQUESTED, "more")).then_refused("not-in-review")


def test_changes_are_asked_for_with_what_is_to_change() -> None:
    history = (*RESTING, WRITTEN, REVIEW)
    given(*history).when(verdict(Review.CHANGES_REQUESTED, " ")).then_refused("blank", of=Invalid)
    given(*history).when(verdict(Review.CHANGES_REQUESTED, "Say who")).then(
        Reviewed(at=NOW["at"], by=CAROL, verdict=Review.CHANGES_REQUESTED, note="Say who")
    )


def test_an_approved_one_is_closed_until_somebody_asks_for_changes() -> None:
    approved = Reviewed(at=LATER["at"], by=CAROL, verdict=Review.APPROVED, note="")
    history = (*RESTING, WRITTEN, REVIEW, approved)
    given(*history).when(edit("summary", "It was slow.", "x")).then_refused("approved")
    given(*history).when(verdict(Review.APPROVED)).then_nothing()
    opened = Reviewed(at=LATER["at"], by=BOB, verdict=Review.CHANGES_REQUESTED, note="Wrong")
    given(*history, opened).when(edit("summary", "It was slow.", "x")).then(
        PostmortemEdited(**NOW, changes=(Change(field="summary", seen="It was slow.", to="x"),))
    )


def test_affected_services_are_a_set() -> None:
    after = (
        given(OPENED)
        .when(ChangeServices(**NOW, add=("search", "checkout")))
        .then(ServicesChanged(**NOW, added=("checkout", "search"), removed=()))
    )
    assert after.services == ("checkout", "search")
    assert INCIDENT.tags(after)["services"] == "\ncheckout\nsearch\n"
    known = ServicesChanged(**LATER, added=("search",), removed=())
    given(OPENED, known).when(ChangeServices(**NOW, add=("search",), remove=("x",))).then_nothing()
    given(OPENED, known).when(ChangeServices(**NOW, add=tuple(f"s{n}" for n in range(50)))).then_refused("too-many")
    given(OPENED).when(ChangeServices(**NOW, add=("x" * 65,))).then_refused("too-long")


@pytest.mark.parametrize("duty", Duty)
def test_a_duty_is_given_from_what_was_seen(duty: Duty) -> None:
    after = (
        given(OPENED)
        .when(ChangeDuty(**NOW, duty=duty, seen=None, actor=ALICE))
        .then(DutyChanged(**NOW, duty=duty, previous=None, actor=ALICE))
    )
    assert (after.commander if duty is Duty.COMMANDER else after.communications) == ALICE
    assert after.field_changes[duty.value].by == BOB
    known = DutyChanged(**LATER, duty=duty, previous=None, actor=ALICE)
    given(OPENED, known).when(ChangeDuty(**NOW, duty=duty, seen=ALICE, actor=None)).then(
        DutyChanged(**NOW, duty=duty, previous=ALICE, actor=None)
    )
    given(OPENED, known).when(ChangeDuty(**NOW, duty=duty, seen=None, actor=BOB)).then_conflict(FieldConflict(duty.value, None, ALICE, BOB))
