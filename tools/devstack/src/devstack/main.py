"""The command ``devstack``: ``up``, ``servers``, ``status``, ``reset``, ``test``.

Exit codes: 0 done or stopped on request, 1 refused or failed (one line says why), 2 wrong usage, 3 ``status`` of a stack that does not run.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from devstack.claim import Claim
from devstack.errors import DevstackError
from devstack.layers import run_layers
from devstack.paths import ROOT, home
from devstack.reset import wipe
from devstack.topics import ensure_topics
from devstack.up import run_stack
from opsroom_common.contracts.topics import load_topics

_NOT_RUNNING = 3

app = typer.Typer(
    name="devstack", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Runs Opsroom on this machine."
)


@app.command()
def up() -> None:
    """Start Kafka, Postgres, Redis and all services; stay in the foreground; Ctrl-C stops everything."""
    raise typer.Exit(run_stack(home(), services=True))


@app.command()
def servers() -> None:
    """Start Kafka, Postgres and Redis only, and say how to reach them."""
    raise typer.Exit(run_stack(home(), services=False))


@app.command()
def status() -> None:
    """Say what runs; exit code 3 when nothing does."""
    members = Claim(home()).members()
    alive = {name: member for name, member in members.items() if member.lives()}
    for name, member in members.items():
        print(f"{name:<12} {'runs ' if name in alive else 'is gone'} pid {member.pid} {member.where}")
    if not alive:
        print(f"no stack runs on {home()}: start it with make up")
        raise typer.Exit(_NOT_RUNNING)


@app.command()
def reset(*, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Wipe the data of the stack: all events, rows and feeds. Refused while it runs."""
    folder = home()
    if not yes:
        if not sys.stdin.isatty():
            raise DevstackError(f"reset wipes {folder} and asks first, but nobody can answer here: use --yes")
        typer.confirm(f"Wipe all data in {folder}?", abort=True)
    removed = wipe(folder)
    print(f"wiped {', '.join(removed)} in {folder}" if removed else f"nothing to wipe in {folder}")


@app.command()
def topics(bootstrap: Annotated[str, typer.Option(envvar="OPSROOM_KAFKA", help="host:port of a broker.")]) -> None:
    """Make the topics of topics.yaml that are missing; refuse when one has another partition count."""
    ensured = asyncio.run(ensure_topics(bootstrap, load_topics()))
    for name in ensured.made:
        print(f"made   {name}")
    for name in ensured.there:
        print(f"there  {name}")


@app.command("test")
def run_tests(
    layers: Annotated[list[str] | None, typer.Argument(help="Layers to run; all when none is named.")] = None,
) -> None:
    """Run the tests, layer by layer, on one set of servers on free ports."""
    raise typer.Exit(run_layers(ROOT, layers or []))


def run() -> None:
    """The console script."""
    try:
        app()
    except DevstackError as error:
        print(f"devstack: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("devstack: stopped", file=sys.stderr)
        sys.exit(130)
