"""Many commands in one call: each is the command of its single door, with an outcome of its own, and all share one pass through the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson
from pydantic import Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from command_api.api import answers
from command_api.api.commands import CommandDoors, Ports, body_hash, target_of
from command_api.api.doors import BY_NAME
from command_api.api.doors.door import HOLE, Door
from command_api.api.headers import Origin, checked_id, origin, plain
from command_api.api.metrics import COMMAND_SECONDS, COMMANDS
from opsroom_common.auth.identity import Identity
from opsroom_common.http.json import JSON, StrictBody, checked, field_errors, read_json
from opsroom_common.http.problems import Problem, invalid_fields, problem, unexpected
from opsroom_common.runtime.telemetry import TRACEPARENT, inject

PATH = "/v1/commands:batch"
COMMANDS_MAX = 500
TURN_MAX = 32
"""Commands that are begun in one go: what else the service does gets its turn in between, and a partition's still share few appends."""
UNDECIDED = frozenset({429, 500, 503})
"""Answers after which a command may still be applied by its repetition: what stands behind it on the same entity has to wait for that."""


class BatchBody(StrictBody):
    """The call. Its commands are checked one by one, so that a wrong one is its own outcome and not the end of all."""

    commands: list[Any] = Field(
        min_length=1,
        max_length=COMMANDS_MAX,
        description="Commands on the same entity are decided in this order, those on different entities in any.",
        json_schema_extra={"items": {"$ref": "#/components/schemas/BatchCommand"}},
    )


