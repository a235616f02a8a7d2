"""What a command's outcome is over HTTP: the answer, or the problem that says what is known and what to do next."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from command_api.engine.port import Accepted, CommandTooLarge, EngineError, EntityParked, VersionMismatch
from opsroom_common.http.json import json_response
from opsroom_common.http.problems import Problem, problem
from opsroom_common.log.entity import Entity
from opsroom_common.rows import row_json
from opsroom_domain.decider import AlreadyExists, EditConflict, Invalid, NotFound, Refused
from opsroom_domain.ids import CommandId
from opsroom_domain.registry import KINDS
from opsroom_domain.times import rfc3339

UNPROCESSABLE = frozenset(
    {
        "bad-id",
        "bad-relation",
        "bad-status",
        "bad-text",
        "blank",
        "both",
        "field-twice",
        "link-to-itself",
        "merge-into-itself",
        "too-long",
        "too-many",
        "too-many-signals",
        "unknown-field",
        "viewers-without-named",
    }
)
"""The shared and the incident's codes that speak of the command alone or of a limit: 422, like every Invalid. Any other refusal is about the
present state: 409."""
_TITLES = {
    409: "The present state does not allow it",
    422: "The command breaks a rule",
    423: "The entity is set aside",
    503: "Not now",
}


def accepted(answer: Accepted, command_id: CommandId, *, created: bool) -> Response:
    """200 or 201 with every entity that the command touched: id, kind, version, row."""
    return json_response(accepted_body(answer, command_id), 201 if created else 200, location(answer.entity) if created else None)


def accepted_body(answer: Accepted, command_id: CommandId) -> dict[str, Any]:
    """The answer's JSON; rows in it are ready bytes."""
    return {
        "command_id": command_id,
        "replayed": answer.replayed,
        "version": answer.version,
        "log": {"partition": answer.partition, "offset": answer.offset},
        "entities": [_shown(answer.entity)],
    }


def location(entity: Entity) -> dict[str, str]:
    """The header that names what was created."""
    return {"Location": f"/v1/{KINDS[entity.kind].collection}/{entity.id}"}


def refused(refusal: Refused, command_id: CommandId, now: Entity | None) -> Problem:
    """A refusal of the domain. ``now`` is the state that it was judged on: conflicts are shown against it."""
    known: dict[str, Any] = {"command_id": command_id, "applied": False}
    if refusal.details:
        known["details"] = refusal.details
    match refusal:
        case NotFound():
            return problem(404, refusal.code, "There is no such entity", refusal.message, **known)
        case AlreadyExists():
            return problem(409, refusal.code, "The id is taken", refusal.message, **known)
        case EditConflict():
            conflicts = [
                {"field": c.field, "seen": c.seen, "current": c.current, "wanted": c.wanted, **_who(now, c.field)}
                for c in refusal.conflicts
            ]
            current = None if now is None else _shown(now)
            return problem(409, refusal.code, "Somebody changed it", refusal.message, conflicts=conflicts, current=current, **known)
        case _:
            status = 422 if isinstance(refusal, Invalid) or refusal.code in UNPROCESSABLE else 409
            return problem(status, refusal.code, _TITLES[status], refusal.message, **known)


def failed(error: EngineError, command_id: CommandId) -> Problem:
    """An error of the engine, by its own status and code. ``applied`` is null when nobody can know yet."""
    known: dict[str, Any] = {"command_id": command_id, "applied": error.applied}
    title = "The outcome is not known yet" if error.applied is None else _TITLES.get(error.status, "The command was not taken")
    headers = None if error.retry_after_s is None else retry_after(error.retry_after_s)
    if isinstance(error, VersionMismatch):
        entity = error.entity
        known |= {
            "expected": error.expected,
            "changed_by": entity.updated_by,
            "changed_at": rfc3339(entity.updated_at),
            "current": _shown(entity),
        }
        title = "Somebody changed it"
    return problem(error.status, error.code, title, str(error) or _advice(error), headers=headers, **known)


def retry_after(seconds: float) -> Mapping[str, str]:
    """The header, in whole seconds, at least one."""
    return {"Retry-After": str(max(1, math.ceil(seconds)))}


def _advice(error: EngineError) -> str:
    match error:
        case EntityParked():
            return "a record of this entity could not be handled; tell an operator, who sees it with opsctl parked"
        case CommandTooLarge():
            return "the command gives more than one batch may hold; split it"
        case _ if error.applied is None:
            return "repeat it with the same Idempotency-Key: that tells, without a second effect"
        case _ if error.status == 503:  # noqa: PLR2004 -- an HTTP status
            return "nothing was changed; repeat it with the same Idempotency-Key after Retry-After seconds"
        case _:
            return "nothing was changed; correct the command and send it with a new Idempotency-Key"


def _shown(entity: Entity) -> dict[str, Any]:
    return {"id": entity.id, "kind": entity.kind, "version": entity.version, "row": orjson.Fragment(row_json(entity))}


def _who(now: Entity | None, field: str) -> dict[str, str | None]:
    changed = None if now is None else now.state.field_changes.get(field)
    if changed is None:
        return {"changed_by": None, "changed_at": None}
    return {"changed_by": changed.by, "changed_at": rfc3339(changed.at)}
