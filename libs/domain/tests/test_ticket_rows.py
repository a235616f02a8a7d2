"""How a ticket is shown: its row, its tags, its timeline."""

from __future__ import annotations

import pytest
from examples import LATER, NOW
from examples_ticket import CARLA, CREATED, REPLIED, SOLVED, TKT, ticket

from opsroom_domain.changes import hash_of
from opsroom_domain.decider import Json
from opsroom_domain.entities.ticket import TICKET, Event
from opsroom_domain.entities.ticket.events import Closed, Noted, PriorityChanged, Reopened, Replied, SlaBreached, Solved, StatusChanged
from opsroom_domain.entities.ticket.words import Priority, SlaGoal, Status
from opsroom_domain.shared.events import EVENTS as SHARED_EVENTS


def test_the_row_holds_what_a_board_shows() -> None:
    row = TICKET.to_json(ticket(REPLIED, StatusChanged(**LATER, previous=Status.NEW, status=Status.OPEN)))
    expected: dict[str, Json] = {
        "id": TKT,
        "status": "open",
        "priority": "normal",
        "requester": CARLA,
        "channel": "email",
        "targets": [
            {"priority": "normal", "response_s": 600, "resolution_s": 3_600},
            {"priority": "urgent", "response_s": 120, "resolution_s": 600},
        ],
        "clock": {"active_us": 0, "since": "2026-11-23T10:00:00.000000Z"},
        "response_due_at": None,
        "resolution_due_at": "2026-11-23T11:00:00.000000Z",
        "sla_due_at": "2026-11-23T11:00:00.000000Z",
        "breached": [],
        "first_response_at": "2026-11-23T10:01:00.000000Z",
        "replies": {"count": 1, "recent": [{"id": "r1", "hash": hash_of("We look")}]},
        "notes": {"count": 0, "recent": []},
        "solved_at": None,
        "reopened_count": 0,
    }
    assert {key: row[key] for key in expected} == expected


def test_tags_are_what_people_filter_by() -> None:
    assert TICKET.tags(ticket(SlaBreached(**LATER, goals=(SlaGoal.RESPONSE, SlaGoal.RESOLUTION)), SOLVED)) == {
        "assignee": "",
        "team": "",
        "visibility": "everyone",
        "archived": "false",
        "labels": "\nlogin\n",
        "watchers": "",
        "viewers": "",
        "status": "solved",
        "priority": "normal",
        "channel": "email",
        "requester": CARLA,
        "live": "false",
        "responded": "false",
        "breached": "\nresponse\nresolution\n",
        "has_due": "false",
        "created_by": "usr_alice",
    }
    shown = TICKET.tags(ticket(REPLIED))
    assert (shown["live"], shown["responded"], shown["breached"], shown["has_due"]) == ("true", "true", "", "true")


def step(before: Json, after: Json) -> dict[str, Json]:
    return {"from": before, "to": after}


TOLD: list[tuple[Event, str, dict[str, Json]]] = [
    (
        Replied(**NOW, reply_id="r1", text="We\nlook", from_requester=False),
        "Replied: We look",
        {"reply": {"id": "r1", "from_requester": False, "from": None, "to": "We\nlook"}},
    ),
    (
        Replied(**NOW, reply_id="r1", text="Thanks", from_requester=True),
        "The requester replied: Thanks",
        {"reply": {"id": "r1", "from_requester": True, "from": None, "to": "Thanks"}},
    ),
    (Noted(**NOW, note_id="n1", text="VIP"), "Noted: VIP", {"note": {"id": "n1", "from": None, "to": "VIP"}}),
    (StatusChanged(**NOW, previous=Status.NEW, status=Status.OPEN), "Opened it", {"status": step("new", "open")}),
    (
        StatusChanged(**NOW, previous=Status.NEW, status=Status.PENDING),
        "Set it to pending: it waits for the requester",
        {"status": step("new", "pending")},
    ),
    (StatusChanged(**NOW, previous=Status.NEW, status=Status.ON_HOLD), "Put it on hold", {"status": step("new", "on_hold")}),
    (Solved(**NOW, resolution="Reset"), "Solved it: Reset", {"status": step("new", "solved"), "resolution": step(None, "Reset")}),
    (Closed(**NOW), "Closed it", {"status": step("new", "closed")}),
    (Reopened(**NOW, reason="not quite", by_reply=False), "Reopened it: not quite", {"status": step("new", "open")}),
    (
        PriorityChanged(**NOW, previous=Priority.NORMAL, priority=Priority.URGENT),
        "Raised the priority from normal to urgent",
        {"priority": step("normal", "urgent")},
    ),
    (
        SlaBreached(**NOW, goals=(SlaGoal.RESPONSE, SlaGoal.RESOLUTION)),
        "The promised time for the response and the resolution is over",
        {"breached": step([], ["response", "resolution"])},
    ),
]


@pytest.mark.parametrize(("event", "words", "diff"), TOLD, ids=[words for _, words, _ in TOLD])
def test_the_timeline_tells_it_as_a_person_would(event: Event, words: str, diff: dict[str, Json]) -> None:
    entry = TICKET.describe(ticket(), event)
    assert (entry.words, entry.diff) == (words, diff)


def test_every_event_of_a_ticket_is_told() -> None:
    assert {type(event) for event, _, _ in TOLD} == set(TICKET.events.values()) - set(SHARED_EVENTS.values()) - {type(CREATED)}


def test_creating_is_told() -> None:
    entry = TICKET.describe(None, CREATED)
    assert entry.words == "Created for usr_carla with the priority normal: “I cannot log in”"
    assert set(entry.diff) == {"title", "requester", "channel", "priority", "status", "visibility", "description", "labels"}


def test_a_history_without_a_beginning_or_with_two_is_broken() -> None:
    for tell in (TICKET.evolve, TICKET.describe):
        with pytest.raises(ValueError, match="Solved instead of Created"):
            tell(None, SOLVED)
    with pytest.raises(ValueError, match="second time"):
        TICKET.evolve(ticket(), CREATED)
