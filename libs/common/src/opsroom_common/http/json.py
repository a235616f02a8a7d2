"""JSON at the doors: orjson both ways, and a body is checked against a typed model in one pass.

FastAPI's own body handling parses with the standard library and validates Python values, where ``strict`` would refuse every date and
enum (they arrive as strings). So a door reads the bytes and validates them as JSON, strictly: no number passes for a string.
"""

from __future__ import annotations

from typing import TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from opsroom_common.http.problems import FieldError, Problem, invalid_fields, problem

JSON = "application/json"
_M = TypeVar("_M", bound=BaseModel)


class StrictBody(BaseModel):
    """A request body of ours: unknown fields and near-miss types are refused, never ignored."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


async def read_json(request: Request, content_type: str | None) -> tuple[bytes, bytes]:
    """The body's bytes and their canonical form (sorted keys, no spaces). Raises Problem 400 if it is not JSON, 415 if it says so."""
    # A missing type is refused too: a page in somebody's browser may send such a request here without asking first.
    declared = (content_type or "nothing").partition(";")[0].strip().lower()
    if declared != JSON and not declared.endswith("+json"):
        raise problem(415, "unsupported-media-type", "This door takes JSON", f"send Content-Type: {JSON}; the request said {declared!r}")
    body = await whole_body(request)
    if not body:
        raise problem(400, "malformed-json", "The body is empty", "send a JSON object; {} if there is nothing to say")
    try:
        return body, orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS)
    except orjson.JSONDecodeError as error:
        detail = f"{error}; send one JSON value in UTF-8"
        raise problem(400, "malformed-json", "The body is not JSON", detail) from error


async def whole_body(request: Request) -> bytes:
    """All bytes of the body. Raises ClientDisconnect. Nearly always one message; ``request.body()`` takes a generator and a list for it."""
    body = b""
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return body


def checked(model: type[_M], body: bytes) -> _M:
    """The body as ``model``. Raises Problem 400 that names each wrong field, with what to do."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise invalid_fields(field_errors(error)) from error


def field_errors(error: ValidationError) -> list[FieldError]:
    """Pydantic's errors as ours; the values themselves are left out: they may be private."""
    details = error.errors(include_url=False, include_input=False, include_context=False)
    return [FieldError(tuple(detail["loc"]), detail["type"], detail["msg"]) for detail in details]


def json_response(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """``body`` as JSON; ``orjson.Fragment`` inside it passes ready bytes through."""
    return Response(orjson.dumps(body), status_code=status, headers=headers, media_type=JSON)


__all__ = ["JSON", "Problem", "StrictBody", "checked", "field_errors", "json_response", "read_json", "whole_body"]
