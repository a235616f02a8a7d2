"""Sends commands to replicas and writes down every attempt: when it was sent, when it was answered, and what the answer says."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, assert_never

import httpx

from tests.linear.history import Answer, Attempt, Done, NotApplied, Refused, Unknown
from tests.linear.incident import Acknowledge, Ask, Edit, Note, Open, Reopen, Resolve, Severity, Shown

ATTEMPTS_MAX = 400_000
REFUSALS = frozenset({404, 409, 422})


def request_of(entity: str, ask: Ask) -> tuple[str, str, dict[str, Any]]:
    """Method, path and body of a command."""
    one = f"/v1/incidents/{entity}"
    match ask:
        case Open(title):
            return "POST", "/v1/incidents", {"id": entity, "title": title}
        case Edit(seen, to):
            return "PATCH", one, {"changes": {"title": {"seen": seen, "to": to}}}
        case Severity(seen, to):
            return "POST", f"{one}/severity", {"seen": seen, "to": to}
        case Note():
            return "POST", f"{one}/notes", {"text": "still looking"}
        case Acknowledge():
            return "POST", f"{one}/acknowledge", {}
        case Resolve():
            return "POST", f"{one}/resolve", {}
        case Reopen():
            return "POST", f"{one}/reopen", {"reason": "again"}
        case _:
            assert_never(ask)


def answer_of(response: httpx.Response) -> Answer | None:
    """What a response says; None for one that must never come."""
    body: Mapping[str, Any] = response.json()
    match response.status_code:
        case 200 | 201:
            replayed = bool(body["replayed"])
            return Done(int(body["version"]), replayed, None if replayed else shown_of(body["entities"][0]["row"]))
        case 503:
            return Unknown() if body["applied"] is None else NotApplied()
        case 429:
            return NotApplied()
        case status if status in REFUSALS:
            current = body.get("current")
            return Refused(str(body["code"]), None if current is None else shown_of(current["row"]))
        case _:
            return None


def shown_of(row: Mapping[str, Any]) -> Shown:
    """What is checked of a row."""
    return Shown(int(row["version"]), str(row["title"]), str(row["severity"]), str(row["status"]), int(row["notes"]["count"]))


@dataclass(slots=True)
class Recorder:
    """Everything that was asked and told in a run. Times are seconds of this process' monotonic clock."""

    attempts: list[Attempt] = field(default_factory=list[Attempt])
    unexpected: Counter[str] = field(default_factory=Counter[str])
    """Answers that must never come, in words."""

    async def attempt(self, door: Door, entity: str, command_id: str, ask: Ask, timeout_s: float) -> Attempt:
        """Send one command once."""
        if len(self.attempts) >= ATTEMPTS_MAX:
            raise RuntimeError(f"{ATTEMPTS_MAX} attempts: the run is longer than it may be")
        method, path, body = request_of(entity, ask)
        invoked = time.monotonic()
        answer: Answer
        try:
            response = await door.http.request(method, path, json=body, headers={"Idempotency-Key": command_id}, timeout=timeout_s)
            answer = self._read(response)
        except httpx.ConnectError:
            answer = NotApplied()
        except httpx.TransportError:
            answer = Unknown()
        made = Attempt(entity, command_id, ask, door.name, invoked, time.monotonic(), answer)
        self.attempts.append(made)
        return made

    def _read(self, response: httpx.Response) -> Answer:
        try:
            answer = answer_of(response)
        except (ValueError, KeyError, TypeError):
            answer = None
        if answer is None:
            self.unexpected[f"an answer that must never come: {response.status_code} {response.text[:300]!r}"] += 1
        return answer or Unknown()


@dataclass(slots=True)
class Door:
    """One replica, as a client sees it."""

    name: str
    http: httpx.AsyncClient

    @classmethod
    def to(cls, name: str, url: str) -> Door:
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=20)
        return cls(name, httpx.AsyncClient(base_url=url, limits=limits, trust_env=False))


async def close_doors(doors: Sequence[Door]) -> None:
    for door in doors:
        await door.http.aclose()
