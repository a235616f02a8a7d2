"""A log line is one JSON object that names the service and the trace; a trace goes on from the caller's."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from opsroom_common.runtime.logging import configure, get_logger, speak_as
from opsroom_common.runtime.telemetry import Telemetry, inject

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure("command-api", "INFO", stream)
    yield stream
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def parsed(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_each_line_is_one_json_object(lines: io.StringIO) -> None:
    get_logger("engine").info("partition served", partition=3, what=object)
    get_logger("engine").debug("too quiet")
    logging.getLogger("some.library").warning("it says %s", "hello\nworld")
    first, second = parsed(lines)
    assert (first["event"], first["level"], first["service"], first["partition"], first["logger"]) == (
        "partition served",
        "info",
        "command-api",
        3,
        "engine",
    )
    assert first["at"].endswith("Z")
    assert (second["event"], second["logger"]) == ("it says hello\nworld", "some.library")


def test_an_exception_stays_on_its_line(lines: io.StringIO) -> None:
    try:
        raise ValueError("x")
    except ValueError as error:
        get_logger("a").error("failed", exc_info=error)
    assert "ValueError: x" in parsed(lines)[0]["exception"]


async def test_several_services_in_one_process_each_name_themselves(lines: io.StringIO) -> None:
    async def speak(name: str) -> None:
        speak_as(name)
        await asyncio.sleep(0)
        get_logger("x").info("hello")

    await asyncio.gather(*(asyncio.create_task(speak(name)) for name in ("projector", "gateway-ws")))
    assert {line["service"] for line in parsed(lines)} == {"projector", "gateway-ws"}


def test_an_unknown_level_says_which_there_are() -> None:
    with pytest.raises(ValueError, match="OPSROOM_LOG_LEVEL"):
        configure("x", "LOUD")


@pytest.mark.parametrize("exporter", [None, InMemorySpanExporter()])
def test_a_trace_goes_on_from_the_callers_and_stands_in_the_log(lines: io.StringIO, exporter: SpanExporter | None) -> None:
    telemetry = Telemetry("test", exporter)
    with telemetry.span("outer", CALLER):
        outer = inject()
        get_logger("a").info("inside")
        with telemetry.span("inner"):
            inner = inject()
    assert outer is not None
    assert inner is not None
    assert outer.split("-")[1] == inner.split("-")[1] == CALLER.split("-")[1]
    assert len({CALLER.split("-")[2], outer.split("-")[2], inner.split("-")[2]}) == 3
    assert parsed(lines)[0]["trace_id"] == CALLER.split("-")[1]
    assert inject() is None
    telemetry.close()


@pytest.mark.parametrize("traceparent", [None, "nonsense", "00-0-0-00"])
def test_an_invalid_caller_starts_a_new_trace(traceparent: str | None) -> None:
    telemetry = Telemetry("test")
    with telemetry.span("a", traceparent):
        one = inject()
    with telemetry.span("b", traceparent):
        two = inject()
    assert one is not None
    assert two is not None
    assert one.split("-")[1] != two.split("-")[1]
