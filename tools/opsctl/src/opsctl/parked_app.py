"""``opsctl parked``: its commands and options."""

from __future__ import annotations

from typing import Annotated

import typer

from opsctl.events import check_entity
from opsctl.exits import Exit, Stop
from opsctl.parked import list_parked, retry_parked, show_parked, skip_parked
from opsctl.running import with_servers
from opsctl.screen import Screen
from opsroom_common.runtime.ids import SystemIds
from opsroom_domain.ids import EntityId

parked_app = typer.Typer(
    name="parked",
    help="Entities that are set aside because of a record that cannot be handled.",
    invoke_without_command=True,
    rich_markup_mode=None,
)

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line, for programs.")]
_Limit = Annotated[int, typer.Option(metavar="N", min=1, max=10_000, help="Show at most so many.")]
_Entity = Annotated[str, typer.Argument(metavar="ID", help="The entity, like inc_01k2v9q3f4e5r6t7y8z9a0b1c2.")]


@parked_app.callback()
def parked(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        raise Stop(Exit.USAGE, "no command given: opsctl parked --help lists them")


@parked_app.command("list")
def parked_list(context: typer.Context, *, limit: _Limit = 100, json: _Json = False) -> None:
    """Show which entities are parked, since when, at which record and why; the oldest first.

    Exit code 1 if there is one.
    """
    with_servers(context, lambda servers: list_parked(servers, limit, Screen(json=json)))


@parked_app.command("show")
def parked_show(context: typer.Context, entity: _Entity, *, json: _Json = False) -> None:
    """Show one parked entity: the record that it waits for, what waits behind it, what can be done, and what was skipped before.

    Exit code 1 if it is parked, 4 if it is not and nothing of it was ever skipped.
    """
    check_entity(entity)
    with_servers(context, lambda servers: show_parked(servers, EntityId(entity), Screen(json=json)))


@parked_app.command("retry")
def parked_retry(
    context: typer.Context,
    entity: Annotated[str | None, typer.Argument(metavar="ID", help="The entity; or --all.", show_default=False)] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All that are parked.")] = False,
    json: _Json = False,
) -> None:
    """Have the running projector try again: for a projector, or a database, that can handle the record by now.

    It is not in the log. Exit code 1 if the entity is parked still, with the reason; 3 if no projector took it within 20 seconds.
    """
    if (entity is None) is not everything:
        raise Stop(Exit.USAGE, "name one entity, or say --all")
    if entity is not None:
        check_entity(entity)
    with_servers(context, lambda servers: retry_parked(servers, None if entity is None else EntityId(entity), Screen(json=json)))


@parked_app.command("skip")
def parked_skip(
    context: typer.Context,
    entity: _Entity,
    *,
    offset: Annotated[int, typer.Option(metavar="N", min=0, help="Of the record, as parked show says: so that no other is skipped.")],
    reason: Annotated[str, typer.Option(metavar="WORDS", help="Why; it stands in the log for ever.")],
    json: _Json = False,
) -> None:
    """Skip the record that the entity is parked at: it does not count any more, for any reader and in every rebuild.

    What waits behind it is folded. This cannot be taken back. Exit code 1 if command-api refuses, or if the entity is parked again at a later
    record; 3 if command-api or the projector does not answer.
    """
    check_entity(entity)
    with_servers(context, lambda servers: skip_parked(servers, EntityId(entity), offset, reason, SystemIds(), Screen(json=json)))
