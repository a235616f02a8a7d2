"""One command to command-api, with one id however often it has to be repeated."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from opsctl.exits import Exit, Stop

WITHIN_S = 30.0
"""How long a command is repeated while nobody serves its partition."""
_ATTEMPT_S = 12.0
_PAUSE_S = 0.5
_UNAVAILABLE = 503
_BYTES_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and JSON of what command-api said; of a problem too."""

    status: int
    body: Mapping[str, Any]


async def post(url: str, command_id: str, body: Mapping[str, object]) -> Answer:
    """Post it, and again with the same id while it is told 503. Raises Stop if it cannot be reached, or serves nobody for ``WITHIN_S``."""
    clock = asyncio.get_running_loop().time
    ends = clock() + WITHIN_S
    while True:
        try:
            answer = await asyncio.to_thread(_once, url, command_id, orjson.dumps(body))
        except (urllib.error.URLError, OSError, ValueError) as error:
            raise Stop(Exit.AWAY, f"command-api at {url} does not answer ({error}): start it, or check OPSROOM_COMMAND_API_URL") from error
        if answer.status != _UNAVAILABLE:
            return answer
        if clock() >= ends:
            raise Stop(Exit.AWAY, f"command-api serves nobody now: {answer.body.get('detail', '')}; repeat the command")
        await asyncio.sleep(_PAUSE_S)


def _once(url: str, command_id: str, body: bytes) -> Answer:
    headers = {"Content-Type": "application/json", "Idempotency-Key": command_id}
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 -- checked to be http when it was given
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_ATTEMPT_S) as response:
            return Answer(response.status, _json(response.read(_BYTES_MAX)))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, _json(error.read(_BYTES_MAX)))


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    return found if isinstance(found, dict) else {"detail": "it did not say why"}  # pyright: ignore[reportUnknownVariableType]
