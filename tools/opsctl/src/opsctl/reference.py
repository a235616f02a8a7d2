"""``python -m opsctl.reference`` prints ``docs/reference/opsctl.md``, made from the command line itself; a test compares the two."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer.main

from opsctl.exits import MEANINGS
from opsctl.main import app

_HEAD = """# opsctl

<!-- Made by `python -m opsctl.reference` from the command line itself. Change it there. -->
"""


def page() -> str:
    """The whole page, in Markdown."""
    group: Any = typer.main.get_command(app)
    parts = [_HEAD, _words(group.help), "", "```text\nopsctl [OPTIONS] COMMAND [ARGS]...\n```", "", *_table(group), ""]
    for name, command in _commands(group):
        parts += [f"## opsctl {name}", "", _words(command.help), "", f"```text\n{_usage(name, command)}\n```", "", *_table(command), ""]
    parts += [*_exit_codes(), "", _OUTPUT]
    return "\n".join(parts).rstrip() + "\n"


def _commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every command with its whole name; a group of commands comes before its own."""
    for name, command in group.commands.items():
        yield f"{before}{name}", command
        yield from _commands(command, f"{before}{name} ") if hasattr(command, "commands") else ()


_OUTPUT = """## Output

Results go to standard output, everything else to standard error: an error is one line that says what to do. Times are UTC.

With `--json` each line is one JSON object: an event, an entity, a topic, or one reader in one partition. A terminal of fewer than 140
columns gets two lines for an event; what does not fit is cut there, and never in a pipe. `NO_COLOR=1` switches colours off.
`OPSCTL_DEBUG=1` adds the adapters' own logs, and the traceback of a fault.

`opsctl events --from` begins to read at once where the projector has stored the fences. Without Postgres the log is read from its
beginning, to know which term was valid, and a line says so.

`opsctl parked skip` repeats the command with one id until it is told what became of it. Without a sign-in of its own it is who command-api takes
a caller for (`OPSROOM_DEV_IDENTITY`), which has to be an admin.

`opsctl state` compares every column of `read.entities` (state, memory of commands, tags, what lists sort by) and whether the entity is
parked; with `--at`, every column of `read.entity_versions` but `valid_to`. It needs the release of opsctl whose rules made the rows, and
says so if it is another.
"""


def _exit_codes() -> Iterator[str]:
    yield "## Exit codes"
    yield ""
    yield "| code | meaning |"
    yield "|---|---|"
    for code, meaning in MEANINGS.items():
        yield f"| {code.value} | {meaning} |"


def _table(command: Any) -> Iterator[str]:
    yield "| option | meaning | default |"
    yield "|---|---|---|"
    for param in command.params:
        yield f"| {_names(param)} | {_meaning(param)} | {_default(param)} |"
    yield "| `-h`, `--help` | Show the help and exit. | |"


def _names(param: Any) -> str:
    if param.param_type_name == "argument":
        return f"`{_escaped(param.metavar)}`"
    metavar = "" if getattr(param, "is_flag", False) else f" {_escaped(param.metavar or 'TEXT')}"
    return ", ".join(f"`{name}{metavar}`" for name in sorted(param.opts, key=len))


def _meaning(param: Any) -> str:
    variable = f" Environment: `{param.envvar}`." if param.envvar else ""
    return f"{_escaped(param.help or '')}{variable}"


def _default(param: Any) -> str:
    default = param.default
    return "" if param.required or default is None or default is False else f"`{default}`"


def _usage(name: str, command: Any) -> str:
    arguments = [param.metavar for param in command.params if param.param_type_name == "argument"]
    asks = ["COMMAND", "[ARGS]..."] if hasattr(command, "commands") else ["[OPTIONS]"]
    return " ".join(["opsctl", name, *asks, *arguments])


def _words(text: str | None) -> str:
    return inspect.cleandoc(text or "")


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")
