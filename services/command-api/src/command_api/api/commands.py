"""One request in, one command to the engine, one truthful answer out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from command_api.api import answers
from command_api.api.doors.door import Asked, Door
from command_api.api.headers import Origin, command_id, origin, plain
from command_api.api.limiter import ActorLimiter
from command_api.api.metrics import COMMAND_SECONDS, COMMANDS, PARSE_SECONDS
from command_api.engine.port import Accepted, CommandRefused, CommandRequest, Engine, EngineError
from opsroom_common.auth.identity import Identities, Identity
from opsroom_common.http.json import checked, read_json
from opsroom_common.http.problems import Problem, problem
from opsroom_common.runtime.clock import Clock
from opsroom_common.runtime.metrics import Metrics
from opsroom_common.runtime.telemetry import TRACEPARENT, Telemetry, inject
from opsroom_domain.ids import CommandId, EntityId, Version, prefix_of
from opsroom_domain.permissions import able, allowed
from opsroom_domain.registry import KINDS

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Ports:
    """What the doors need."""

    engine: Engine
    identities: Identities
    clock: Clock
    telemetry: Telemetry
    metrics: Metrics
    limiter: ActorLimiter
    deadline_s: float


class CommandDoors:
    """Makes one request handler for each door."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._commands = ports.metrics.counter(COMMANDS)
        self._seconds = ports.metrics.histogram(COMMAND_SECONDS)
        self._parse_seconds = ports.metrics.counter(PARSE_SECONDS)

    def handler(self, door: Door[Any]) -> Handler:
        """Reads the request itself instead of by FastAPI's parameters: strict JSON (see ``http.json``), and half the time."""
        ports = self._ports
        name = door.full_name
        span = f"command {name}"
        ok = self._commands.labels(name, "ok")
        replayed = self._commands.labels(name, "replayed")

        async def handle(request: Request) -> Response:
            arrived = ports.clock.monotonic()
            headers = plain(request.headers)
            try:
                with ports.telemetry.span(span, headers.get(TRACEPARENT)):
                    identity = self._who(headers, door)
                    command = command_id(headers, ports.clock.now())
                    raw, canonical = await read_json(request, headers.get("content-type"))
                    body = checked(door.body, raw)
                    entity_id = target_of(door, body, request.path_params.get("id", ""))
                    hashed = body_hash(request.method, request.scope["path"], canonical)
                    asked = self.asked(door, entity_id, body, hashed, origin(headers), identity, command, arrived)
                    parsed = ports.clock.monotonic()
                    answer = await self.submit(asked)
            except Problem as refusal:
                self._commands.labels(name, refusal.code).inc()
                return refusal.response()
            (replayed if answer.replayed else ok).inc()
            response = answers.accepted(answer, command, created=door.creates)
            self._parse_seconds.inc(parsed - arrived)
            self._seconds.observe(ports.clock.monotonic() - arrived)
            return response

        handle.__name__ = f"{door.kind}_{door.name}"
        return handle

    def _who(self, headers: Mapping[str, str], door: Door[Any]) -> Identity:
        identity = self._ports.identities.of(headers)
        self.permit(identity, door)
        return identity

    def permit(self, identity: Identity, door: Door[Any]) -> None:
        """One more command of this actor. Raises Problem 403 and 429."""
        if not allowed(identity.role, door.kind, door.name):
            roles = able(door.kind, door.name)
            detail = f"{identity.actor} is {identity.role}; this needs the role {' or '.join(roles)}: ask an admin for it"
            raise problem(403, "role-missing", "Your role does not allow it", detail, roles=roles)
        wait_s = self._ports.limiter.take(identity.actor)
        if wait_s > 0:
            later = answers.retry_after(wait_s)
            detail = f"{identity.actor} sends too many commands; wait {later['Retry-After']} s and send fewer at once"
            raise problem(429, "too-many-commands", "Too many commands", detail, headers=later)

    def asked(
        self,
        door: Door[Any],
        entity_id: EntityId,
        body: Any,
        hashed: str,
        came: Origin,
        who: Identity,
        command: CommandId,
        arrived: float,
    ) -> CommandRequest:
        """What the engine is handed for one command that fits. ``hashed`` is its ``body_hash``, ``arrived`` what the deadline counts from."""
        return CommandRequest(
            command_id=command,
            body_hash=hashed,
            kind=door.kind,
            entity_id=entity_id,
            command=door.build(Asked(entity_id, command, who.actor, self._ports.clock.now()), body),
            actor=who.actor,
            role=who.role,
            deadline=arrived + self._ports.deadline_s,
            expected_version=_expected(body),
            correlation_id=came.correlation_id,
            causation_id=came.causation_id,
            reason=came.reason,
            proposal_id=came.proposal_id,
            traceparent=inject(),
        )

    async def submit(self, asked: CommandRequest) -> Accepted:
        """The engine's answer. Raises Problem for everything else that became of the command."""
        try:
            return await self._ports.engine.submit(asked)
        except CommandRefused as refused:
            raise answers.refused(refused.refusal, asked.command_id, refused.entity) from refused
        except EngineError as error:
            raise answers.failed(error, asked.command_id) from error


def body_hash(method: str, path: str, canonical: bytes) -> str:
    """What makes a command what it is: 128 bits of SHA-256, as hex. Same command id, other hash: refused."""
    return sha256(b"\n".join((method.encode(), path.encode(), canonical))).hexdigest()[:32]


def target_of(door: Door[Any], body: Any, named: str) -> EntityId:
    """The entity that a command is about; ``named`` is the id in the address, if the address holds one. Raises Problem 400."""
    if door.only is not None:
        return door.only
    return EntityId(body.id if door.creates else entity_id_of(door.kind, named))


def entity_id_of(kind: str, entity_id: str) -> str:
    """The id, if it is one of this kind. Raises Problem 400."""
    prefix = KINDS[kind].prefix
    if prefix_of(entity_id) != prefix:
        detail = f"{entity_id[:64]!r} is not the id of {kind}: {prefix}_ and 26 base32 digits; copy it from the {kind}"
        raise problem(400, "invalid-id", "The id in the address is wrong", detail)
    return entity_id


def _expected(body: object) -> Version | None:
    value = getattr(body, "expected_version", None)
    return None if value is None else Version(value)
