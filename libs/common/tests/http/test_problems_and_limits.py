"""Every error of an application is a problem that says what to do; nothing inside is shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from opsroom_common.http.json import StrictBody, checked, read_json
from opsroom_common.http.limits import BodyLimit, LastNet
from opsroom_common.http.problems import Problem, field_path, install, problem

LIMIT = 100


class Body(StrictBody):
    name: str
    tags: tuple[str, ...] = ()


def client() -> httpx.AsyncClient:
    app = FastAPI()
    install(app)

    @app.post("/body")
    async def body(request: Request) -> Response:
        raw, canonical = await read_json(request, request.headers.get("content-type"))
        checked(Body, raw)
        return Response(canonical)

    @app.get("/query")
    async def query(limit: int) -> Response:
        return PlainTextResponse(str(limit))

    @app.get("/teapot")
    async def teapot() -> Response:
        raise problem(418, "teapot", "I am a teapot", "use the coffee machine", headers={"Retry-After": "9"}, colour="red")

    @app.get("/broken")
    async def broken() -> Response:
        raise RuntimeError("password=hunter2")

    served = LastNet(BodyLimit(app, LIMIT, {"/large": 10_000}))
    return httpx.AsyncClient(transport=httpx.ASGITransport(served, raise_app_exceptions=False), base_url="http://test")


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with client() as found:
        yield found


def said(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["type"] == f"https://opsroom.dev/problems/{body['code']}"
    assert body["status"] == answer.status_code
    return answer.status_code, body["code"]


async def test_a_problem_keeps_its_headers_and_extensions(http: httpx.AsyncClient) -> None:
    answer = await http.get("/teapot")
    assert said(answer) == (418, "teapot")
    assert (answer.headers["retry-after"], answer.json()["colour"]) == ("9", "red")


async def test_an_extension_cannot_change_what_the_problem_is() -> None:
    assert Problem(400, "t", "title", "detail", title_="x", code="y").body()["code"] == "t"


async def test_fastapis_own_refusals_are_problems_too(http: httpx.AsyncClient) -> None:
    answer = await http.get("/query", params={"limit": "many"})
    assert said(answer) == (400, "invalid-request")
    assert answer.json()["errors"][0]["field"] == "query.limit"
    assert said(await http.get("/nowhere")) == (404, "no-such-door")
    assert said(await http.post("/query")) == (405, "method-not-allowed")


async def test_an_unexpected_error_shows_nothing_of_the_inside(http: httpx.AsyncClient) -> None:
    answer = await http.get("/broken")
    assert said(answer) == (500, "unexpected")
    assert "hunter2" not in answer.text


async def test_a_net_under_everything_catches_what_no_application_catches() -> None:
    async def broken(scope: object, receive: object, send: object) -> None:
        raise RuntimeError("password=hunter2")

    async with httpx.AsyncClient(transport=httpx.ASGITransport(LastNet(broken)), base_url="http://test") as http:
        answer = await http.get("/")
    assert said(answer) == (500, "unexpected")
    assert "hunter2" not in answer.text


async def test_a_body_in_canonical_form_is_the_same_for_the_same_meaning(http: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json; charset=utf-8"}
    one = await http.post("/body", content=b'{"tags": ["b","a"], "name": "\\u0041"}', headers=headers)
    two = await http.post("/body", content=b'{"name":"A",\n"tags":["b","a"]}', headers=headers)
    assert one.content == two.content == b'{"name":"A","tags":["b","a"]}'


@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1])
@pytest.mark.parametrize("declared", [True, False])
async def test_the_limit_counts_bytes_with_and_without_a_declared_length(http: httpx.AsyncClient, size: int, declared: bool) -> None:
    content = b'{"name": "' + b"x" * (size - 12) + b'"}'
    assert len(content) == size

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, size, 7):
            yield content[start : start + 7]

    sent = await http.post("/body", content=content if declared else pieces(), headers={"content-type": "application/json"})
    if size <= LIMIT:
        assert sent.status_code == 200
    else:
        assert said(sent) == (413, "body-too-large")
        assert sent.json()["limit_bytes"] == LIMIT


async def test_a_lie_about_the_length_does_not_help(http: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json", "content-length": "5"}
    assert said(await http.post("/body", content=b"x" * (LIMIT + 1), headers=headers))[0] == 413


class Bodies:
    """Requests that come in pieces: each goes on when it is told to."""

    def __init__(self, **limits: float) -> None:
        self.taken = 0
        self.served = LastNet(BodyLimit(self._door, LIMIT, **limits))  # pyright: ignore[reportArgumentType] -- numbers by name

    async def _door(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await request.body()
        self.taken += 1
        await PlainTextResponse("taken")(scope, receive, send)

    def ask(self, method: str = "POST") -> tuple[asyncio.Task[dict[str, object]], asyncio.Queue[Message]]:
        """The answer's head (a client that goes away gets none), and where to put the pieces."""
        pieces: asyncio.Queue[Message] = asyncio.Queue()
        head: dict[str, object] = {}

        async def send(message: Message) -> None:
            head.update(message)

        async def asked() -> dict[str, object]:
            scope = {"type": "http", "method": method, "path": "/", "headers": [], "query_string": b""}
            await self.served(scope, pieces.get, send)
            return head

        return asyncio.create_task(asked()), pieces


