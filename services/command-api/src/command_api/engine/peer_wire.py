"""A command and its outcome as JSON between two replicas: what one engine would have been asked, and what it would have said.

Two replicas of different versions meet in every rolling deploy: unknown members are ignored, and an outcome that is not known is
``OutcomeUnknown``, which is always true.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any, cast

import orjson
from pydantic import TypeAdapter, ValidationError

from command_api.engine.port import (
    Accepted,
    CommandIdReused,
    CommandInvalid,
    CommandRefused,
    CommandRequest,
    CommandTooLarge,
    DeadlinePassed,
    EngineError,
    EntityParked,
    NotParked,
    NotServing,
    OutcomeUnknown,
    Overloaded,
    RecordSkipped,
    SkipRecord,
    VersionMismatch,
)
from opsroom_common.log.entity import Entity
from opsroom_common.postgres.entity_row import entity_of, memory_json
from opsroom_domain.decider import AlreadyExists, EditConflict, FieldConflict, Invalid, NotFound, Refused
from opsroom_domain.ids import ActorId, CommandId, EntityId, Version
from opsroom_domain.registry import KINDS

Json = dict[str, Any]
ERRORS: dict[str, type[EngineError]] = {
    cls.code: cls
    for cls in (
        CommandIdReused,
        CommandInvalid,
        CommandTooLarge,
        DeadlinePassed,
        EntityParked,
        NotParked,
        NotServing,
        OutcomeUnknown,
        Overloaded,
    )
}
SKIP = "skip-record"
"""The name of a SkipRecord, which is no kind's command."""
_TIME = TypeAdapter(datetime)
_REFUSALS: dict[str, type[Refused]] = {cls.__name__: cls for cls in (Refused, Invalid, NotFound, AlreadyExists)}


class BadPeerMessage(Exception):
    """What came is not of this form; says what is wrong."""


# -- the question --------------------------------------------------------------------------------------------------------------------


def write_request(request: CommandRequest, now: float) -> bytes:
    """``now`` is the sender's monotonic clock: the deadline travels as the seconds that are left."""
    cls = cast("type[Any]", type(request.command))
    return orjson.dumps(
        {
            "command_id": request.command_id,
            "body_hash": request.body_hash,
            "kind": request.kind,
            "entity_id": request.entity_id,
            "name": _names(request.kind)[cls],
            "command": _adapter(cls).dump_python(request.command, mode="json"),
            "actor": request.actor,
            "role": request.role,
            "left_s": request.deadline - now,
            "expected_version": request.expected_version,
            "correlation_id": request.correlation_id,
            "causation_id": request.causation_id,
            "reason": request.reason,
            "proposal_id": request.proposal_id,
            "traceparent": request.traceparent,
        }
    )


def read_request(body: bytes, now: float) -> CommandRequest:
    """``now`` is the reader's monotonic clock. Raises BadPeerMessage."""
    try:
        asked: Json = orjson.loads(body)
        expected = asked["expected_version"]
        return CommandRequest(
            command_id=CommandId(asked["command_id"]),
            body_hash=asked["body_hash"],
            kind=asked["kind"],
            entity_id=EntityId(asked["entity_id"]),
            command=_adapter(_command(asked["kind"], asked["name"])).validate_python(asked["command"]),
            actor=ActorId(asked["actor"]),
            role=asked["role"],
            deadline=now + asked["left_s"],
            expected_version=None if expected is None else Version(expected),
            correlation_id=asked["correlation_id"],
            causation_id=asked["causation_id"],
            reason=asked["reason"],
            proposal_id=asked["proposal_id"],
            traceparent=asked["traceparent"],
        )
    except (KeyError, TypeError, ValueError, ValidationError) as error:
        raise BadPeerMessage(f"not a command of a peer ({type(error).__name__}: {error})") from error


def write_current(kind: str, entity_id: EntityId, left_s: float) -> bytes:
    """The question for an entity's confirmed state."""
    return orjson.dumps({"kind": kind, "entity_id": entity_id, "left_s": left_s})


def read_current(body: bytes, now: float) -> tuple[str, EntityId, float]:
    """Kind, id and deadline. Raises BadPeerMessage."""
    try:
        asked: Json = orjson.loads(body)
        return str(asked["kind"]), EntityId(asked["entity_id"]), now + asked["left_s"]
    except (KeyError, TypeError, ValueError) as error:
        raise BadPeerMessage(f"not a question of a peer ({type(error).__name__}: {error})") from error


# -- the answer ----------------------------------------------------------------------------------------------------------------------


def write_accepted(answer: Accepted) -> bytes:
    """What the engine returned."""
    return orjson.dumps(
        {
            "accepted": {
                "entity": _entity(answer.entity),
                "partition": answer.partition,
                "offset": answer.offset,
                "version": answer.version,
                "replayed": answer.replayed,
            }
        }
    )


