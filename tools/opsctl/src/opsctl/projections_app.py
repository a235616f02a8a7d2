"""``opsctl projections``: its commands and options."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.exits import Exit, Stop
from opsctl.projections import do_build, do_compare, do_drop, do_roll_back, do_switch, list_projections
from opsctl.running import run_to_end
from opsctl.screen import Screen

projections_app = typer.Typer(
    name="projections",
    help="Build the rows anew beside those that are read, compare them, and switch over with no pause.",
    invoke_without_command=True,
    rich_markup_mode=None,
)

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line, for programs.")]
_Name = Annotated[str, typer.Argument(metavar="NAME", help="The projection, like read_v2.")]
_Within = Annotated[float, typer.Option(metavar="SECONDS", min=1, max=3600, help="Give up after this long; nothing is changed then.")]
_Hold = Annotated[float, typer.Option(metavar="SECONDS", min=0.1, max=10, help="How long new events may wait for their rows.")]


@projections_app.callback()
def projections(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        raise Stop(Exit.USAGE, "no command given: opsctl projections --help lists them")


@projections_app.command(name="list")
def list_(context: typer.Context, *, json: _Json = False) -> None:
    """Show the projections: which one is live, how far each is, by which fold it was made, and what a comparison found.

    Needs Postgres only. Exit code 1 if one has failed.
    """
    run_to_end(lambda: list_projections(context.obj, Screen(json=json)))


@projections_app.command()
def build(
    context: typer.Context,
    *,
    follow: Annotated[bool, typer.Option("--follow", help="Go on following the log until it is switched in, or until Ctrl-C.")] = False,
    json: _Json = False,
) -> None:
    """Build a projection beside the live one, by this release's code, and show how far it is. It changes nothing that anybody reads.

    A build that was ended, killed, or lost its servers goes on where it was when the command is given again. It fails, for good, at the
    first record that this code cannot handle and the live projection could, and at any other error: then mend the code and drop it.
    """
    run_to_end(lambda: do_build(context.obj, Screen(json=json), follow=follow))


@projections_app.command()
def compare(context: typer.Context, name: _Name, *, json: _Json = False) -> None:
    """Compare a projection that is ready with the live one, and note what was found: only a sound one can be switched in.

    If both are of the same fold, all rows of each partition have to be equal at one checkpoint. If the fold is another one, rows differ by
    intent: then every row is compared with a fold of the log in memory, and the output says so. Exit code 1 if anything differs.
    """
    run_to_end(lambda: do_compare(context.obj, name, Screen(json=json)))


@projections_app.command()
def switch(context: typer.Context, name: _Name, *, within: _Within = 60.0, hold: _Hold = 2.0, json: _Json = False) -> None:
    """Let readers see another projection, in one transaction. It must be ready and sound; it catches up by itself first.

    Reads and commands go on; new events wait for their rows for as long as is printed. Every open board takes a fresh snapshot.
    """
    run_to_end(lambda: do_switch(context.obj, name, Screen(json=json), within_s=within, hold_s=hold))


@projections_app.command()
def rollback(context: typer.Context, *, within: _Within = 60.0, hold: _Hold = 2.0, json: _Json = False) -> None:
    """Switch back to the projection that was live before. It catches up first. Needs the release whose fold made it."""
    run_to_end(lambda: do_roll_back(context.obj, Screen(json=json), within_s=within, hold_s=hold))


@projections_app.command()
def drop(context: typer.Context, name: _Name, *, json: _Json = False) -> None:
    """Drop a projection with all of its rows. The live one is refused."""
    run_to_end(lambda: do_drop(context.obj, name, Screen(json=json)))
