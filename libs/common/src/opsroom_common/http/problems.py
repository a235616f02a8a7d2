"""Errors at the doors: RFC 9457 problem details with stable types. Each ``detail`` says what to do next.

A client may switch on ``type`` (or on ``code``, its last part); ``title`` and ``detail`` are for people and may change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from opsroom_common.runtime.logging import get_logger
from opsroom_common.runtime.telemetry import inject

CONTENT_TYPE = "application/problem+json"
TYPE_BASE = "https://opsroom.dev/problems/"
FIELD_ERRORS_MAX = 20
"""A body with more wrong fields is told the first of them."""
_log = get_logger("http")

_ADVICE = {
    "extra_forbidden": "this field is unknown here; remove it or correct its name",
    "missing": "this field is required; add it",
}


class Problem(Exception):
    """A refusal at a door. ``type`` is the full URI; ``extensions`` become members of the answer."""

    def __init__(
        self,
        status: int,
        type: str,  # noqa: A002 -- RFC 9457's own word
        title: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **extensions: object,
    ) -> None:
        super().__init__(f"{status} {type}: {detail}")
        self.status = status
        self.type = type
        self.title = title
        self.detail = detail
        self.headers = dict(headers or {})
        self.extensions = extensions

    @property
    def code(self) -> str:
        """The last part of ``type``."""
        return self.type.removeprefix(TYPE_BASE)

    def body(self) -> dict[str, Any]:
        return {
            **self.extensions,
            "type": self.type,
            "code": self.code,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }

    def response(self) -> Response:
        return Response(
            orjson.dumps(self.body(), option=orjson.OPT_NON_STR_KEYS),
            status_code=self.status,
            headers=self.headers,
            media_type=CONTENT_TYPE,
        )


def problem(status: int, code: str, title: str, detail: str, *, headers: Mapping[str, str] | None = None, **extensions: object) -> Problem:
    """A problem of ours: ``code`` ends its ``type``."""
    return Problem(status, TYPE_BASE + code, title, detail, headers=headers, **extensions)


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: its path in the body, pydantic's error type and message."""

    path: tuple[int | str, ...]
    kind: str
    message: str

    def as_json(self) -> dict[str, str]:
        return {"field": field_path(self.path), "code": self.kind, "what_to_do": _ADVICE.get(self.kind, self.message)}


def field_path(path: Sequence[int | str]) -> str:
    """``changes.title.to`` or ``labels[2]``; empty for the body itself."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def invalid_fields(errors: Sequence[FieldError]) -> Problem:
    """400 that names each wrong field."""
    shown = [error.as_json() for error in errors[:FIELD_ERRORS_MAX]]
    first = shown[0] if shown else {"field": "", "what_to_do": "see the API's description"}
    where = first["field"] or "the body"
    more = f" ({len(errors) - 1} more in errors)" if len(errors) > 1 else ""
    return problem(400, "invalid-request", "The request does not fit", f"{where}: {first['what_to_do']}{more}", errors=shown)


def install(app: FastAPI) -> None:
    """Make every error of ``app`` a problem: ours, FastAPI's, routing's, and what nobody expected (500, without a stack trace)."""
    app.add_exception_handler(Problem, _ours)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _routing)
    app.add_exception_handler(Exception, _anything)


async def _ours(_request: Request, error: Exception) -> Response:
    if not isinstance(error, Problem):
        raise error
    return error.response()


async def _validation(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    # FastAPI puts where it looked (query, header, path) first: that is part of the place.
    found = [FieldError(tuple(e["loc"]), str(e["type"]), str(e["msg"])) for e in error.errors()]
    return invalid_fields(found).response()


async def _routing(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == 404:  # noqa: PLR2004 -- an HTTP status
        found = problem(404, "no-such-door", "There is nothing at this address", f"{request.url.path} is unknown; see /openapi.json")
    elif error.status_code == 405:  # noqa: PLR2004 -- an HTTP status
        allowed = (error.headers or {}).get("Allow", "another method")
        detail = f"{request.method} is not allowed here; use {allowed}"
        found = problem(405, "method-not-allowed", "Another method is needed", detail)
    else:
        found = problem(error.status_code, "http-error", "The request was refused", str(error.detail))
    found.headers.update(error.headers or {})
    return found.response()


async def _anything(_request: Request, error: Exception) -> Response:
    return unexpected(error, inject() or "none").response()


def unexpected(error: BaseException, trace: str) -> Problem:
    """500: what nobody expected. The error itself is in the log, under ``trace``."""
    _log.error("unexpected error", error=f"{type(error).__name__}: {error}", trace=trace, exc_info=error)
    detail = f"nothing is known about the outcome; repeat with the same Idempotency-Key, and give an operator this trace: {trace}"
    return problem(500, "unexpected", "Something unexpected happened", detail, trace=trace)
