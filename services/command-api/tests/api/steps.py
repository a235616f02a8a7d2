"""A life of one entity told as requests: each command once, and which events it gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from ..house import House

Step: TypeAlias = tuple[str, dict[str, object], list[str]]
"""Path, body, the events that it gives."""


def shared_steps(at: str, title: str, other: str) -> list[Step]:
    """The commands that all kinds have, each once. ``title`` is the present one, ``other`` any other entity. No comment may be there yet."""
    return [
        (at, {"changes": {"title": {"seen": title, "to": "Another title"}}}, ["edited"]),
        (f"{at}/assign", {"seen": None, "to": "usr_maria"}, ["assigned"]),
        (f"{at}/team", {"seen": None, "to": "payments"}, ["team_changed"]),
        (f"{at}/visibility", {"seen": "everyone", "to": "team"}, ["visibility_changed"]),
        (f"{at}/labels", {"add": ["db"], "remove": []}, ["labels_changed"]),
        (f"{at}/watchers", {"add": ["usr_ben"]}, ["watchers_changed"]),
        (f"{at}/links", {"target": other, "relation": "caused-by"}, ["linked"]),
        (f"{at}/unlink", {"target": other, "relation": "caused-by"}, ["unlinked"]),
        (f"{at}/comments", {"text": "Looking."}, ["comment_added"]),
    ]


async def walk(room: House, entity_id: str, steps: Sequence[Step]) -> None:
    """Send each; every one is taken, gives just these events, and none to another entity."""
    for path, body, expected in steps:
        before = len(room.events())
        answer = await room.post(path, body)
        assert answer.status_code == 200, (path, answer.text)
        fresh = room.events_of(entity_id)[-len(expected) :] if expected else []
        assert [event.envelope.type.rsplit(".", 1)[1] for event in fresh] == expected, path
        assert len(room.events()) == before + len(expected), path
        assert answer.json()["version"] == len(room.events_of(entity_id))


async def comments_can_be_changed(room: House, at: str, entity_id: str) -> None:
    """Change and take back the one comment that is there."""
    (comment,) = (await room.row(at, entity_id))["comments"]
    edit = {"comment_id": comment["id"], "seen": "Looking.", "to": "Found it."}
    await walk(room, entity_id, [(f"{at}/comments/edit", edit, ["comment_edited"])])
    await walk(room, entity_id, [(f"{at}/comments/delete", {"comment_id": comment["id"]}, ["comment_deleted"])])
