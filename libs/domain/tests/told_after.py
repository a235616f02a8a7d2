"""Events that are told by what was before them: that, the event, its words and its diff."""

from __future__ import annotations

from examples import ALICE, BOB, LATER, NOW, OTHER, attached

from opsroom_domain.changes import Change
from opsroom_domain.decider import Json
from opsroom_domain.entities.incident import (
    Duty,
    DutyChanged,
    Event,
    EventPicked,
    EventUnpicked,
    FollowUpAsked,
    FollowUpSettled,
    Linked,
    LinkedBack,
    LinkSettled,
    MergeCompleted,
    Merged,
    MergeRefused,
    PostmortemEdited,
    PostmortemStarted,
    Review,
    ReviewAsked,
    Reviewed,
    ServicesChanged,
    SplitCompleted,
    SplitRefused,
    SplitStarted,
    TakenWhy,
    TookOver,
)
from opsroom_domain.ids import EntityId


def step(before: Json, after: Json) -> dict[str, Json]:
    return {"from": before, "to": after}


STARTED = PostmortemStarted(**LATER, template="short", sections=("summary", "causes"))
TASK = EntityId("tsk_01k0000000000000000000000a")
TOLD_AFTER: list[tuple[tuple[Event, ...], Event, str, dict[str, Json]]] = [
    (
        (Linked(**LATER, target=OTHER, relation="blocks"),),
        LinkSettled(**NOW, target=OTHER, relation="blocks"),
        f"{OTHER} shows the link too",
        {"link": {"target": OTHER, "relation": "blocks", **step("pending", "done")}},
    ),
    (
        (Linked(**LATER, target=OTHER, relation="blocks"),),
        LinkSettled(**NOW, target=OTHER, relation="blocks", reason="it does not exist"),
        f"{OTHER} refused the link: it does not exist",
        {"link": {"target": OTHER, "relation": "blocks", **step("pending", "refused")}},
    ),
    (
        (),
        LinkedBack(**NOW, target=OTHER, relation="blocked-by"),
        f"{OTHER} was linked: blocked-by",
        {"link": step(None, {"target": OTHER, "relation": "blocked-by"})},
    ),
    (
        (Merged(**LATER, into=OTHER),),
        MergeCompleted(**NOW, into=OTHER),
        f"{OTHER} took everything over: the merge is done",
        {"merging": {"into": OTHER, **step("pending", "done")}},
    ),
    (
        (Merged(**LATER, into=OTHER),),
        MergeRefused(**NOW, into=OTHER, code="merged", reason="it is merged itself"),
        f"{OTHER} refused the merge: it is merged itself",
        {"status": step("merged", "open"), "merged_into": step(OTHER, None), "merging": {"into": OTHER, **step("pending", "refused")}},
    ),
    (
        (),
        TookOver(**NOW, source=OTHER, why=TakenWhy.MERGE, signals=(), labels=("a", "b"), watchers=(BOB,), services=(), left=("signal f9",)),
        f"Took 2 labels, 1 watcher over from {OTHER}; no room for signal f9",
        {
            "taken": step(
                None, {"source": OTHER, "signals": [], "labels": ["a", "b"], "watchers": ["usr_bob"], "services": [], "left": ["signal f9"]}
            )
        },
    ),
    (
        (attached("f1"),),
        SplitStarted(**NOW, into=OTHER, title="Another one", fingerprints=("f1",)),
        f"Splits 1 signal off to {OTHER}: “Another one”",
        {"split": {"into": OTHER, **step(None, "pending")}},
    ),
    (
        (attached("f1"), SplitStarted(**LATER, into=OTHER, title="Another one", fingerprints=("f1",))),
        SplitCompleted(**NOW, into=OTHER, fingerprints=("f1",)),
        f"{OTHER} has 1 signal: the split is done",
        {"split": {"into": OTHER, **step("pending", "done")}, "signals": step(["f1"], [])},
    ),
    (
        (attached("f1"), SplitStarted(**LATER, into=OTHER, title="Another one", fingerprints=("f1",))),
        SplitRefused(**NOW, into=OTHER, code="already-exists", reason="it exists already"),
        f"The split to {OTHER} was refused: it exists already",
        {"split": {"into": OTHER, **step("pending", "refused")}},
    ),
    (
        (),
        ServicesChanged(**NOW, added=("checkout", "search"), removed=()),
        "Added the affected services checkout, search",
        {"services": step([], ["checkout", "search"])},
    ),
    (
        (),
        DutyChanged(**NOW, duty=Duty.COMMANDER, previous=None, actor=ALICE),
        "Made usr_alice incident commander",
        {"commander": step(None, "usr_alice")},
    ),
    (
        (DutyChanged(**LATER, duty=Duty.COMMUNICATIONS, previous=None, actor=ALICE),),
        DutyChanged(**NOW, duty=Duty.COMMUNICATIONS, previous=ALICE, actor=None),
        "usr_alice is no longer communications lead",
        {"communications": step("usr_alice", None)},
    ),
    ((), PostmortemStarted(**NOW, template="short", sections=("summary",)), "Started the postmortem", {"review": step(None, "draft")}),
    (
        (STARTED,),
        PostmortemEdited(**NOW, changes=(Change(field="summary", seen="", to="It was slow."),)),
        "Wrote in the postmortem: summary",
        {"postmortem.summary": step("", "It was slow.")},
    ),
    (
        (STARTED,),
        EventPicked(**NOW, version=2, note="the start"),
        "Picked event 2 for the postmortem: the start",
        {"pick": {"version": 2, **step(None, "the start")}},
    ),
    (
        (STARTED, EventPicked(**LATER, version=2, note="the start")),
        EventUnpicked(**NOW, version=2),
        "Left event 2 out of the postmortem",
        {"pick": {"version": 2, **step("the start", None)}},
    ),
    (
        (STARTED,),
        FollowUpAsked(**NOW, task_id=TASK, title="Add an index"),
        "Asked for the follow-up “Add an index”",
        {"follow_up": {"task_id": TASK, **step(None, "pending")}},
    ),
    (
        (STARTED, FollowUpAsked(**LATER, task_id=TASK, title="Add an index")),
        FollowUpSettled(**NOW, task_id=TASK),
        f"The follow-up is {TASK}",
        {"follow_up": {"task_id": TASK, **step("pending", "done")}},
    ),
    (
        (STARTED, FollowUpAsked(**LATER, task_id=TASK, title="Add an index")),
        FollowUpSettled(**NOW, task_id=TASK, reason="there are no tasks"),
        f"The follow-up {TASK} could not be made: there are no tasks",
        {"follow_up": {"task_id": TASK, **step("pending", "refused")}},
    ),
    ((STARTED,), ReviewAsked(**NOW), "Asked for a review of the postmortem", {"review": step("draft", "in_review")}),
    (
        (STARTED, ReviewAsked(**LATER)),
        Reviewed(**NOW, verdict=Review.APPROVED, note=""),
        "Approved the postmortem",
        {"review": step("in_review", "approved")},
    ),
    (
        (STARTED, ReviewAsked(**LATER)),
        Reviewed(**NOW, verdict=Review.CHANGES_REQUESTED, note="Say who"),
        "Asked for changes in the postmortem: Say who",
        {"review": step("in_review", "changes_requested")},
    ),
]
