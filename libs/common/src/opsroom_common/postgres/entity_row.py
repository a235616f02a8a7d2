"""An ``Entity`` as a row of ``entities``, both ways: its state by its kind, its memory of commands as JSON."""

from __future__ import annotations

import orjson

from opsroom_common.log.entity import Applied, Entity
from opsroom_common.postgres.pool import Row
from opsroom_domain.ids import ActorId, CommandId, EntityId, Version
from opsroom_domain.registry import KINDS


def memory_json(entity: Entity) -> str:
    """``{"created": [id, hash, version, offset], "recent": [[…]], "forgotten_mint_ms": n}`` with sorted keys (R6), and ``"event"`` if the last event is not the newest of ``recent``."""
    memory: dict[str, object] = {
        "created": _list_of(entity.created_by_command),
        "recent": [_list_of(applied) for applied in entity.recent],
        "forgotten_mint_ms": entity.forgotten_mint_ms,
    }
    if entity.event is not None:
        memory["event"] = _list_of(entity.event)
    return orjson.dumps(memory, option=orjson.OPT_SORT_KEYS).decode()


def entity_of(row: Row) -> Entity:
    """Inverse of the projector's row. Raises what the kind's ``from_json`` raises for a row of another fold."""
    memory = row["memory"]
    recent = tuple(_applied_of(item) for item in memory["recent"])
    updated_by: str | None = row["updated_by"]
    return Entity(
        kind=row["kind"],
        id=EntityId(row["id"]),
        version=Version(row["version"]),
        state=KINDS[row["kind"]].from_json(row["state"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        updated_by=None if updated_by is None else ActorId(updated_by),
        partition=row["partition"],
        offset=row["offset"],
        created_by_command=_applied_of(memory["created"]),
        recent=recent,
        forgotten_mint_ms=memory["forgotten_mint_ms"],
        event=_applied_of(memory["event"]) if "event" in memory else None,
        id_bound=max(applied.command_id for applied in recent),
    )


def _list_of(applied: Applied) -> list[str | int]:
    return [applied.command_id, applied.body_hash, applied.version, applied.offset]


def _applied_of(item: tuple[str, str, int, int]) -> Applied:
    command_id, body_hash, version, offset = item
    return Applied(CommandId(command_id), body_hash, Version(version), offset)
