"""Talks to the public API: commands by their single doors or in a batch, alerts by Alertmanager's webhook, lists by the gateway.

What is told "not now" (503, 429, no connection) is repeated with the same keys, a bounded number of times.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import httpx
import orjson

from opsctl.demo.doors import ALERTMANAGER, BATCH, address
from opsctl.demo.steps import Answer, Ask, Command, Person, Row
from opsctl.exits import Exit, Stop
from opsroom_common.auth.dev import ACTOR_HEADER, ROLE_HEADER
from opsroom_common.runtime.clock import Clock
from opsroom_common.runtime.ids import Ids
from opsroom_domain.decider import Json

TRIES_MAX = 20
WAIT_S_MAX = 2.0
TIMEOUT_S = 30.0
CONNECTIONS_MAX = 64
NOT_NOW = frozenset({429, 503, 504})
_NOT_SIGNED_IN = 401
_NO_LONGER = 400
"""Statuses from here on are refusals."""


class Gone(Exception):
    """It did not answer, however often it was asked."""


@dataclass(slots=True)
class Talk:
    """What the conversation has been so far."""

    sent: int = 0
    """Commands and alerts; each once, however often it was repeated."""
    accepted: int = 0
    repeats: int = 0
    slowest_s: float = 0.0
    refused: dict[str, int] = field(default_factory=dict[str, int])
    positions: dict[int, int] = field(default_factory=dict[int, int])
    """Partition -> the last offset of an answer: what rows have to hold before they show everything."""

    def count(self, answer: Answer) -> None:
        self.sent += 1
        if answer.code is None:
            self.accepted += 1
        else:
            self.refused[answer.code] = self.refused.get(answer.code, 0) + 1


class Api:
    """Both services. ``commands`` and ``queries`` are their addresses."""

    def __init__(self, commands: str, queries: str, clock: Clock, ids: Ids) -> None:
        self._commands = commands.rstrip("/")
        self._queries = queries.rstrip("/")
        self._clock = clock
        self._ids = ids
        limits = httpx.Limits(max_connections=CONNECTIONS_MAX)
        self._client = httpx.AsyncClient(timeout=TIMEOUT_S, limits=limits, trust_env=False)
        self.talk = Talk()

    async def close(self) -> None:
        await self._client.aclose()

    async def check(self) -> None:
        """Raises Stop if a service is not there, or lets nobody in."""
        for base, name in ((self._commands, "--url"), (self._queries, "--gateway")):
            try:
                answer = await self._client.get(f"{base}/readyz")
            except (httpx.TransportError, httpx.InvalidURL) as error:
                raise Stop(Exit.AWAY, f"nobody answers at {base}: start the stack with make up, or set {name}") from error
            if not answer.is_success:
                raise Stop(Exit.AWAY, f"{base} is not ready (it says {answer.status_code}); wait for it, or look at its /readyz")

    async def ask(self, step: Ask) -> tuple[Answer, ...]:
        """One or several commands of one person. Raises Gone, Stop."""
        answers = await self._single(step.who, step.commands[0]) if len(step.commands) == 1 else await self.batch(step.who, step.commands)
        for answer in answers:
            self.talk.count(answer)
        return answers

    async def _single(self, who: Person, command: Command) -> tuple[Answer, ...]:
        method, path = address(command)
        headers = {**_headers(who), "Idempotency-Key": self._ids.uuid7()}
        answer = await self._insist(method, f"{self._commands}{path}", headers, command.body)
        return (self._heard(answer.status_code, _read(answer)),)

    async def batch(self, who: Person, commands: Sequence[Command]) -> tuple[Answer, ...]:
        """Several commands in one call, in their order; those that were not decided are sent again with the same ids. Raises Gone, Stop."""
        waiting: dict[int, dict[str, Json]] = {at: self._item(command) for at, command in enumerate(commands)}
        answers: dict[int, Answer] = {}
        for _ in range(TRIES_MAX):
            body: dict[str, Json] = {"commands": list(waiting.values())}
            told = await self._insist("POST", f"{self._commands}{BATCH}", _headers(who), body)
            if not told.is_success:
                raise Stop(Exit.FAULT, f"the batch was refused: {_words(_read(told))}")
            outcomes = cast("list[dict[str, Json]]", _read(told)["outcomes"])
            for at, outcome in zip(list(waiting), outcomes, strict=True):
                status = cast("int", outcome["status"])
                if status not in NOT_NOW:
                    answers[at] = self._heard(status, cast("dict[str, Json]", outcome["body"]))
                    del waiting[at]
            if not waiting:
                return tuple(answers[at] for at in range(len(commands)))
            self.talk.repeats += 1
            await asyncio.sleep(WAIT_S_MAX / 2)
        raise Gone(f"{len(waiting)} commands of a batch were not decided in {TRIES_MAX} tries")

    async def webhook(self, who: Person, body: Mapping[str, Json]) -> None:
        """One call of Alertmanager's webhook. Raises Gone, Stop."""
        answer = await self._insist("POST", f"{self._commands}{ALERTMANAGER}", _headers(who), body)
        if not answer.is_success:
            raise Stop(Exit.FAULT, f"the alert was refused: {_words(_read(answer))}")
        self.talk.count(Answer())

    async def read(self, who: Person, path: str, parameters: Mapping[str, str | list[str]]) -> Row:
        """One answer of the gateway. Raises Gone, Stop."""
        address_ = str(httpx.URL(f"{self._queries}{path}", params=dict(parameters)))
        answer = await self._insist("GET", address_, _headers(who), None)
        if not answer.is_success:
            raise Stop(Exit.FAULT, f"the gateway refused {path}: {_words(_read(answer))}")
        return _read(answer)

    async def settled(self, who: Person, collection: str) -> None:
        """Return once the rows hold everything that was answered so far. Raises Gone, Stop."""
        for partition, offset in sorted(self.talk.positions.items()):
            await self.read(who, f"/v1/{collection}", {"limit": "1", "wait_for": f"{partition}:{offset}"})

    def _item(self, command: Command) -> dict[str, Json]:
        item: dict[str, Json] = {"id": self._ids.uuid7(), "command": command.name, "body": dict(command.body)}
        # A command that creates carries the id in its body.
        return item if "id" in command.body else {**item, "entity": command.entity}

    async def _insist(self, method: str, url: str, headers: Mapping[str, str], body: Mapping[str, Json] | None) -> httpx.Response:
        why = ""
        for _ in range(TRIES_MAX):
            began = self._clock.monotonic()
            wait_s = WAIT_S_MAX
            try:
                content = None if body is None else orjson.dumps(body)
                answer = await self._client.request(method, url, headers=headers, content=content)
            except httpx.TransportError as error:
                why = type(error).__name__
            else:
                self.talk.slowest_s = max(self.talk.slowest_s, self._clock.monotonic() - began)
                if answer.status_code == _NOT_SIGNED_IN:
                    raise Stop(Exit.USAGE, "nobody can be named there: the demo needs a stack with OPSROOM_DEV_IDENTITY, like make up's")
                if answer.status_code not in NOT_NOW:
                    return answer
                why = f"it says {answer.status_code}"
                wait_s = _wait_s(answer)
            self.talk.repeats += 1
            await asyncio.sleep(wait_s)
        raise Gone(f"{url} did not answer in {TRIES_MAX} tries: {why}")

    def _heard(self, status: int, body: Mapping[str, Json]) -> Answer:
        if status < _NO_LONGER:
            log = cast("dict[str, int]", body["log"])
            if log["offset"] is not None:  # pyright: ignore[reportUnnecessaryComparison] -- nothing was written
                partition = log["partition"]
                self.talk.positions[partition] = max(self.talk.positions.get(partition, 0), log["offset"])
            entity = cast("list[dict[str, Json]]", body["entities"])[0]
            return Answer(None, cast("dict[str, Json]", entity["row"]))
        current = body.get("current")
        row = cast("dict[str, Json]", current["row"]) if isinstance(current, dict) else {}
        details = body.get("details")
        return Answer(_code(body), row, details if isinstance(details, dict) else {})


def _headers(who: Person) -> dict[str, str]:
    return {ACTOR_HEADER: who.actor, ROLE_HEADER: who.role.value, "Content-Type": "application/json"}


def _read(answer: httpx.Response) -> dict[str, Json]:
    try:
        body = orjson.loads(answer.content)
    except orjson.JSONDecodeError as error:
        raise Stop(Exit.FAULT, f"{answer.url} gave no JSON: is it Opsroom?") from error
    return cast("dict[str, Json]", body) if isinstance(body, dict) else {}


def _code(body: Mapping[str, Json]) -> str:
    """The stable end of a problem's ``type``."""
    return str(body.get("type", "unknown")).rstrip("/").rsplit("/", 1)[-1].rsplit(":", 1)[-1]


def _words(body: Mapping[str, Json]) -> str:
    return str(body.get("detail") or body.get("title") or body)


def _wait_s(answer: httpx.Response) -> float:
    told = answer.headers.get("Retry-After", "1")
    return min(WAIT_S_MAX, float(told) if told.isdecimal() else 1.0)
