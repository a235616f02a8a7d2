"""The typed columns of ``entities``: what lists filter and sort on, taken from an entity's JSON. A kind without such a field gives None."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from opsroom_domain.decider import Json


class EntityColumns(NamedTuple):
    title: str | None
    status: str | None
    severity: str | None
    assignee: str | None
    visibility: str | None
    labels: tuple[str, ...]
    fingerprints: tuple[str, ...]


def entity_columns(state: Mapping[str, Json]) -> EntityColumns:
    """``state`` is what ``Kind.to_json`` gives."""
    return EntityColumns(
        title=_text(state.get("title")),
        status=_text(state.get("status")),
        severity=_text(state.get("severity")),
        assignee=_text(state.get("assignee")),
        visibility=_text(state.get("visibility")),
        labels=_texts(state.get("labels")),
        fingerprints=_texts(state.get("signals")),
    )


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: Json) -> tuple[str, ...]:
    """A list's texts, or a mapping's keys (signals are by fingerprint)."""
    if isinstance(value, list | dict):
        return tuple(sorted(item for item in value if isinstance(item, str)))
    return ()