def write_skipped(answer: RecordSkipped) -> bytes:
    """What the engine returned."""
    skipped = {"partition": answer.partition, "offset": answer.offset, "version": answer.version, "replayed": answer.replayed}
    return orjson.dumps({"skipped": skipped})


def write_failed(error: CommandRefused | EngineError) -> bytes:
    """What the engine raised."""
    match error:
        case CommandRefused():
            entity = None if error.entity is None else _entity(error.entity)
            return orjson.dumps({"refused": _refusal(error.refusal), "entity": entity})
        case VersionMismatch():
            return orjson.dumps({"mismatch": {"entity": _entity(error.entity), "expected": error.expected}})
        case _:
            return orjson.dumps({"failed": {"code": error.code, "message": str(error)}})


def read_outcome(body: bytes) -> Accepted:
    """Returns what the peer returned, or raises what it raised; OutcomeUnknown for what cannot be read."""
    try:
        told: Json = orjson.loads(body)
        if "accepted" in told:
            a = told["accepted"]
            return Accepted(_read_entity(a["entity"]), a["partition"], a["offset"], Version(a["version"]), replayed=a["replayed"])
        error = _read_failed(told)
    except (KeyError, TypeError, ValueError) as unreadable:
        raise OutcomeUnknown(f"the owner's answer cannot be read ({unreadable!r}); repeat the command with the same id") from unreadable
    raise error


def read_skipped(body: bytes) -> RecordSkipped:
    """Returns what the peer returned, or raises what it raised; OutcomeUnknown for what cannot be read."""
    try:
        told: Json = orjson.loads(body)
        if "skipped" in told:
            s = told["skipped"]
            return RecordSkipped(s["partition"], s["offset"], Version(s["version"]), replayed=s["replayed"])
        error = _read_failed(told)
    except (KeyError, TypeError, ValueError) as unreadable:
        raise OutcomeUnknown(f"the owner's answer cannot be read ({unreadable!r}); repeat the command with the same id") from unreadable
    raise error


def write_entity(entity: Entity | None) -> bytes:
    """An entity's confirmed state, or that there is none."""
    return orjson.dumps({"entity": None if entity is None else _entity(entity)})


def read_entity(body: bytes) -> Entity | None:
    """Returns the entity, or raises what the peer raised; NotServing for what cannot be read."""
    try:
        told: Json = orjson.loads(body)
        if "entity" in told and len(told) == 1:
            return None if told["entity"] is None else _read_entity(told["entity"])
        error = _read_failed(told)
    except (KeyError, TypeError, ValueError) as unreadable:
        raise NotServing(f"the owner's answer cannot be read ({unreadable!r})") from unreadable
    raise error


def _read_failed(told: Json) -> CommandRefused | EngineError:
    if "refused" in told:
        entity = told["entity"]
        return CommandRefused(_read_refusal(told["refused"]), None if entity is None else _read_entity(entity))
    if "mismatch" in told:
        return VersionMismatch(_read_entity(told["mismatch"]["entity"]), told["mismatch"]["expected"])
    failed = told["failed"]
    return ERRORS.get(failed["code"], OutcomeUnknown)(failed["message"])


def _refusal(refusal: Refused) -> Json:
    told: Json = {"type": type(refusal).__name__, "code": refusal.code, "message": refusal.message, "details": refusal.details}
    if isinstance(refusal, EditConflict):
        told["conflicts"] = [[c.field, c.seen, c.current, c.wanted] for c in refusal.conflicts]
    return told


def _read_refusal(told: Json) -> Refused:
    if told["type"] == EditConflict.__name__:
        return EditConflict([FieldConflict(*conflict) for conflict in told["conflicts"]])
    return _REFUSALS.get(told["type"], Refused)(told["code"], told["message"], told.get("details"))


def _entity(entity: Entity) -> Json:
    return {
        "kind": entity.kind,
        "id": entity.id,
        "version": entity.version,
        "state": KINDS[entity.kind].to_json(entity.state),
        "memory": orjson.Fragment(memory_json(entity)),
        "created_at": entity.created_at,
        "updated_at": entity.updated_at,
        "updated_by": entity.updated_by,
        "partition": entity.partition,
        "offset": entity.offset,
    }


def _read_entity(told: Json) -> Entity:
    times = {name: _TIME.validate_python(told[name]) for name in ("created_at", "updated_at")}
    return entity_of(told | times)


@cache
def _names(kind: str) -> dict[type, str]:
    return {SkipRecord: SKIP} | {cls: name for name, cls in KINDS[kind].commands.items()}


def _command(kind: str, name: str) -> type[Any]:
    return SkipRecord if name == SKIP else KINDS[kind].commands[name]


@cache
def _adapter(cls: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(cls)
