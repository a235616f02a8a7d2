"""The doors of saved views. Those of system views stand apart, because only an admin may use them."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from command_api.api.doors import bodies as b
from command_api.api.doors.door import Asked, Door, create, post
from command_api.api.doors.shared import shared_doors
from opsroom_common.http.json import StrictBody
from opsroom_domain.entities import view as v
from opsroom_domain.entities.view import Scope

KIND = "view"
ViewId = Annotated[str, AfterValidator(b.id_with("viw", "a view id")), Field(examples=["viw_01kb3f9ph0e5wrt8z2v6q4n7xd"])]
_INT_MAX = 2**31 - 1


class ViewColumn(StrictBody):
    name: str = Field(description="A key of the row.", examples=["title"])
    width: int | None = Field(default=None, ge=0, le=_INT_MAX, description="Pixels; null: as the screen likes.")
    pinned: bool = False
    hidden: bool = False


class ViewDefinition(StrictBody):
    title: str
    filters: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="Tag -> its values, one of which a row must have.", examples=[{"status": ["open"]}]
    )
    search: str = Field(default="", description="As the list's q.")
    sort: str = Field(default="-updated", description="As the list's sort.")
    columns: tuple[ViewColumn, ...] = ()
    group_by: str | None = Field(default=None, description="A tag.")
    position: int = Field(default=0, ge=0, le=_INT_MAX, description="Among the views of its scope.")


class ViewCreateBody(StrictBody):
    id: ViewId = Field(description="Minted by the client, so that a retried create finds itself.")
    of: str = Field(description="The kind whose list it shows.", examples=["incident"])
    scope: Scope = Field(default=Scope.PERSONAL, description="personal or team")
    team: b.TeamId | None = None
    definition: ViewDefinition


class SystemViewCreateBody(StrictBody):
    id: ViewId
    of: str = Field(description="The kind whose list it shows.", examples=["incident"])
    definition: ViewDefinition


class ViewChangeBody(b.SeenToBody[ViewDefinition]):
    """Each part that differs between ``seen`` and ``to`` is changed; parts that others changed meanwhile stay as they are."""


class ViewShareBody(b.SeenToBody[Scope]):
    team: b.TeamId | None = Field(default=None, description="With the scope team: whose it is from now on.")


def _definition(x: ViewDefinition) -> v.Definition:
    return v.Definition(
        title=x.title,
        filters=tuple(v.FilterOn(field=name, values=values) for name, values in x.filters.items()),
        search=x.search,
        sort=x.sort,
        columns=tuple(v.Column(name=c.name, width=c.width, pinned=c.pinned, hidden=c.hidden) for c in x.columns),
        group_by=x.group_by,
        position=x.position,
    )


def _create(a: Asked, x: ViewCreateBody) -> v.Create:
    return v.Create(**a.common, view_id=a.entity_id, of=x.of, scope=x.scope, team=x.team, definition=_definition(x.definition))


def _create_system(a: Asked, x: SystemViewCreateBody) -> v.CreateSystem:
    return v.CreateSystem(**a.common, view_id=a.entity_id, of=x.of, definition=_definition(x.definition))


def _change(a: Asked, x: ViewChangeBody) -> v.Change:
    return v.Change(**a.common, seen=_definition(x.seen), definition=_definition(x.to))


def _change_system(a: Asked, x: ViewChangeBody) -> v.ChangeSystem:
    return v.ChangeSystem(**a.common, seen=_definition(x.seen), definition=_definition(x.to))


def _share(a: Asked, x: ViewShareBody) -> v.Share:
    return v.Share(**a.common, seen=x.seen, scope=x.to, team=x.team)


DOORS: tuple[Door[Any], ...] = (
    *shared_doors(KIND),
    create(KIND, "create", ViewCreateBody, _create, "Save a view, for oneself or for a team"),
    replace(create(KIND, "create_system", SystemViewCreateBody, _create_system, "Save a view for everybody"), path="/v1/views:system"),
    post(KIND, "change", "change", ViewChangeBody, _change, "Change parts of a view"),
    post(KIND, "change_system", "system/change", ViewChangeBody, _change_system, "Change parts of a view that is everybody's"),
    post(KIND, "share", "share", ViewShareBody, _share, "Give one's own view to a team, or take it back"),
    post(KIND, "archive_system", "system/archive", b.ArchiveBody, lambda a, _: v.ArchiveSystem(**a.common), "Archive everybody's view"),
    post(KIND, "restore_system", "system/restore", b.RestoreBody, lambda a, _: v.RestoreSystem(**a.common), "Restore everybody's view"),
)
