"""Writes the API's description: ``python -m gateway_ws.openapi [FILE]``, by default ``schemas/openapi/gateway-ws.json``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import orjson
from prometheus_client import CollectorRegistry

from gateway_ws.main import application
from gateway_ws.metrics import GatewayMetrics
from gateway_ws.past.store import PastStore
from gateway_ws.queries.boards import Boards
from gateway_ws.queries.codes import Codes
from gateway_ws.queries.live_rows import LiveRows
from gateway_ws.queries.parked import ParkedEntities
from gateway_ws.queries.read_your_writes import ReadYourWrites
from opsroom_common.auth.dev import NoIdentities
from opsroom_common.http.problems import CONTENT_TYPE
from opsroom_common.postgres.pool import Pool
from opsroom_common.runtime.clock import SystemClock
from opsroom_common.runtime.metrics import Metrics

_DEFAULT: Final = Path("schemas/openapi/gateway-ws.json")
_NOT_OURS: Final = ("HTTPValidationError", "ValidationError")


def describe() -> dict[str, Any]:
    """The OpenAPI description of the queries."""
    # Nothing of it is ever asked: only the routes count.
    pool, metrics = Pool(None), GatewayMetrics(Metrics(CollectorRegistry()))
    rows = LiveRows(pool, pool, metrics, SystemClock())
    boards, writes = Boards(rows, PastStore(pool, pool, metrics)), ReadYourWrites(rows, SystemClock(), 0)
    description = application(boards, NoIdentities(), writes, Codes(pool, metrics), ParkedEntities(pool, metrics)).openapi()
    for path in description["paths"].values():
        for operation in path.values():
            _correct(operation["responses"])
    for name in _NOT_OURS:
        description["components"]["schemas"].pop(name, None)
    return description


def _correct(responses: dict[str, Any]) -> None:
    """FastAPI says 422 and application/json where we answer 400 and problem+json."""
    responses.pop("422", None)
    for status, response in responses.items():
        if status == "200" and len(response["content"]) > 1:
            # A file has a content type of its own.
            response["content"].pop("application/json", None)
        if status >= "4" and "content" in response:
            response["content"] = {CONTENT_TYPE: response["content"]["application/json"]}


def write(file: Path) -> None:
    """Write the description, keys sorted, so that a difference is a change."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(orjson.dumps(describe(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE))


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else _DEFAULT)
