"""Rows as files: CSV for spreadsheets, one JSON object a line for programs. Both are written row by row."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import Any, Final

import orjson
from pydantic import BaseModel

from gateway_ws.queries.source import ShownRow

_FIRST: Final = ("id", "code", "kind", "title", "status", "assignee", "created_at", "updated_at", "updated_by", "version")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""How a text begins that a spreadsheet would run."""


class Format(StrEnum):
    """What an export is written as."""

    CSV = "csv"
    NDJSON = "ndjson"


CONTENT_TYPES: Final = {Format.CSV: "text/csv; charset=utf-8; header=present", Format.NDJSON: "application/x-ndjson"}


def columns_of(row: type[BaseModel]) -> list[str]:
    """The columns of a kind's CSV: one for each member of its rows, those that all kinds have first."""
    members = sorted(row.model_fields)
    return [name for name in _FIRST if name in members] + [name for name in members if name not in _FIRST]


async def written(parts: AsyncIterator[Sequence[ShownRow]], form: Format, columns: Sequence[str]) -> AsyncIterator[bytes]:
    """The file, in pieces that may be sent as they come. The first one comes once the first rows are there."""
    head = _lines([columns]) if form is Format.CSV else b""
    async for part in parts:
        match form:
            case Format.CSV:
                yield head + _lines([_cells(orjson.loads(row.json), columns) for row in part])
            case Format.NDJSON:
                yield b"".join(row.json + b"\n" for row in part)
        head = b""
    yield head


def cell(value: Any) -> str:
    """A member of a row as a spreadsheet takes it: a list of texts is joined, what is nested is JSON, and no text is a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        text = value
    elif isinstance(value, list) and all(isinstance(member, str) for member in value):  # pyright: ignore[reportUnknownVariableType]
        text = "; ".join(value)  # pyright: ignore[reportUnknownArgumentType]
    else:
        text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    return f"'{text}" if text.startswith(_FORMULA) else text


def _cells(row: dict[str, Any], columns: Sequence[str]) -> list[str]:
    return [cell(row.get(name)) for name in columns]


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()
