"""The door for what a parked entity waits for: that the record which nobody can handle is skipped, with a reason (R10)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field
from starlette.requests import Request
from starlette.responses import Response

from command_api.api import answers
from command_api.api.commands import Ports, body_hash
from command_api.api.doors.door import HOLE
from command_api.api.headers import command_id, origin, plain
from command_api.api.metrics import COMMANDS
from command_api.engine.port import CommandRefused, CommandRequest, EngineError, RecordSkipped, SkipRecord
from opsroom_common.auth.identity import Identity
from opsroom_common.http.json import StrictBody, checked, json_response, read_json
from opsroom_common.http.problems import Problem, problem
from opsroom_common.runtime.telemetry import TRACEPARENT, inject
from opsroom_domain.ids import CommandId, EntityId, prefix_of
from opsroom_domain.permissions import Role
from opsroom_domain.registry import kind_of_prefix

PATH = f"/v1/parked/{HOLE}/skip"
NAME = "parked.skip"
REASON_MAX = 500
_OFFSET_MAX = 2**63 - 1


def _said(text: str) -> str:
    if not text.strip() or "\x00" in text:
        raise ValueError("say in words why the record does not count")
    return text.strip()


class SkipBody(StrictBody):
    """Which record shall not count, and why. The decision stands in the log for ever."""

    offset: int = Field(ge=0, le=_OFFSET_MAX, description="Of the record that the entity is parked at, as opsctl parked shows it.")
    reason: Annotated[str, Field(min_length=1, max_length=REASON_MAX), AfterValidator(_said)] = Field(description="Why, in words.")


class ParkedDoor:
    """``POST /v1/parked/{id}/skip``, for admins."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._commands = ports.metrics.counter(COMMANDS)

    async def skip(self, request: Request) -> Response:
        ports, arrived = self._ports, self._ports.clock.monotonic()
        headers = plain(request.headers)
        try:
            with ports.telemetry.span(f"command {NAME}", headers.get(TRACEPARENT)):
                identity = ports.identities.of(headers)
                self._permit(identity)
                command = command_id(headers, ports.clock.now())
                raw, canonical = await read_json(request, headers.get("content-type"))
                body = checked(SkipBody, raw)
                entity_id, kind = _entity(request.path_params["id"])
                came = origin(headers)
                asked = CommandRequest(
                    command_id=command,
                    body_hash=body_hash(request.method, request.scope["path"], canonical),
                    kind=kind,
                    entity_id=entity_id,
                    command=SkipRecord(offset=body.offset, reason=body.reason),
                    actor=identity.actor,
                    role=identity.role,
                    deadline=arrived + ports.deadline_s,
                    correlation_id=came.correlation_id,
                    causation_id=came.causation_id,
                    reason=came.reason,
                    proposal_id=came.proposal_id,
                    traceparent=inject(),
                )
                answer = await self._skip(asked)
        except Problem as refusal:
            self._commands.labels(NAME, refusal.code).inc()
            return refusal.response()
        self._commands.labels(NAME, "replayed" if answer.replayed else "ok").inc()
        return json_response(_told(answer, command))

    def _permit(self, identity: Identity) -> None:
        if identity.role != Role.ADMIN:
            detail = f"{identity.actor} is {identity.role}; this needs the role {Role.ADMIN}: ask an admin for it"
            raise problem(403, "role-missing", "Your role does not allow it", detail, roles=[Role.ADMIN.value])
        wait_s = self._ports.limiter.take(identity.actor)
        if wait_s > 0:
            later = answers.retry_after(wait_s)
            detail = f"{identity.actor} sends too many commands; wait {later['Retry-After']} s and send fewer at once"
            raise problem(429, "too-many-commands", "Too many commands", detail, headers=later)

    async def _skip(self, asked: CommandRequest) -> RecordSkipped:
        try:
            return await self._ports.engine.skip(asked)
        except CommandRefused as refused:
            raise answers.refused(refused.refusal, asked.command_id, refused.entity) from refused
        except EngineError as error:
            raise answers.failed(error, asked.command_id) from error


def _entity(text: str) -> tuple[EntityId, str]:
    """The id and its kind. Raises Problem 400."""
    kind = kind_of_prefix(prefix_of(text))
    if kind is None:
        detail = f"{text[:64]!r} is not the id of an entity: copy it from opsctl parked list"
        raise problem(400, "invalid-id", "The id in the address is wrong", detail)
    return EntityId(text), kind.name


def _told(answer: RecordSkipped, command: CommandId) -> dict[str, Any]:
    """As every command's answer, without a row: that is made once the projector has folded the entity again."""
    return {
        "command_id": command,
        "replayed": answer.replayed,
        "version": answer.version,
        "log": {"partition": answer.partition, "offset": answer.offset},
        "entities": [],
    }
