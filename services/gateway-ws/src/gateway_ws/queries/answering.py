"""What all doors of the queries share: what they refuse, how an answer names its moment, and when there is nothing new to send."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from hashlib import sha256
from typing import Annotated, Any, Final, TypeVar

from fastapi import Query
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from gateway_ws.permissions import client_epoch
from gateway_ws.queries.models import ProblemAnswer
from gateway_ws.queries.parameters import Parameters
from gateway_ws.queries.source import Snapshot
from gateway_ws.reading import ReadUnavailable
from opsroom_common.auth.identity import Role
from opsroom_common.http.problems import FieldError, Problem, invalid_fields, problem

T = TypeVar("T")
_ID_CHARS_MAX: Final = 100
PRIVATE: Final = {"Cache-Control": "no-store"}
"""What a role may see is nobody's business but its own, and a cached row would be an old one."""
REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": ProblemAnswer, "description": words}
    for status, words in {
        400: "A parameter does not fit",
        401: "Nobody is signed in",
        503: "Postgres is away; Retry-After",
        504: "wait_for was not reached",
    }.items()
}
UNKNOWN: Final[dict[int | str, dict[str, Any]]] = {404: {"model": ProblemAnswer, "description": "There is no such entity"}}
UNCHANGED: Final[dict[int | str, dict[str, Any]]] = {304: {"description": "If-None-Match names what would be sent: nothing new"}}


class QueryRoute(APIRoute):
    """A route whose refusal of an unknown parameter names those that there are."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        known = sorted(name for one in self.dependant.query_params for name in _names(one.field_info.annotation))

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                raise _told(error, known) from error

        return handled


def collection_door(handle: Callable[[Request, Any], Awaitable[Response]], parameters: type[Parameters]) -> Callable[..., Any]:
    """``handle`` as FastAPI takes it: what is asked is made of an address's query by a model that is known only when the routes are made."""

    async def door(request: Request, asked: Any) -> Response:
        return await handle(request, asked)

    door.__annotations__["asked"] = Annotated[parameters, Query()]
    return door


def entity_door(handle: Callable[[Request, str, Any], Awaitable[Response]], parameters: type[Parameters]) -> Callable[..., Any]:
    """The same, for an address that names an entity."""

    async def door(request: Request, entity_id: str, asked: Any) -> Response:
        return await handle(request, entity_id, asked)

    door.__annotations__["asked"] = Annotated[parameters, Query()]
    return door


async def available(answer: Awaitable[T]) -> T:
    """The answer. Raises Problem 503 if the read model cannot be read now."""
    try:
        return await answer
    except ReadUnavailable as error:
        detail = f"the read model cannot be read now ({error}); try again in a moment, nothing is lost"
        raise problem(503, "read-unavailable", "Not now", detail, headers={"Retry-After": "1"}) from error


def when(snapshot: Snapshot, role: Role) -> dict[str, object]:
    """The moment of an answer: the feed's position as this role knows it, and the time."""
    position = snapshot.position
    shown = None if position is None else {"epoch": client_epoch(position[0], role), "offset": position[1]}
    return {"position": shown, "as_of": snapshot.as_of, "past": snapshot.past}


def list_tag(snapshot: Snapshot, following: str | None, role: Role) -> str:
    """A weak ETag of a page: equal while it has the same rows in the same versions, and the same next page, of the same feed.

    The position moves on with every change elsewhere. An older one is as good: whoever subscribes from it is told the same rows once more.
    """
    epoch = None if snapshot.position is None else client_epoch(snapshot.position[0], role)
    parts = [f"{row.entity_id} {row.version}" for row in snapshot.rows]
    return f'W/"{sha256(repr((parts, following, epoch, role.value, snapshot.past)).encode()).hexdigest()[:24]}"'


def entity_tag(snapshot: Snapshot, role: Role) -> str:
    """The ETag of one entity: its version, which clients may send as If-Match. Of the past it is one that no command takes."""
    return f'"{snapshot.rows[0].version}"' if snapshot.past is None else list_tag(snapshot, None, role)


def not_modified(headers: Mapping[str, str], tag: str) -> Response | None:
    """304 if the request's If-None-Match names ``tag``."""
    sent = headers.get("if-none-match")
    if sent is None:
        return None
    names = {name.strip().removeprefix("W/") for name in sent.split(",")}
    if "*" not in names and tag.removeprefix("W/") not in names:
        return None
    return Response(status_code=304, headers={**PRIVATE, "ETag": tag})


def check_id(entity_id: str, what: str, collection: str) -> None:
    """A text that Postgres would refuse, or that no id is as long as, is an id that does not exist. Raises Problem 404."""
    if len(entity_id) > _ID_CHARS_MAX or "\0" in entity_id:
        raise unknown(entity_id[:_ID_CHARS_MAX], what, collection)


def unknown(entity_id: str, what: str, collection: str) -> Problem:
    """404 for an entity."""
    detail = f"no {what} {entity_id!r}; check the id, or list them at /v1/{collection}"
    return problem(404, "not-found", f"There is no such {what}", detail)


def _names(annotation: Any) -> list[str]:
    return list(getattr(annotation, "model_fields", ()))


def _told(error: RequestValidationError, known: list[str]) -> Problem:
    """As ``problems.install`` answers it; an unknown parameter is told which there are."""
    found = [
        FieldError(
            tuple(one["loc"]),
            "unknown_parameter" if one["type"] == "extra_forbidden" else str(one["type"]),
            f"there is no such parameter; there are {', '.join(known)}" if one["type"] == "extra_forbidden" else str(one["msg"]),
        )
        for one in error.errors()
    ]
    return invalid_fields(found)