class BatchItem(StrictBody):
    """One command. ``openapi.batch_command`` describes it more exactly, with the body of each command."""

    id: str
    command: str
    entity: str | None = None
    body: dict[str, Any]

    @property
    def target(self) -> str | None:
        """The entity as the caller names it. One that creates names it in its body; the only one of its kind need not be named."""
        door = BY_NAME.get(self.command)
        if door is not None and door.only is not None:
            return door.only
        named = self.entity if self.entity is not None else self.body.get("id")
        return named if isinstance(named, str) else None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the single door would have answered."""

    status: int
    headers: Mapping[str, str]
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Call:
    """What all commands of one call share."""

    who: Identity
    came: Origin
    arrived: float


class BatchDoor:
    """The handler of PATH. ``body_bytes_max`` is the single doors' limit, and here that of one command's body."""

    def __init__(self, doors: CommandDoors, ports: Ports, body_bytes_max: int) -> None:
        self._doors = doors
        self._ports = ports
        self._body_bytes_max = body_bytes_max
        self._commands = ports.metrics.counter(COMMANDS)
        self._seconds = ports.metrics.histogram(COMMAND_SECONDS)

    async def handle(self, request: Request) -> Response:
        """200 with one outcome for each command, or one problem, and then nothing of the batch was begun."""
        arrived = self._ports.clock.monotonic()
        headers = plain(request.headers)
        try:
            with self._ports.telemetry.span("commands batch", headers.get(TRACEPARENT)):
                call = _Call(self._ports.identities.of(headers), origin(headers), arrived)
                items = await _read(request, headers)
                outcomes = await self._all(items, call)
        except Problem as refusal:
            self._commands.labels("batch", refusal.code).inc()
            return refusal.response()
        told = [
            {"id": _told_id(item), "status": outcome.status, "headers": outcome.headers, "body": outcome.body}
            for item, outcome in zip(items, outcomes, strict=True)
        ]
        return Response(orjson.dumps({"outcomes": told}, option=orjson.OPT_NON_STR_KEYS), media_type=JSON)

    async def _all(self, items: Sequence[object], call: _Call) -> list[Outcome]:
        """Begin all, in the order of the list, each behind the one before it on the same entity."""
        tasks: list[asyncio.Task[Outcome]] = []
        last: dict[str, asyncio.Task[Outcome]] = {}
        async with asyncio.TaskGroup() as group:
            for at, item in enumerate(items):
                if at and at % TURN_MAX == 0:
                    await asyncio.sleep(0)
                read = _item(item)
                target = read.target if isinstance(read, BatchItem) else None
                task = group.create_task(self._one(read, call, None if target is None else last.get(target)))
                tasks.append(task)
                if target is not None:
                    last[target] = task
        return [task.result() for task in tasks]

    async def _one(self, item: BatchItem | Problem, call: _Call, before: asyncio.Task[Outcome] | None) -> Outcome:
        # The writer decides in the order of arrival only while nothing has to be looked up and the next batch has room (R3, R6), and another
        # replica may be the owner: so the one before has to be answered first.
        held = before is not None and (await before).status in UNDECIDED
        name = "unknown"
        try:
            if isinstance(item, Problem):
                raise item
            door = BY_NAME.get(item.command)
            if door is None:
                raise _unknown_command(item.command)
            name = door.full_name
            if held:
                raise _held_back(item.id)
            outcome = await self._submitted(door, item, call)
        except Problem as refusal:
            self._commands.labels(name, refusal.code).inc()
            return Outcome(refusal.status, refusal.headers, refusal.body())
        except Exception as error:  # noqa: BLE001 -- one command must not end the others
            refusal = unexpected(error, inject() or "none")
            self._commands.labels(name, refusal.code).inc()
            return Outcome(refusal.status, refusal.headers, refusal.body())
        self._commands.labels(name, "replayed" if outcome.body["replayed"] else "ok").inc()
        self._seconds.observe(self._ports.clock.monotonic() - call.arrived)
        return outcome

    async def _submitted(self, door: Door[Any], item: BatchItem, call: _Call) -> Outcome:
        """The same checks in the same order as at the single door, and the same hash, so that both are one command."""
        self._doors.permit(call.who, door)
        command = checked_id(item.id, self._ports.clock.now())
        canonical = orjson.dumps(item.body, option=orjson.OPT_SORT_KEYS)
        if len(canonical) > self._body_bytes_max:
            detail = f"the body of this command is above {self._body_bytes_max} bytes; shorten it"
            raise problem(413, "body-too-large", "The body is too large", detail, limit_bytes=self._body_bytes_max)
        body = checked(door.body, canonical)
        created = door.creates
        if item.entity is not None and HOLE not in door.path:
            why = "that creates carries the id in its body" if created else "of this kind has one entity only"
            raise problem(400, "invalid-request", "The request does not fit", f"entity: a command {why}; leave entity out")
        entity_id = target_of(door, body, item.entity or "")
        hashed = body_hash(door.method, door.path.replace(HOLE, entity_id), canonical)
        answer = await self._doors.submit(self._doors.asked(door, entity_id, body, hashed, call.came, call.who, command, call.arrived))
        headers = answers.location(answer.entity) if created else {}
        return Outcome(201 if created else 200, headers, answers.accepted_body(answer, command))


async def _read(request: Request, headers: Mapping[str, str]) -> Sequence[object]:
    """The commands as they were sent. Raises Problem for what is wrong with the whole."""
    _, canonical = await read_json(request, headers.get("content-type"))
    try:
        items = BatchBody.model_validate(orjson.loads(canonical)).commands
    except ValidationError as error:
        raise invalid_fields(field_errors(error)) from error
    seen: dict[str, object] = {}
    for item in items:
        key = _sent_id(item)
        if key is not None and (first := seen.setdefault(key, item)) is not item and orjson.dumps(first) != orjson.dumps(item):
            detail = f"the id {key[:64]!r} stands before two different commands; give each command an id of its own"
            raise problem(422, "idempotency-key-reused", "An id is used twice", detail, applied=False)
    return items


def _item(item: object) -> BatchItem | Problem:
    try:
        return BatchItem.model_validate(item)
    except ValidationError as error:
        return invalid_fields(field_errors(error))


def _sent_id(item: object) -> str | None:
    key = cast("dict[str, object]", item).get("id") if isinstance(item, dict) else None
    return key if isinstance(key, str) else None


def _told_id(item: object) -> str | None:
    key = _sent_id(item)
    return key if key is not None and len(key) <= 64 else None  # noqa: PLR2004 -- longer ones are no ids


def _unknown_command(name: str) -> Problem:
    return problem(400, "unknown-command", "There is no such command", f"{name[:64]!r} is unknown; send one of {', '.join(BY_NAME)}")


def _held_back(command_id: str) -> Problem:
    detail = "a command before it in this batch, on the same entity, was not decided; nothing was changed, repeat both with the same ids"
    later = answers.retry_after(1)
    return problem(503, "earlier-not-decided", "Not now", detail, headers=later, command_id=command_id[:64], applied=False)
