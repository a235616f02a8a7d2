"""The door for other replicas: a command that was forwarded once is decided here or nowhere. Not for people, and not in the description.

Whoever knows the peers' secret may name any actor and role: they were checked at the door where the command came in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from hmac import compare_digest

from starlette.requests import Request
from starlette.responses import Response

from command_api.engine import peer_wire
from command_api.engine.port import CommandRefused, Engine, EngineError, NotServing
from opsroom_common.http.problems import Problem, problem
from opsroom_common.runtime.clock import Clock
from opsroom_domain.ids import EntityId

SUBMIT = "/peer/submit"
SKIP = "/peer/skip"
CURRENT = "/peer/current"
SCHEME = "Peer "
Handler = Callable[[Request], Awaitable[Response]]


def handlers(engine: Engine, clock: Clock, secret: str | None) -> Mapping[tuple[str, str], Handler]:
    """By method and path; none without a secret. ``engine`` is the local one: what it does not serve is told so, and never sent on."""
    if secret is None:
        return {}
    expected = (SCHEME + secret).encode()

    def admitted(request: Request) -> None:
        if not compare_digest(request.headers.get("authorization", "").encode(), expected):
            detail = "only another replica of command-api comes in here; give all of them the same OPSROOM_COMMAND_API_PEER_SECRET"
            raise problem(401, "not-a-peer", "Not a replica", detail, headers={"WWW-Authenticate": "Peer"})

    async def submit(request: Request) -> Response:
        admitted(request)
        try:
            asked = peer_wire.read_request(await request.body(), clock.monotonic())
        except peer_wire.BadPeerMessage as error:
            raise _bad(error) from error
        try:
            return _told(peer_wire.write_accepted(await engine.submit(asked)))
        except (CommandRefused, EngineError) as error:
            return _told(peer_wire.write_failed(error))

    async def skip(request: Request) -> Response:
        admitted(request)
        try:
            asked = peer_wire.read_request(await request.body(), clock.monotonic())
        except peer_wire.BadPeerMessage as error:
            raise _bad(error) from error
        try:
            return _told(peer_wire.write_skipped(await engine.skip(asked)))
        except (CommandRefused, EngineError) as error:
            return _told(peer_wire.write_failed(error))

    async def current(request: Request) -> Response:
        admitted(request)
        try:
            kind, entity_id, deadline = peer_wire.read_current(await request.body(), clock.monotonic())
        except peer_wire.BadPeerMessage as error:
            raise _bad(error) from error
        try:
            return _told(peer_wire.write_entity(await engine.current(kind, EntityId(entity_id), deadline)))
        except EngineError as error:
            return _told(peer_wire.write_failed(error))
        except TimeoutError:
            return _told(peer_wire.write_failed(NotServing("the entity was not loaded in time; ask again")))

    return {("POST", SUBMIT): submit, ("POST", SKIP): skip, ("POST", CURRENT): current}


def _told(body: bytes) -> Response:
    """200 whatever the outcome is: the body says it. Anything else means that no engine was asked."""
    return Response(body, media_type="application/json")


def _bad(error: peer_wire.BadPeerMessage) -> Problem:
    detail = f"{error}; replicas of versions that do not understand each other: finish the roll-out"
    return problem(400, "bad-peer-message", "Not a peer's message", detail)
