"""``GET /v1/COLLECTION`` and below, for one kind: its list, one entity, its timeline."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway_ws.queries import cursor
from gateway_ws.queries.answering import (
    PRIVATE,
    REFUSALS,
    UNCHANGED,
    UNKNOWN,
    QueryRoute,
    available,
    check_id,
    collection_door,
    entity_door,
    entity_tag,
    list_tag,
    not_modified,
    unknown,
    when,
)
from gateway_ws.queries.asked import After, Page
from gateway_ws.queries.boards import Boards
from gateway_ws.queries.fields import listing
from gateway_ws.queries.models import Timeline, detail_model, list_model
from gateway_ws.queries.parameters import ListParameters, OneParameters, TimelineParameters, list_parameters, sort_of, wanted_of
from gateway_ws.queries.read_your_writes import ReadYourWrites
from gateway_ws.queries.row_models import row_model
from opsroom_common.auth.identity import Identities
from opsroom_common.http.json import json_response
from opsroom_domain.decider import Kind


class KindDoors:
    """The doors of one kind. Every one asks who the caller is first. Raises what deriving them from the kind raises: NoSample, ValueError."""

    def __init__(self, kind: Kind[Any, Any, Any], boards: Boards, identities: Identities, writes: ReadYourWrites) -> None:
        self._kind = kind
        self._listing = listing(kind)
        self._what = kind.name.replace("_", " ")
        self._boards = boards
        self._identities = identities
        self._writes = writes

    def router(self) -> APIRouter:
        """The routes."""
        kind, collection, what = self._kind, self._kind.collection, self._what
        row = row_model(kind)
        router = APIRouter(prefix=f"/v1/{collection}", tags=[collection], route_class=QueryRoute)
        router.add_api_route(
            "",
            collection_door(self.list, list_parameters(self._listing)),
            name=f"list_{collection}",
            response_model=list_model(kind.name, row),
            responses={**REFUSALS, **UNCHANGED},
            summary=f"All {collection}",
        )
        router.add_api_route(
            "/{entity_id}",
            entity_door(self.one, OneParameters),
            name=f"one_{kind.name}",
            response_model=detail_model(kind.name, row),
            responses={**REFUSALS, **UNKNOWN, **UNCHANGED},
            summary=f"One {what}",
        )
        router.add_api_route(
            "/{entity_id}/timeline",
            entity_door(self.timeline, TimelineParameters),
            name=f"{kind.name}_timeline",
            response_model=Timeline,
            responses={**REFUSALS, **UNKNOWN},
            summary="Who did what, when",
        )
        return router

    async def list(self, request: Request, asked: ListParameters) -> Response:
        viewer = self._identities.of(request.headers)
        # One more than asked for tells whether there is a next page.
        wanted, sort = wanted_of(asked, self._listing), sort_of(asked, self._listing)
        page = Page(wanted=wanted, sort=sort, limit=asked.limit + 1, as_of=asked.as_of)
        if asked.cursor is not None:
            page = replace(page, after=cursor.decode(asked.cursor, page))
        await available(self._writes.wait(asked.wait_for))
        snapshot = await available(self._boards.of(asked).page(page, viewer))
        shown = snapshot.rows[: asked.limit]
        more = len(snapshot.rows) > asked.limit
        following = cursor.encode(After(shown[-1].key, shown[-1].entity_id), page) if more else None
        tag = list_tag(snapshot, following, viewer.role)
        if (unchanged := not_modified(request.headers, tag)) is not None:
            return unchanged
        body = {"items": [orjson.Fragment(row.json) for row in shown], "next": following, **when(snapshot, viewer.role)}
        return json_response(body, headers={**PRIVATE, "ETag": tag})

    async def one(self, request: Request, entity_id: str, asked: OneParameters) -> Response:
        viewer = self._identities.of(request.headers)
        check_id(entity_id, self._what, self._kind.collection)
        await available(self._writes.wait(asked.wait_for))
        snapshot = await available(self._boards.one(self._kind.name, entity_id, asked, viewer))
        if not snapshot.rows:
            raise unknown(entity_id, self._what, self._kind.collection)
        row = snapshot.rows[0]
        tag = entity_tag(snapshot, viewer.role)
        if (unchanged := not_modified(request.headers, tag)) is not None:
            return unchanged
        body = {"item": orjson.Fragment(row.json), "version": row.version, **when(snapshot, viewer.role)}
        return json_response(body, headers={**PRIVATE, "ETag": tag})

    async def timeline(self, request: Request, entity_id: str, asked: TimelineParameters) -> Response:
        viewer = self._identities.of(request.headers)
        check_id(entity_id, self._what, self._kind.collection)
        await available(self._writes.wait(asked.wait_for))
        page = await available(self._boards.of(asked).timeline(self._kind.name, entity_id, asked.after, asked.limit, viewer))
        if page is None:
            raise unknown(entity_id, self._what, self._kind.collection)
        last = page.items[-1]["version"] if page.items else page.version
        body = {"items": page.items, "version": page.version, "next": last if last < page.version else None}
        return json_response(body, headers=PRIVATE)