def piece(body: bytes, *, more: bool = True) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_body_that_never_ends_is_408_and_holds_nothing_afterwards() -> None:
    doors = Bodies(within_s=0.05, requests_max=1)
    slow, pieces = doors.ask()
    await pieces.put(piece(b"half"))
    assert (await asyncio.wait_for(slow, 5))["status"] == 408
    assert doors.taken == 0
    next_one, pieces = doors.ask()
    await pieces.put(piece(b"", more=False))
    assert (await next_one)["status"] == 200


async def test_the_time_for_the_body_is_not_the_time_for_the_answer() -> None:
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()
        assert (await receive())["type"] == "http.disconnect"

    served = BodyLimit(slow, LIMIT, within_s=0.01)
    messages = asyncio.Queue[Message]()
    await messages.put(piece(b"", more=False))
    asked = asyncio.create_task(served({"type": "http", "method": "POST", "path": "/", "headers": []}, messages.get, _nobody))
    await asyncio.wait([asked], timeout=0.05)
    assert not asked.done()
    await messages.put({"type": "http.disconnect"})
    await asyncio.wait_for(asked, 5)


async def _nobody(message: Message) -> None:
    del message


async def test_more_requests_than_may_be_in_progress_are_503_and_health_still_answers() -> None:
    doors = Bodies(requests_max=2)
    waiting = [doors.ask() for _ in range(2)]
    await turns()
    refused, _ = doors.ask()
    head = await refused
    assert head["status"] == 503
    assert (b"retry-after", b"1") in head["headers"]  # pyright: ignore[reportOperatorIssue] -- a list of pairs
    health, pieces = doors.ask("GET")
    await pieces.put(piece(b"", more=False))
    assert (await health)["status"] == 200
    for task, pieces in waiting:
        await pieces.put(piece(b"", more=False))
        assert (await task)["status"] == 200


async def test_all_bodies_in_progress_share_one_budget_that_comes_back() -> None:
    doors = Bodies(bodies_bytes_max=150)
    one, pieces = doors.ask()
    await pieces.put(piece(b"x" * 90))
    await turns()
    other, more = doors.ask()
    await more.put(piece(b"x" * 70))
    assert (await other)["status"] == 503
    one.cancel()
    await asyncio.wait([one])
    for _ in range(3):
        again, more = doors.ask()
        await more.put(piece(b"x" * 90, more=False))
        assert (await again)["status"] == 200


@pytest.mark.parametrize(("path", "text"), [((), ""), (("a", 0, "b"), "a[0].b"), ((1,), "[1]")])
def test_a_field_is_named_by_its_path(path: tuple[str | int, ...], text: str) -> None:
    assert field_path(path) == text
