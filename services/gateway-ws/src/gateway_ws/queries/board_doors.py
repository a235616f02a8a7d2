"""Doors that belong to no kind: short codes, and what is set aside."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gateway_ws.queries.answering import PRIVATE, REFUSALS, QueryRoute, available
from gateway_ws.queries.codes import CANDIDATES_MAX, CODE_CHARS_MAX, Candidate, Codes, longer_codes, parse
from gateway_ws.queries.models import CodeAmbiguous, CodeFound, ParkedList, ProblemAnswer
from gateway_ws.queries.parameters import Parameters, ParkedParameters
from gateway_ws.queries.parked import ParkedEntities
from opsroom_common.auth.identity import Identities
from opsroom_common.http.json import json_response
from opsroom_common.http.problems import problem


def board_router(codes: Codes, parked: ParkedEntities, identities: Identities) -> APIRouter:
    """The routes. Every one asks who the caller is first."""
    router = APIRouter(prefix="/v1", tags=["board"], route_class=QueryRoute)

    async def by_code(request: Request, code: str, asked: Annotated[Parameters, Query()]) -> Response:
        del asked
        viewer = identities.of(request.headers)
        found = await available(codes.find(parse(code), viewer))
        if not found:
            raise problem(
                404,
                "not-found",
                "Nothing has this code",
                f"nothing is called {code[:CODE_CHARS_MAX]!r}; check it, or search for words of the title",
            )
        shown = [_shown(one, longer) for one, longer in zip(found, longer_codes([one.entity_id for one in found]), strict=True)]
        if len(shown) == 1:
            return json_response(shown[0], headers=PRIVATE)
        body = {"candidates": shown[:CANDIDATES_MAX], "complete": len(shown) <= CANDIDATES_MAX}
        return json_response(body, 300, headers=PRIVATE)

    async def all_parked(request: Request, asked: Annotated[ParkedParameters, Query()]) -> Response:
        identities.of(request.headers)
        rows = await available(parked.page(asked.after, asked.limit + 1))
        shown = rows[: asked.limit]
        return json_response({"items": shown, "next": shown[-1]["id"] if len(rows) > asked.limit else None}, headers=PRIVATE)

    refusals = {status: answer for status, answer in REFUSALS.items() if status != 504}  # noqa: PLR2004 -- an HTTP status
    router.add_api_route(
        "/codes/{code}",
        by_code,
        name="find_by_code",
        response_model=CodeFound,
        responses={
            **refusals,
            300: {"model": CodeAmbiguous, "description": "Several entities may be meant"},
            404: {"model": ProblemAnswer, "description": "Nothing has this code"},
        },
        summary="What a short code like INC-7XD4K2QM means",
    )
    router.add_api_route(
        "/parked",
        all_parked,
        name="list_parked",
        response_model=ParkedList,
        responses=refusals,
        summary="Entities that are set aside, and why",
    )
    return router


def _shown(found: Candidate, code: str) -> dict[str, str]:
    return {"id": found.entity_id, "kind": found.kind, "code": code, "title": found.title}
