"""How an incident is shown: its row, its tags, its timeline."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta, timezone

import pytest
from examples import ALICE, BOB, INC, LATER, NOW, OPENED, OTHER, RESOLVED, THEN, attached, edited
from given_when_then import folded
from told_after import TOLD_AFTER

from opsroom_domain.changes import Change, hash_of
from opsroom_domain.decider import Json
from opsroom_domain.entities.incident import (
    EVENTS,
    INCIDENT,
    Acknowledged,
    Archived,
    Assigned,
    CommentAdded,
    CommentDeleted,
    CommentEdited,
    Edited,
    Escalated,
    Event,
    Incident,
    LabelsChanged,
    Linked,
    Merged,
    Noted,
    Reopened,
    Resolved,
    Restored,
    Severity,
    SeverityChanged,
    SignalStatus,
    Status,
    StatusChanged,
    TeamChanged,
    Unlinked,
    Visibility,
    VisibilityChanged,
    WatchersChanged,
)


def incident(*events: Event) -> Incident:
    state = folded(INCIDENT, (OPENED, *events))
    assert state is not None
    return state


FULL = incident(
    Acknowledged(**LATER),
    Assigned(**LATER, previous=None, assignee=BOB),
    Noted(**LATER, note_id="n1", text="looking"),
    Linked(**LATER, target=OTHER, relation="caused-by"),
    WatchersChanged(**LATER, added=(ALICE,), removed=()),
    LabelsChanged(**LATER, added=("team=pay",), removed=()),
    attached(ends=3, status=SignalStatus.RESOLVED),
    RESOLVED,
)


def test_the_row_is_what_a_board_shows() -> None:
    changed_then: Json = {"by": "usr_alice", "at": "2026-11-23T10:00:00.000000Z"}
    changed_later: Json = {"by": "usr_alice", "at": "2026-11-23T10:01:00.000000Z"}
    assert INCIDENT.to_json(FULL) == {
        "id": INC,
        "title": "Checkout is slow",
        "description": "p99 above 3 s",
        "severity": "sev3",
        "status": "resolved",
        "assignee": "usr_bob",
        "visibility": "everyone",
        "viewers": [],
        "team": None,
        "archived": False,
        "comments": [],
        "source": "person",
        "labels": ["env=prod", "team=pay"],
        "watchers": ["usr_alice"],
        "signals": {
            "f1": {
                "status": "resolved",
                "starts_at": "2026-11-23T10:01:00.000000Z",
                "ends_at": "2026-11-23T10:03:00.000000Z",
                "name": "HighLatency",
                "summary": "p99 is 3 s",
                "source_url": "http://prometheus/graph",
            }
        },
        "links": [{"target": OTHER, "relation": "caused-by", "standing": "pending", "reason": ""}],
        "notes": {"count": 1, "recent": [{"id": "n1", "hash": FULL.recent_notes[0].hash}]},
        "escalation_level": 0,
        "merged_into": None,
        "merge": None,
        "splits": [],
        "moved": {},
        "taken_from": [],
        "services": [],
        "commander": None,
        "communications": None,
        "postmortem": None,
        "event_count": 9,
        "opened_at": "2026-11-23T10:00:00.000000Z",
        "opened_by": "usr_alice",
        "acknowledged_at": "2026-11-23T10:01:00.000000Z",
        "acknowledged_by": "usr_alice",
        "resolved_at": "2026-11-23T10:01:00.000000Z",
        "resolved_by": "usr_alice",
        "resolution": "rolled back",
        "resolved_automatically": False,
        "field_changes": {
            "assignee": changed_later,
            "commander": changed_then,
            "communications": changed_then,
            "description": changed_then,
            "severity": changed_then,
            "status": changed_later,
            "team": changed_then,
            "title": changed_then,
            "visibility": changed_then,
        },
    }


def test_a_row_of_plain_values_leads_back_to_the_incident() -> None:
    assert INCIDENT.from_json(json.loads(json.dumps(INCIDENT.to_json(FULL)))) == FULL


def test_equal_incidents_give_equal_rows_in_whatever_order_they_came_about() -> None:
    there = incident(attached("f2"), attached("f1"), LabelsChanged(**LATER, added=("b", "a"), removed=()))
    back = incident(LabelsChanged(**LATER, added=("a", "b"), removed=()), attached("f1"), attached("f2"))
    assert json.dumps(INCIDENT.to_json(there)) == json.dumps(INCIDENT.to_json(back))


def test_the_same_instant_in_another_zone_gives_the_same_row() -> None:
    east = timezone(timedelta(hours=2))
    moved = INCIDENT.evolve(None, OPENED.__class__(**{**_fields(OPENED), "at": OPENED.at.astimezone(east)}))
    assert INCIDENT.to_json(moved) == INCIDENT.to_json(incident())


def _fields(event: Event) -> dict[str, object]:
    return {name: getattr(event, name) for name in event.__dataclass_fields__}


def test_tags_are_flat() -> None:
    assert INCIDENT.tags(FULL) == {
        "status": "resolved",
        "severity": "sev3",
        "assignee": "usr_bob",
        "visibility": "everyone",
        "viewers": "",
        "team": "",
        "archived": "false",
        "source": "person",
        "live": "false",
        "firing": "false",
        "escalation_level": "0",
        "opened_by": "usr_alice",
        "merged_into": "",
        "merge": "",
        "splitting": "false",
        "services": "",
        "commander": "",
        "communications": "",
        "postmortem": "",
        "labels": "\nenv=prod\nteam=pay\n",
        "watchers": "\nusr_alice\n",
    }


def test_tags_without_a_value_are_empty() -> None:
    shown = INCIDENT.tags(incident(attached(), LabelsChanged(**LATER, added=(), removed=("env=prod",))))
    assert (shown["assignee"], shown["labels"], shown["watchers"]) == ("", "", "")
    assert (shown["live"], shown["firing"]) == ("true", "true")


def step(before: Json, after: Json) -> dict[str, Json]:
    return {"from": before, "to": after}


LINK: Json = {"target": OTHER, "relation": "related"}
TOLD: list[tuple[Event, str, dict[str, Json]]] = [
    (Acknowledged(**NOW), "Acknowledged", {"status": step("open", "acknowledged")}),
    (
        StatusChanged(**NOW, previous=Status.OPEN, status=Status.INVESTIGATING),
        "Started to investigate",
        {"status": step("open", "investigating")},
    ),
    (StatusChanged(**NOW, previous=Status.OPEN, status=Status.MITIGATED), "Marked as mitigated", {"status": step("open", "mitigated")}),
    (Assigned(**NOW, previous=None, assignee=ALICE), "Assigned it to usr_alice", {"assignee": step(None, "usr_alice")}),
    (Assigned(**NOW, previous=None, assignee=BOB), "Took it over", {"assignee": step(None, "usr_bob")}),
    (Assigned(**NOW, previous=ALICE, assignee=BOB), "Took it over from usr_alice", {"assignee": step("usr_alice", "usr_bob")}),
    (Assigned(**NOW, previous=BOB, assignee=ALICE), "Passed it from usr_bob to usr_alice", {"assignee": step("usr_bob", "usr_alice")}),
    (Assigned(**NOW, previous=ALICE, assignee=None), "Took it from usr_alice", {"assignee": step("usr_alice", None)}),
    (
        SeverityChanged(**NOW, previous=Severity.SEV3, severity=Severity.SEV1),
        "Raised the severity from SEV3 to SEV1",
        {"severity": step("sev3", "sev1")},
    ),
    (
        SeverityChanged(**NOW, previous=Severity.SEV3, severity=Severity.SEV4),
        "Lowered the severity from SEV3 to SEV4",
        {"severity": step("sev3", "sev4")},
    ),
    (edited("title", OPENED.title, "Down"), "Renamed it to “Down”", {"title": step("Checkout is slow", "Down")}),
    (
        edited("description", OPENED.description, "All of it"),
        "Edited the description",
        {"description": step("p99 above 3 s", "All of it")},
    ),
    (
        Edited(**NOW, changes=(Change(field="title", seen="", to="Down"), Change(field="description", seen="", to="All of it"))),
        "Renamed it to “Down” and edited the description",
        {"title": step("Checkout is slow", "Down"), "description": step("p99 above 3 s", "All of it")},
    ),
    (Noted(**NOW, note_id="n1", text="rolled\nback"), "Noted: rolled back", {"note": step(None, "rolled\nback")}),
    (Linked(**NOW, target=OTHER, relation="related"), f"Linked {OTHER} as related", {"link": step(None, LINK)}),
    (Unlinked(**NOW, target=OTHER, relation="related"), f"Removed the link to {OTHER} as related", {"link": step(LINK, None)}),
    (
        Merged(**NOW, into=OTHER),
        f"Merged into {OTHER} as a duplicate",
        {"status": step("open", "merged"), "merged_into": step(None, OTHER)},
    ),
    (Escalated(**NOW, level=1, reason="no answer"), "Escalated to level 1: no answer", {"escalation_level": step(0, 1)}),
    (Escalated(**NOW, level=1, reason=""), "Escalated to level 1", {"escalation_level": step(0, 1)}),
    (
        Resolved(**NOW, resolution="fixed", automatic=False),
        "Resolved: fixed",
        {"status": step("open", "resolved"), "resolution": step(None, "fixed")},
    ),
    (
        Resolved(**NOW, resolution="All signals resolved.", automatic=True),
        "Resolved automatically: All signals resolved.",
        {"status": step("open", "resolved"), "resolution": step(None, "All signals resolved.")},
    ),
    (Reopened(**NOW, reason="it is back"), "Reopened: it is back", {"status": step("open", "open")}),
    (
        attached("f1"),
        "Signal “HighLatency” fires: p99 is 3 s",
        {
            "signal": {
                "fingerprint": "f1",
                "from": None,
                "to": {"name": "HighLatency", "status": "firing", "starts_at": "2026-11-23T10:01:00.000000Z"},
            }
        },
    ),
    (
        LabelsChanged(**NOW, added=("a", "b"), removed=("env=prod",)),
        "Added the labels a, b and removed the label env=prod",
        {"labels": step(["env=prod"], ["a", "b"])},
    ),
    (WatchersChanged(**NOW, added=(BOB,), removed=()), "Added the watcher usr_bob", {"watchers": step([], ["usr_bob"])}),
    (
        VisibilityChanged(**NOW, previous=Visibility.EVERYONE, visibility=Visibility.TEAM),
        "Made it visible to the team",
        {"visibility": step("everyone", "team")},
    ),
    (
        VisibilityChanged(**NOW, previous=Visibility.EVERYONE, visibility=Visibility.NAMED, viewers=(BOB,)),
        "Made it visible to the people named",
        {"visibility": step("everyone", "named"), "viewers": step([], ["usr_bob"])},
    ),
    (TeamChanged(**NOW, previous=None, team="payments"), "Gave it to the team payments", {"team": step(None, "payments")}),
    (TeamChanged(**NOW, previous="payments", team=None), "Took it from the team payments", {"team": step("payments", None)}),
    (
        CommentAdded(**NOW, comment_id="c2", text="Who looks?\nI do.", mentions=()),
        "Commented: Who looks? I do.",
        {"comment": {"id": "c2", "from": None, "to": "Who looks?\nI do."}},
    ),
    (
        CommentEdited(**NOW, comment_id="c1", seen="Hm", text="Hm!", mentions=()),
        "Edited the comment: Hm!",
        {"comment": {"id": "c1", "from": "Hm", "to": "Hm!"}},
    ),
    (Archived(**NOW), "Archived it", {"archived": step(False, True)}),
    (Restored(**NOW), "Restored it", {"archived": step(False, False)}),
    (CommentDeleted(**NOW, comment_id="c1"), "Deleted the comment", {"comment": {"id": "c1", "from": hash_of("Hm"), "to": None}}),
]


@pytest.mark.parametrize(("event", "words", "diff"), TOLD, ids=[words for _, words, _ in TOLD])
def test_the_timeline_tells_it_as_a_person_would(event: Event, words: str, diff: dict[str, Json]) -> None:
    entry = INCIDENT.describe(incident(CommentAdded(**LATER, comment_id="c1", text="Hm", mentions=())), event)
    assert (entry.words, entry.diff) == (words, diff)


@pytest.mark.parametrize(("before", "event", "words", "diff"), TOLD_AFTER, ids=[words for _, _, words, _ in TOLD_AFTER])
def test_what_needs_a_history_is_told_too(before: tuple[Event, ...], event: Event, words: str, diff: dict[str, Json]) -> None:
    entry = INCIDENT.describe(incident(*before), event)
    assert (entry.words, entry.diff) == (words, diff)
    assert INCIDENT.from_json(json.loads(json.dumps(INCIDENT.to_json(incident(*before, event))))) == incident(*before, event)


def test_every_event_is_told() -> None:
    told = {type(event) for event, _, _ in TOLD} | {type(event) for _, event, _, _ in TOLD_AFTER}
    assert told == set(EVENTS.values()) - {type(OPENED)}


def test_opening_is_told() -> None:
    entry = INCIDENT.describe(None, OPENED)
    assert entry.words == "Opened as SEV3: “Checkout is slow”"
    assert set(entry.diff) == {"title", "severity", "status", "source", "visibility", "description", "labels"}


def test_a_signal_that_ends_is_told_with_what_it_was() -> None:
    entry = INCIDENT.describe(incident(attached("f1")), attached("f1", SignalStatus.RESOLVED))
    assert entry.words == "Signal “HighLatency” is resolved"
    assert entry.diff["signal"] == {
        "fingerprint": "f1",
        "from": {"status": "firing", "starts_at": "2026-11-23T10:01:00.000000Z"},
        "to": {"name": "HighLatency", "status": "resolved", "starts_at": "2026-11-23T10:01:00.000000Z"},
    }


def test_a_long_text_is_quoted_short_and_kept_whole_in_the_diff() -> None:
    entry = INCIDENT.describe(incident(), Noted(**NOW, note_id="n1", text="x" * 10_000))
    assert len(entry.words) < 220
    assert entry.diff["note"] == step(None, "x" * 10_000)


@pytest.mark.parametrize("tell", [INCIDENT.evolve, INCIDENT.describe], ids=["evolve", "describe"])
def test_a_history_without_a_beginning_is_broken(tell: Callable[[Incident | None, Event], object]) -> None:
    with pytest.raises(ValueError, match="Acknowledged instead of Opened"):
        tell(None, Acknowledged(**THEN))


def test_a_history_with_two_beginnings_is_broken() -> None:
    with pytest.raises(ValueError, match="second time"):
        INCIDENT.evolve(incident(), OPENED)


def test_an_edit_of_an_unknown_field_is_a_broken_history() -> None:
    with pytest.raises(ValueError, match="priority"):
        INCIDENT.evolve(incident(), edited("priority", "1", "2"))
