"""The HTTP application: every door of this service, its limits and its errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from command_api.api import batch, openapi, parked
from command_api.api.commands import CommandDoors
from command_api.api.commands import Ports as CommandPorts
from command_api.api.doors import DOORS
from command_api.api.straight import StraightWay
from command_api.signals import alertmanager
from command_api.signals.webhook import AlertmanagerWebhook
from opsroom_common.http import problems
from opsroom_common.http.limits import BodyLimit, LastNet
from opsroom_domain.registry import KINDS

VERSION = "1"
_ABOUT = """Commands of Opsroom. Every command has an id (`Idempotency-Key`, a UUIDv7): repeat an unanswered command with the same id, and it
happens once. Edits name the value that was seen; if it is now neither that nor the new one, nothing is overwritten and the answer is 409 with
both values. Errors are RFC 9457 problems with stable types."""
_OFF: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""FastAPI's own instruments stay off: spans and metrics are declared where they are used, once."""
PEER_BODIES = 4
"""How much larger a command may be between two replicas than from outside: its form there has more names."""
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes of bodies, in bytes."""

    body_bytes_max: int
    batch_bytes_max: int
    webhook_bytes_max: int


def build_app(
    commands: CommandPorts,
    signals: alertmanager.Ports,
    health: APIRouter,
    limits: Limits,
    peers: Mapping[tuple[str, str], Handler] | None = None,
) -> ASGIApp:
    """The application, ready to serve. ``peers`` are the doors for other replicas, by method and path."""
    peers = peers or {}
    doors = CommandDoors(commands)
    handlers = {door.full_name: doors.handler(door) for door in DOORS}
    webhook = alertmanager.handler(signals)
    many = batch.BatchDoor(doors, commands, limits.body_bytes_max).handle
    skip = parked.ParkedDoor(commands).skip
    app = routes(handlers, many, webhook, skip)
    app.include_router(health)
    problems.install(app)
    single = {(door.method, door.path): handlers[door.full_name] for door in DOORS}
    straight = StraightWay(
        app, {**single, ("POST", batch.PATH): many, ("POST", parked.PATH): skip, ("POST", alertmanager.PATH): webhook, **peers}
    )
    by_path = {path: PEER_BODIES * limits.body_bytes_max for _, path in peers}
    by_path |= {batch.PATH: limits.batch_bytes_max, alertmanager.PATH: limits.webhook_bytes_max}
    limited = BodyLimit(straight, limits.body_bytes_max, by_path)
    return LastNet(limited)


def routes(commands: Mapping[str, Handler], many: Handler, webhook: Handler, skip: Handler) -> FastAPI:
    """The addresses and their description, with these handlers behind them."""
    app = FastAPI(
        title="Opsroom command API",
        version=VERSION,
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=_OFF,
    )
    for door in DOORS:
        app.add_api_route(
            door.path,
            commands[door.full_name],
            methods=[door.method],
            status_code=201 if door.creates else 200,
            response_class=Response,
            responses=openapi.responses(created=door.creates),
            openapi_extra=openapi.described(door),
            operation_id=f"{door.kind}_{door.name}",
            summary=door.summary,
            tags=[KINDS[door.kind].collection],
        )
    app.add_api_route(batch.PATH, many, methods=["POST"], response_class=Response, **openapi.batch())
    app.add_api_route(parked.PATH, skip, methods=["POST"], response_class=Response, **openapi.skip())
    app.add_api_route(
        alertmanager.PATH,
        webhook,
        methods=["POST"],
        status_code=202,
        response_class=Response,
        responses={202: {"description": "Every alert is in ops.signals"}} | openapi.problem_responses(400, 401, 403, 413, 415, 422, 503),
        openapi_extra={"requestBody": openapi.json_body(AlertmanagerWebhook)},
        operation_id="signals_alertmanager",
        summary="Alertmanager's webhook, version 4",
        tags=["signals"],
    )
    _describe(app)
    return app


def _describe(app: FastAPI) -> None:
    generate = app.openapi

    def with_components() -> dict[str, Any]:
        made = app.openapi_schema is not None
        schema = generate()
        if not made:
            schema.setdefault("components", {}).setdefault("schemas", {}).update(openapi.schemas(AlertmanagerWebhook))
        return schema

    app.openapi = with_components
