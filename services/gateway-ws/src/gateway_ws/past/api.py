"""``GET /v1/COLLECTION/{id}/history`` of every kind, and ``GET /v1/activity`` across entities."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gateway_ws.past.activity import asked_for, encode
from gateway_ws.past.models import Activity, ActivityParameters, History, HistoryParameters
from gateway_ws.past.store import PastStore, activity_item, place_of
from gateway_ws.queries.answering import PRIVATE, REFUSALS, UNKNOWN, QueryRoute, available, check_id, entity_door, unknown
from gateway_ws.queries.read_your_writes import ReadYourWrites
from opsroom_common.auth.identity import Identities
from opsroom_common.http.json import json_response
from opsroom_domain.decider import Kind
from opsroom_domain.times import rfc3339


class HistoryDoor:
    """The history of the entities of one kind."""

    def __init__(self, kind: Kind[Any, Any, Any], store: PastStore, identities: Identities, writes: ReadYourWrites) -> None:
        self._kind = kind
        self._what = kind.name.replace("_", " ")
        self._store = store
        self._identities = identities
        self._writes = writes

    def router(self) -> APIRouter:
        """The route."""
        router = APIRouter(prefix=f"/v1/{self._kind.collection}", tags=[self._kind.collection], route_class=QueryRoute)
        router.add_api_route(
            "/{entity_id}/history",
            entity_door(self.history, HistoryParameters),
            name=f"{self._kind.name}_history",
            response_model=History,
            responses={**REFUSALS, **UNKNOWN},
            summary="Every version, and what changed",
        )
        return router

    async def history(self, request: Request, entity_id: str, asked: HistoryParameters) -> Response:
        viewer = self._identities.of(request.headers)
        check_id(entity_id, self._what, self._kind.collection)
        await available(self._writes.wait(asked.wait_for))
        page = await available(self._store.history(self._kind.name, entity_id, asked.after, asked.limit, asked.as_of, viewer))
        if page is None:
            raise unknown(entity_id, self._what, self._kind.collection)
        last = page.items[-1]["version"] if page.items else page.newest_version
        body: dict[str, Any] = {
            "items": page.items,
            "version": page.newest_version,
            "next": last if last < page.newest_version else None,
            "past": None if asked.as_of is None else page.reach.shown(asked.as_of),
        }
        return json_response(body, headers=PRIVATE)


def activity_router(store: PastStore, identities: Identities, writes: ReadYourWrites) -> APIRouter:
    """The route of the activity. It asks who the caller is first."""
    router = APIRouter(prefix="/v1", tags=["activity"], route_class=QueryRoute)

    async def activity(request: Request, asked: Annotated[ActivityParameters, Query()]) -> Response:
        viewer = identities.of(request.headers)
        question = asked_for(asked)
        await available(writes.wait(asked.wait_for))
        # Asked before the rows: what it says then holds for them all the more.
        reach = await available(store.reach())
        # One more than asked for tells whether there is a next page.
        rows = await available(store.activity(replace(question, limit=asked.limit + 1), viewer))
        shown = rows[: asked.limit]
        body: dict[str, Any] = {
            "items": [activity_item(row) for row in shown],
            "next": encode(place_of(shown[-1]), question) if len(rows) > asked.limit else None,
            "complete_before": None if reach.complete_before is None else rfc3339(reach.complete_before),
        }
        return json_response(body, headers=PRIVATE)

    router.add_api_route("/activity", activity, response_model=Activity, responses=REFUSALS, summary="Who did what, newest first")
    return router
