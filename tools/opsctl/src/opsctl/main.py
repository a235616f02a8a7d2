"""The command line: its commands and options, and how every ending becomes one line and an exit code. ``docs/reference/opsctl.md`` is made of it."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Annotated, Any

import typer

from opsctl.dead_letters_app import dead_letters_app
from opsctl.demo_app import demo_app
from opsctl.events import Asked, check_entity, show_events
from opsctl.exits import MEANINGS, Exit, Stop
from opsctl.lag import Limits, show_lag
from opsctl.moments import parse_moment, parse_version_or_moment
from opsctl.owners import show_owners
from opsctl.parked_app import parked_app
from opsctl.projections_app import projections_app
from opsctl.running import run_to_end, with_servers
from opsctl.screen import Screen, one_line
from opsctl.servers import opened_admin, opened_control
from opsctl.state import show_state
from opsctl.topics import show_topics
from opsctl.where import API_VARIABLE, KAFKA_VARIABLE, POSTGRES_VARIABLE, Where
from opsroom_common.contracts.topics import EVENTS, load_topics
from opsroom_common.runtime.clock import SystemClock
from opsroom_common.runtime.logging import configure
from opsroom_domain.ids import EntityId

_DEBUG = "OPSCTL_DEBUG"

app = typer.Typer(
    name="opsctl",
    add_completion=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExit codes:\n" + "\n".join(f"  {code.value:<4} {meaning}" for code, meaning in MEANINGS.items()),
)

app.add_typer(parked_app)
app.add_typer(dead_letters_app)
app.add_typer(projections_app)
app.add_typer(demo_app)

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line, for programs.")]


@app.callback()
def opsctl(
    context: typer.Context,
    kafka: Annotated[
        str | None,
        typer.Option(envvar=KAFKA_VARIABLE, help="Brokers, host:port with commas. Default: those of make up.", show_default=False),
    ] = None,
    postgres: Annotated[
        str | None,
        typer.Option(envvar=POSTGRES_VARIABLE, help="The read model's postgresql:// URL. Default: that of make up.", show_default=False),
    ] = None,
    api: Annotated[
        str | None,
        typer.Option(envvar=API_VARIABLE, help="Where command-api takes commands. Default: that of make up.", show_default=False),
    ] = None,
) -> None:
    """Look at the log, an entity's state, the topics and the lag; decide about what is parked; build and switch projections; play a demo.

    Nothing here changes anything, but for parked retry, parked skip, dead-letters replay, those commands of projections that say so, and demo, which
    sends commands like any other client.
    """
    if context.invoked_subcommand is None:
        raise Stop(Exit.USAGE, "no command given: opsctl --help lists them")
    context.obj = Where.of(kafka, postgres, api=api)


@app.command()
def events(
    context: typer.Context,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    entity: Annotated[str | None, typer.Option(metavar="ID", help="Only this entity's; reads only its partition.")] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="TIME", help="Begin there: 2026-11-23T09:00:00Z, or 15m, 2h, 7d ago, or now. Default: the beginning."
        ),
    ] = None,
    partition: Annotated[int | None, typer.Option(metavar="P", help="Only this partition.")] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", min=0, help="Stop after N.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show voids, fences and marks too.")] = False,
    json: _Json = False,
) -> None:
    """Show what stands in the log, in the order of time.

    Only valid events are shown unless --all is given. A record that cannot be read is shown as one, with the reason. What arrives
    while following is shown as it arrives; over several partitions that is not always the order of time.
    """
    if entity is not None:
        check_entity(entity)
    moment = None if since is None else parse_moment(since, SystemClock().now())
    asked = Asked(entity=entity, partition=partition, since=moment, limit=limit, follow=follow, everything=everything)
    with_servers(context, lambda servers: show_events(servers, asked, Screen(json=json)))


@app.command()
def state(
    context: typer.Context,
    entity: Annotated[str, typer.Argument(metavar="ID", help="The entity, like inc_01k2v9q3f4e5r6t7y8z9a0b1c2.")],
    *,
    at: Annotated[str | None, typer.Option(metavar="VERSION|TIME", help="As of then: 7, 2026-11-23T09:00:00Z, or 15m ago.")] = None,
    json: _Json = False,
) -> None:
    """Fold an entity from the log alone, and compare it with its row in Postgres.

    The row is read.entities', or with --at read.entity_versions'. If the projector is not there yet it is given two seconds. Exit code 1
    if the row differs (the fields are named), is behind, or the entity is parked; 3 if the row cannot be read (the state is shown all
    the same); 4 if the log holds nothing of it.
    """
    check_entity(entity)
    clock = SystemClock()
    wanted = None if at is None else parse_version_or_moment(at, clock.now())
    with_servers(context, lambda servers: show_state(servers, EntityId(entity), wanted, clock, Screen(json=json)))


@app.command()
def topics(context: typer.Context, *, json: _Json = False) -> None:
    """Compare the topics that topics.yaml declares with those of the cluster: partitions, retention, records.

    Exit code 1 if one is missing, not as declared, or not declared at all.
    """

    async def run() -> Exit:
        async with opened_admin(context.obj) as admin:
            return await show_topics(admin, load_topics(), Screen(json=json))

    run_to_end(run)


@app.command()
def lag(
    context: typer.Context,
    *,
    behind_max: Annotated[int, typer.Option(metavar="N", min=0, help="More records than this behind is a finding.")] = 1000,
    age_max: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=0, help="A checkpoint untouched for longer is one too; the projector touches it every second."),
    ] = 10.0,
    json: _Json = False,
) -> None:
    """Show how far the projector and the signals consumer are behind the end of each partition.

    Exit code 1 if one lags, stands still, or has not begun.
    """
    with_servers(context, lambda servers: show_lag(servers, Limits(behind_max, age_max), Screen(json=json)))


@app.command()
def owners(context: typer.Context, *, json: _Json = False) -> None:
    """Show which replica of command-api takes the commands of which partition, and since when.

    It is what ops.control says: a replica that was killed stands there until another has taken over. Exit code 1 if a partition has nobody.
    """

    async def run() -> Exit:
        async with opened_control(context.obj) as control:
            return await show_owners(control, load_topics()[EVENTS].partitions, Screen(json=json))

    run_to_end(run)


def run() -> None:
    """The console script: always ends the process, without a traceback."""
    # The adapters' own words would be a second line beside ours.
    configure("opsctl", "DEBUG" if os.environ.get(_DEBUG) else "CRITICAL", sys.stderr)
    try:
        code = perform(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        code = Exit.CLOSED
        # What is still in the buffer has nowhere to go: the interpreter must not try again at its end.
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(int(code))


def perform(arguments: list[str]) -> int:
    """Run one command line; returns its exit code. Raises BrokenPipeError."""
    try:
        result: Any = app(arguments, prog_name="opsctl", standalone_mode=False)
    except Stop as stop:
        return _say(stop.code, stop.message)
    except typer.TyperException as error:
        return _say(Exit.USAGE, f"{error.format_message().rstrip('.')}; see opsctl --help")
    except (KeyboardInterrupt, typer.Abort):
        return Exit.INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        if os.environ.get(_DEBUG):
            raise
        return _say(Exit.FAULT, f"a fault of opsctl: {type(error).__name__}: {error}; report it with what {_DEBUG}=1 prints")
    return result if isinstance(result, int) else Exit.OK


def _say(code: Exit, words: str) -> Exit:
    with suppress(BrokenPipeError):
        print(f"opsctl: {one_line(words)}", file=sys.stderr)
    return code


if __name__ == "__main__":
    run()
