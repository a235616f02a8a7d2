"""Logs: one JSON object a line on stdout, with the time, the service, and the trace ids of the work at hand.

Libraries that use the standard ``logging`` module come out in the same form.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO

import orjson
import structlog
from opentelemetry import trace
from structlog.contextvars import bind_contextvars, merge_contextvars
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

# Say much and nothing that an operator can act on below this level.
_QUIET_LIBRARIES = ("asyncio", "uvicorn", "uvicorn.error", "httpx", "httpcore")
# While a broker is away it says so dozens of times a second; our adapters say it once, with what to do.
_SILENT_LIBRARIES = ("aiokafka",)


def configure(service: str, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Set up logging for this process. ``level`` is a standard name; raises ValueError with the allowed ones if it is unknown."""
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"log level {level!r} is unknown; set OPSROOM_LOG_LEVEL to DEBUG, INFO, WARNING or ERROR")
    shared: list[Processor] = [
        merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _default_service(service),
        _trace_ids,
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _to_json],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(number)
    for name in _QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    for name in _SILENT_LIBRARIES:
        logging.getLogger(name).setLevel(logging.CRITICAL if number > logging.DEBUG else number)


def get_logger(name: str) -> FilteringBoundLogger:
    """A logger; ``name`` is the part of the code that speaks. Log opaque ids and codes, never names, addresses or free text."""
    logger: FilteringBoundLogger = structlog.get_logger(name)
    return logger


def speak_as(service: str) -> None:
    """From here on, lines of this task and the tasks that it starts name ``service``: for several services in one process."""
    bind_contextvars(service=service)


def _default_service(service: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event.setdefault("service", service)
        return event

    return add


def _trace_ids(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
        event["span_id"] = trace.format_span_id(context.span_id)
    return event


def _to_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    ordered: dict[str, Any] = {"at": event.pop("at", None), "level": event.pop("level", None), "event": event.pop("event", None)}
    return orjson.dumps({**ordered, **event}, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
