"""No lost update (promise 2): a stale edit is told both values, who changed it and when, and overwrites nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ..house import House, house, is_problem


@pytest.fixture
async def room() -> AsyncIterator[House]:
    async with house() as h:
        yield h


async def test_a_stale_edit_gets_both_values_and_who_and_when(room: House) -> None:
    incident_id = await room.opened(description="d")
    room.clock.advance(60)
    changed_at = room.clock.now()
    await room.post(f"/v1/incidents/{incident_id}", {"changes": {"title": {"seen": "Disk full", "to": "Theirs"}}}, X_Dev_Actor="usr_maria")
    changes = {"title": {"seen": "Disk full", "to": "Mine"}, "description": {"seen": "d", "to": "D"}}
    answer = await room.post(f"/v1/incidents/{incident_id}", {"changes": changes})
    body = is_problem(answer, 409, "edit-conflict")
    assert body["conflicts"] == [
        {
            "field": "title",
            "seen": "Disk full",
            "current": "Theirs",
            "wanted": "Mine",
            "changed_by": "usr_maria",
            "changed_at": changed_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        }
    ]
    assert body["current"]["version"] == 2
    assert body["current"]["row"]["title"] == "Theirs"
    assert body["current"]["row"]["description"] == "d"
    assert room.types().count("edited") == 1


@pytest.mark.parametrize(
    ("path", "first", "stale", "field"),
    [
        ("assign", {"seen": None, "to": "usr_a"}, {"seen": None, "to": "usr_b"}, "assignee"),
        ("severity", {"seen": "sev3", "to": "sev1"}, {"seen": "sev3", "to": "sev5"}, "severity"),
        ("visibility", {"seen": "everyone", "to": "team"}, {"seen": "everyone", "to": "named"}, "visibility"),
        ("status", {"seen": "open", "to": "investigating"}, {"seen": "open", "to": "mitigated"}, "status"),
    ],
)
async def test_each_change_of_one_value_names_what_was_seen(
    room: House, path: str, first: dict[str, object], stale: dict[str, object], field: str
) -> None:
    incident_id = await room.opened()
    assert (await room.post(f"/v1/incidents/{incident_id}/{path}", first)).status_code == 200
    body = is_problem(await room.post(f"/v1/incidents/{incident_id}/{path}", stale), 409, "edit-conflict")
    (conflict,) = body["conflicts"]
    assert (conflict["field"], conflict["current"], conflict["wanted"]) == (field, first["to"], stale["to"])
    assert conflict["changed_by"] == "usr_dev"


async def test_what_is_wanted_and_already_so_is_no_conflict(room: House) -> None:
    incident_id = await room.opened()
    await room.post(f"/v1/incidents/{incident_id}/severity", {"seen": "sev3", "to": "sev1"})
    answer = await room.post(f"/v1/incidents/{incident_id}/severity", {"seen": "sev3", "to": "sev1"})
    assert answer.status_code == 200
    assert answer.json()["version"] == 2
    assert room.types().count("severity_changed") == 1


async def test_a_wrong_expected_version_gets_the_current_row(room: House) -> None:
    incident_id = await room.opened()
    await room.post(f"/v1/incidents/{incident_id}/acknowledge", {}, X_Dev_Actor="usr_maria")
    answer = await room.post(f"/v1/incidents/{incident_id}/notes", {"text": "x", "expected_version": 1})
    body = is_problem(answer, 409, "version-mismatch")
    assert (body["expected"], body["current"]["version"], body["changed_by"]) == (1, 2, "usr_maria")
    assert body["current"]["row"]["status"] == "acknowledged"
    assert "noted" not in room.types()


async def test_the_right_expected_version_is_taken(room: House) -> None:
    incident_id = await room.opened()
    answer = await room.post(f"/v1/incidents/{incident_id}/notes", {"text": "x", "expected_version": 1})
    assert answer.json()["version"] == 2
