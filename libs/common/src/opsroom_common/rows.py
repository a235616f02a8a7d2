"""The row of an entity as every door shows it: the same bytes in an HTTP answer, in the feed and on a socket."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from opsroom_common.log.entity import Entity
from opsroom_domain.ids import short_code
from opsroom_domain.registry import KINDS
from opsroom_domain.times import rfc3339


def row(entity: Entity, state: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Kind, id, version, times and the whole state; keys are sorted when it is written as JSON. ``state``: its JSON, if it is at hand."""
    return row_of(
        KINDS[entity.kind].to_json(entity.state) if state is None else state,
        entity_id=entity.id,
        kind=entity.kind,
        version=entity.version,
        created_at=entity.created_at,
        updated_at=entity.updated_at,
        updated_by=entity.updated_by,
    )


def row_of(
    state: Mapping[str, Any], *, entity_id: str, kind: str, version: int, created_at: datetime, updated_at: datetime, updated_by: str | None
) -> dict[str, Any]:
    """The same row from its parts; ``state`` is what the kind's ``to_json`` gave."""
    return {
        **state,
        "id": entity_id,
        "code": short_code(entity_id),
        "kind": kind,
        "version": version,
        "created_at": rfc3339(created_at),
        "updated_at": rfc3339(updated_at),
        "updated_by": updated_by,
    }


def row_json(entity: Entity, state: Mapping[str, Any] | None = None) -> bytes:
    """Canonical JSON (UTF-8, sorted keys) of ``row``."""
    return orjson.dumps(row(entity, state), option=orjson.OPT_SORT_KEYS)


def terms_of(tags: Mapping[str, str]) -> tuple[str, ...]:
    """What lists filter by, from an entity's tags: ``name:value`` for each tag that has one and for each member of a list, sorted.

    A list in a tag stands between line feeds (see ``shared.show.shared_tags``).
    """
    found: list[str] = []
    for name, value in tags.items():
        if value.startswith("\n"):
            found.extend(f"{name}:{member}" for member in value[1:-1].split("\n"))
        elif value:
            found.append(f"{name}:{value}")
    return tuple(sorted(found))
