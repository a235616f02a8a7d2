"""What all kinds have as JSON and as tags. ``shared_to_json`` and ``shared_from_json`` are inverse and canonical."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from opsroom_domain.decider import Json
from opsroom_domain.shared.state import Comment, FieldChange, LinkTo, SharedState
from opsroom_domain.shared.words import Standing, Visibility
from opsroom_domain.times import from_rfc3339, rfc3339

FLAGS: Mapping[bool, str] = {True: "true", False: "false"}
"""A truth in a tag."""
_CHANGES_SHOWN_MAX = 4_096
_changes_shown: dict[int, tuple[Mapping[str, FieldChange], dict[str, Json]]] = {}
"""By the mapping's identity; an entry holds the mapping, so that no other can have the same."""


def shared_to_json(state: SharedState) -> dict[str, Json]:
    """The part of the row that all kinds have. Every key is always there."""
    return {
        "id": state.id,
        "title": state.title,
        "description": state.description,
        "visibility": str(state.visibility),
        "viewers": list(state.viewers),
        "team": state.team,
        "assignee": state.assignee,
        "archived": state.archived,
        "labels": list(state.labels),
        "watchers": list(state.watchers),
        "links": [_link_to_json(link) for link in state.links],
        "comments": [_comment_to_json(name, comment) for name, comment in state.comments.items()],
        "field_changes": _changes_to_json(state.field_changes),
    }


def shared_from_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of the state that ``shared_to_json`` showed. Raises KeyError or ValueError for anything else."""
    return {
        "id": row["id"],
        "title": row["title"],
        "description": row["description"],
        "visibility": Visibility(row["visibility"]),
        "viewers": tuple(row["viewers"]),
        "team": row["team"],
        "assignee": row["assignee"],
        "archived": row["archived"],
        "labels": tuple(row["labels"]),
        "watchers": tuple(row["watchers"]),
        "links": tuple(_link_from_json(link) for link in row["links"]),
        "comments": {comment["id"]: _comment_from_json(comment) for comment in row["comments"]},
        "field_changes": {
            name: FieldChange(by=change["by"], at=from_rfc3339(change["at"])) for name, change in row["field_changes"].items()
        },
    }


def shared_tags(state: SharedState) -> dict[str, str]:
    r"""Flat strings that live filters and indexes match on. The same keys always; "" where there is no value.

    ``labels``, ``watchers`` and ``viewers`` are lists in one string, each member between line feeds, so that *contains* "\nNAME\n" finds exactly NAME.
    """
    return {
        "assignee": state.assignee or "",
        "team": state.team or "",
        "visibility": str(state.visibility),
        "archived": FLAGS[state.archived],
        "labels": listed(state.labels),
        "watchers": listed(state.watchers),
        "viewers": listed(state.viewers),
    }


def listed(members: Iterable[str]) -> str:
    """A list in one tag."""
    joined = "\n".join(members)
    return f"\n{joined}\n" if joined else ""


def time_or_none(at: datetime | None) -> str | None:
    """A time in a row that may be missing."""
    return None if at is None else rfc3339(at)


def from_time_or_none(text: str | None) -> datetime | None:
    """Inverse of ``time_or_none``."""
    return None if text is None else from_rfc3339(text)


def _changes_to_json(changes: Mapping[str, FieldChange]) -> dict[str, Json]:
    """Most events change no field, and leave the very same mapping: its JSON is kept for a while, and nobody changes JSON in place."""
    known = _changes_shown.get(id(changes))
    if known is not None and known[0] is changes:
        return known[1]
    if len(_changes_shown) >= _CHANGES_SHOWN_MAX:
        _changes_shown.clear()
    shown: dict[str, Json] = {name: {"by": changes[name].by, "at": rfc3339(changes[name].at)} for name in sorted(changes)}
    _changes_shown[id(changes)] = (changes, shown)
    return shown


def _link_to_json(link: LinkTo) -> dict[str, Json]:
    return {"target": link.target, "relation": link.relation, "standing": link.standing.value, "reason": link.reason}


def _link_from_json(link: Mapping[str, Any]) -> LinkTo:
    return LinkTo(target=link["target"], relation=link["relation"], standing=Standing(link["standing"]), reason=link["reason"])


def _comment_to_json(name: str, comment: Comment) -> dict[str, Json]:
    return {"id": name, "by": comment.by, "at": rfc3339(comment.at), "hash": comment.hash, "edited_at": time_or_none(comment.edited_at)}


def _comment_from_json(comment: Mapping[str, Any]) -> Comment:
    return Comment(
        by=comment["by"], at=from_rfc3339(comment["at"]), hash=comment["hash"], edited_at=from_time_or_none(comment["edited_at"])
    )
