"""``GET /v1/COLLECTION`` and below, for one kind: its list, counts and export, one entity, its timeline and comments."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any, cast

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

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
from gateway_ws.queries.export import CONTENT_TYPES, columns_of, written
from gateway_ws.queries.fields import listing
from gateway_ws.queries.models import Comments, FacetsShown, Timeline, detail_model, list_model
from gateway_ws.queries.parameters import (
    CommentsParameters,
    ExportParameters,
    FacetParameters,
    ListParameters,
    OneParameters,
    TimelineParameters,
    export_parameters,
    facet_parameters,
    facets_of,
    list_parameters,
    sort_of,
    wanted_of,
)
from gateway_ws.queries.read_your_writes import ReadYourWrites
from gateway_ws.queries.row_models import row_model
from gateway_ws.queries.source import Count
from gateway_ws.queries.views import view_of
from opsroom_common.auth.identity import Identities
from opsroom_common.http.json import json_response
from opsroom_domain.decider import Kind


class KindDoors:
    """The doors of one kind. Every one asks who the caller is first. Raises what deriving them from the kind raises: NoSample, ValueError."""

    def __init__(self, kind: Kind[Any, Any, Any], boards: Boards, identities: Identities, writes: ReadYourWrites) -> None:
        self._kind = kind
        self._listing = listing(kind)
        self._row = row_model(kind)
        self._columns = columns_of(self._row)
        self._what = kind.name.replace("_", " ")
        self._boards = boards
        self._identities = identities
        self._writes = writes

    def router(self) -> APIRouter:
        """The routes."""
        kind, collection, what = self._kind, self._kind.collection, self._what
        row = self._row
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
            "/facets",
            collection_door(self.facets, facet_parameters(self._listing)),
            name=f"count_{collection}",
            response_model=FacetsShown,
            responses=REFUSALS,
            summary=f"How many {collection} there are, in all and by value",
        )
        router.add_api_route(
            ":export",
            collection_door(self.export, export_parameters(self._listing)),
            name=f"export_{collection}",
            response_class=Response,
            responses={200: {"content": {content: {} for content in CONTENT_TYPES.values()}}, **REFUSALS},
            summary=f"All {collection} that pass, as a file, the oldest first",
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
        router.add_api_route(
            "/{entity_id}/comments",
            entity_door(self.comments, CommentsParameters),
            name=f"{kind.name}_comments",
            response_model=Comments,
            responses={**REFUSALS, **UNKNOWN},
            summary="Its comments, as they read now",
        )
        return router

    async def list(self, request: Request, asked: ListParameters) -> Response:
        viewer = self._identities.of(request.headers)
        # One more than asked for tells whether there is a next page.
        how, named = self._listing, asked.model_fields_set
        view = await view_of(self._boards.live, asked.view, how, viewer)
        wanted, sort = view.narrow(wanted_of(asked, how), how, named), view.order(sort_of(asked, how), how, named)
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

    async def comments(self, request: Request, entity_id: str, asked: CommentsParameters) -> Response:
        viewer = self._identities.of(request.headers)
        check_id(entity_id, self._what, self._kind.collection)
        await available(self._writes.wait(asked.wait_for))
        page = await available(self._boards.of(asked).comments(self._kind.name, entity_id, asked.after, asked.limit, viewer))
        if page is None:
            raise unknown(entity_id, self._what, self._kind.collection)
        body = {"items": page.items, "version": page.version, "next": page.items[-1]["id"] if page.more else None}
        return json_response(body, headers=PRIVATE)

    async def facets(self, request: Request, asked: FacetParameters) -> Response:
        viewer = self._identities.of(request.headers)
        how, named = self._listing, asked.model_fields_set
        view = await view_of(self._boards.live, asked.view, how, viewer)
        wanted = view.narrow(wanted_of(asked, how), how, named)
        facets = [replace(facet, wanted=view.narrow(facet.wanted, how, {*named, name})) for name, facet in facets_of(asked, how).items()]
        await available(self._writes.wait(asked.wait_for))
        counted = await available(self._boards.of(asked).facets(wanted, facets, viewer))
        shown = {
            name: {"values": [{"value": value, **_count(count)} for value, count in facet.counts], "complete": facet.complete}
            for name, facet in zip(dict.fromkeys(asked.facet), counted.facets, strict=True)
        }
        return json_response(
            {"total": _count(counted.total), "facets": shown, "as_of": counted.as_of, "past": counted.past}, headers=PRIVATE
        )

    async def export(self, request: Request, asked: ExportParameters) -> Response:
        viewer = self._identities.of(request.headers)
        await available(self._writes.wait(asked.wait_for))
        view = await view_of(self._boards.live, asked.view, self._listing, viewer)
        rows = self._boards.of(asked).all_rows(view.narrow(wanted_of(asked, self._listing), self._listing, asked.model_fields_set), viewer)
        pieces = written(rows, asked.format, self._columns)
        # The first piece comes before the answer begins, so that a failure up to here is told as one.
        first = await available(anext(pieces))
        headers = {**PRIVATE, "Content-Disposition": f'attachment; filename="{self._kind.collection}.{asked.format}"'}
        return StreamingResponse(_after(first, pieces), media_type=CONTENT_TYPES[asked.format], headers=headers)


async def _after(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Ends the rows' transaction with the answer, also when the client goes away."""
    async with aclosing(cast("AsyncGenerator[bytes]", rest)):
        yield first
        async for piece in rest:
            yield piece


def _count(count: Count) -> dict[str, object]:
    return {"count": count.number, "exact": count.exact, "shown": f"{count.number:,}{'' if count.exact else '+'}"}
