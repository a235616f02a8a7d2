"""``as_of`` and ``version`` of one entity, ``GET /v1/COLLECTION/{id}/history`` for every kind, and ``GET /v1/activity``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gateway_ws.past.activity import asked_for, encode
from gateway_ws.past.models import Activity, ActivityParameters, History, HistoryParameters, MomentOrVersion
from gateway_ws.past.store import Found, PastStore, activity_item, place_of
from gateway_ws.queries.api import PRIVATE, available, check_id, unknown
from gateway_ws.queries.models import ProblemAnswer
from gateway_ws.queries.read_your_writes import ReadYourWrites
from opsroom_common.auth.identity import Identities
from opsroom_common.http.json import json_response
from opsroom_common.http.problems import Problem, problem
from opsroom_domain.decider import Kind
from opsroom_domain.registry import KINDS
from opsroom_domain.times import rfc3339


def past_router(store: PastStore, identities: Identities, writes: ReadYourWrites) -> APIRouter:
    """The routes. Every one asks who the caller is first."""
    router = APIRouter(prefix="/v1", tags=["past"])

    async def activity(request: Request, asked: Annotated[ActivityParameters, Query()]) -> Response:
        identities.of(request.headers)
        question = asked_for(asked)
        await available(writes.wait(asked.wait_for))
        reach = await available(store.reach())
        rows = await available(store.activity(question))
        shown = rows[: asked.limit]
        body: dict[str, Any] = {
            "items": [activity_item(row) for row in shown],
            "next": encode(place_of(shown[-1]), question) if len(rows) > asked.limit else None,
            "complete_before": reach.complete_before,
        }
        return json_response(body, headers=PRIVATE)

    router.add_api_route("/activity", activity, response_model=Activity, responses=_DESCRIBED, summary="Who did what, newest first")
    for kind in KINDS.values():
        _add_history(router, kind, store, identities, writes)
    return router


async def entity_in_the_past(store: PastStore, kind: Kind[Any, Any, Any], entity_id: str, asked: MomentOrVersion) -> Response:
    """The entity as of ``asked.as_of`` or at ``asked.version``, one of which is there. Raises Problem 404 and 400."""
    if asked.as_of is not None:
        found = await available(store.at(kind.name, entity_id, asked.as_of))
    else:
        found = await available(store.version(kind.name, entity_id, asked.version or 0))
    if found is None:
        raise unknown(kind, entity_id)
    if asked.as_of is not None:
        found.reach.check(asked.as_of)
    if found.state is None:
        raise _not_yet(entity_id, found.created_at, asked.as_of) if asked.as_of is not None else _no_such_version(entity_id, found)
    state = found.state
    moment = asked.as_of or state.valid_from
    # What a later version follows is final, and so is a version by its number.
    past = {**found.reach.shown(moment), "valid_from": rfc3339(state.valid_from)}
    past["valid_to"] = None if state.valid_to is None else rfc3339(state.valid_to)
    past["complete"] = past["complete"] or state.valid_to is not None or asked.version is not None
    body = {"item": orjson.Fragment(state.json), "version": state.version, "position": None, "as_of": rfc3339(moment), "past": past}
    return json_response(body, headers=PRIVATE)


def _add_history(
    router: APIRouter, kind: Kind[Any, Any, Any], store: PastStore, identities: Identities, writes: ReadYourWrites
) -> None:
    async def history(request: Request, entity_id: str, asked: Annotated[HistoryParameters, Query()]) -> Response:
        identities.of(request.headers)
        check_id(kind, entity_id)
        await available(writes.wait(asked.wait_for))
        page = await available(store.history(kind.name, entity_id, asked.after, asked.limit, asked.as_of))
        if page is None:
            raise unknown(kind, entity_id)
        if asked.as_of is not None:
            page.reach.check(asked.as_of)
        if page.newest_version is None:
            raise _not_yet(entity_id, page.created_at, asked.as_of or page.created_at)
        last = page.items[-1]["version"] if page.items else page.newest_version
        body: dict[str, Any] = {
            "items": page.items,
            "version": page.newest_version,
            "next": last if last < page.newest_version else None,
            "past": None if asked.as_of is None else page.reach.shown(asked.as_of),
        }
        return json_response(body, headers=PRIVATE)

    router.add_api_route(
        f"/{kind.collection}/{{entity_id}}/history",
        history,
        name=f"{kind.name}_history",
        response_model=History,
        responses={**_DESCRIBED, 404: {"model": ProblemAnswer, "description": "There is none, or there was none yet"}},
        summary=f"Every version of one {kind.name}, with what changed",
    )


def _not_yet(entity_id: str, created_at: datetime, moment: datetime) -> Problem:
    return problem(
        404,
        "not-yet",
        "It did not exist yet",
        f"{entity_id} did not exist at {rfc3339(moment)}; it exists since {rfc3339(created_at)}: ask for that moment or a later one",
        exists_since=rfc3339(created_at),
    )


def _no_such_version(entity_id: str, found: Found) -> Problem:
    newest = found.newest_version
    detail = f"{entity_id} has versions 1 to {newest}; ask for one of them, or leave version out for the present"
    return problem(404, "no-such-version", "There is no such version", detail, newest_version=newest)


_DESCRIBED: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemAnswer, "description": words}
    for status, words in {
        400: "A parameter does not fit, or the moment is still to come",
        401: "Nobody is signed in",
        503: "Postgres is away; Retry-After",
        504: "wait_for was not reached",
    }.items()
}
