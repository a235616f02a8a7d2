"""``opsctl dead-letters``: its commands and options."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from opsctl.dead_letters import Letters, list_letters, opened_letters, replay_letters
from opsctl.exits import Exit, Stop
from opsctl.running import run_to_end
from opsctl.screen import Screen
from opsroom_common.runtime.clock import SystemClock

dead_letters_app = typer.Typer(
    name="dead-letters",
    help="Signals that could not be handled, in ops.signals.dlq.",
    invoke_without_command=True,
    rich_markup_mode=None,
)

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line, for programs.")]
_Limit = Annotated[int, typer.Option(metavar="N", min=1, max=10_000, help="Show at most so many.")]
_Containing = Annotated[str, typer.Option("--error", metavar="TEXT", help="Only letters whose error contains this, like an entity's id.")]


@dead_letters_app.callback()
def dead_letters(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        raise Stop(Exit.USAGE, "no command given: opsctl dead-letters --help lists them")


@dead_letters_app.command("list")
def dead_letters_list(context: typer.Context, *, error: _Containing = "", limit: _Limit = 100, json: _Json = False) -> None:
    """Show the signals that were put aside and not put back yet, with the error; the oldest first.

    Exit code 1 if there is one.
    """
    _with_letters(context, lambda letters: list_letters(letters, error, limit, Screen(json=json)))


@dead_letters_app.command("replay")
def dead_letters_replay(
    context: typer.Context,
    offsets: Annotated[list[int] | None, typer.Argument(metavar="OFFSET...", help="The letters; or --all.", show_default=False)] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All that wait, or with --error all of these.")] = False,
    error: _Containing = "",
    json: _Json = False,
) -> None:
    """Put signals back into ops.signals, as they came. One that was handled meanwhile, or is put back twice, changes nothing.

    A signal that fails again is put aside again, as a new letter.
    """
    if bool(offsets) is everything:
        raise Stop(Exit.USAGE, "name the offsets of the letters, or say --all")
    _with_letters(context, lambda letters: replay_letters(letters, offsets or (), error, SystemClock(), Screen(json=json)))


def _with_letters(context: typer.Context, work: Callable[[Letters], Awaitable[Exit]]) -> None:
    async def run() -> Exit:
        async with opened_letters(context.obj) as letters:
            return await work(letters)

    run_to_end(run)
