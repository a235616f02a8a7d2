"""What a command prints: one JSON object a line for programs, or text for people, who may be tired and on a narrow terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import orjson
from rich.console import Console
from rich.text import Text

from opsroom_domain.text import fitted_line

_PIPED_WIDTH = 200
_FLAGS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


class _Console(Console):
    """rich's, which leaves it to us what becomes of a closed pipe."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class Screen:
    """Standard output in one of two forms, and standard error for notes. ``json`` prints nothing but JSON on standard output."""

    def __init__(self, *, json: bool) -> None:
        self.json = json
        out = _Console(highlight=False, markup=False, emoji=False)
        # A pipe has no width: nothing must be cut or folded there.
        self.out = out if out.is_terminal else _Console(highlight=False, markup=False, emoji=False, width=_PIPED_WIDTH)
        self.error = _Console(stderr=True, highlight=False, markup=False, emoji=False)

    @property
    def width(self) -> int | None:
        """Columns of the terminal; None if the output goes elsewhere."""
        return self.out.width if self.out.is_terminal else None

    def object(self, value: Mapping[str, Any]) -> None:
        """One line of JSON, at once."""
        sys.stdout.write(orjson.dumps(value, default=_plain, option=_FLAGS).decode() + "\n")
        sys.stdout.flush()

    def line(self, *parts: str | Text) -> None:
        """One line of text, folded by the terminal alone."""
        if self.out.is_terminal:
            self.out.print(*parts, soft_wrap=True)
        else:
            sys.stdout.write(" ".join(str(part) for part in parts).rstrip() + "\n")

    def note(self, words: str) -> None:
        """One line on standard error: nothing is wrong with the command, but there is something to know."""
        self.error.print(f"opsctl: {one_line(words)}", style="yellow", soft_wrap=True)

    def flush(self) -> None:
        sys.stdout.flush()


def one_line(words: str) -> str:
    """As it may be shown: no line breaks, no control characters that would move a terminal."""
    return fitted_line(words, 2_000)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if isinstance(value, frozenset | set):
        return sorted(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return str(value)
