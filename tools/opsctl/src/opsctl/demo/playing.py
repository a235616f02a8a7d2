"""Plays a story: takes its steps in time, at most so many commands per second, and tells how it went."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random  # noqa: TID251 -- seeded by the command line
from typing import cast

from opsctl.demo.cast import ADMIN, MONITORING
from opsctl.demo.scene import Scene, text_of
from opsctl.demo.steps import Alert, Answer, Ask, Command, size
from opsctl.demo.story import Story, Turn
from opsctl.demo.talking import Api, Gone
from opsctl.exits import Exit, Stop
from opsctl.screen import Screen
from opsroom_common.runtime.clock import Clock
from opsroom_common.runtime.ids import Ids
from opsroom_domain.decider import Json
from opsroom_domain.ids import EntityId, prefix_of
from opsroom_domain.registry import kind_of_prefix
from opsroom_domain.times import rfc3339

ALERT_LABEL = "demo_alert"
_BEHIND_S_MAX = 1.0
"""How much of a delay is caught up: never more than a second's worth of commands at once."""
_IDLE_S = 0.02
_PROGRESS_S = 2.0
_LOOKS_MAX = 100
_LOOK_S = 0.1
_NO_INCIDENT = "no-incident"
"""No refusal of a door: the alert was taken, and no incident of it was seen in time."""
_NO_END = "0001-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Terms:
    """How long, in minutes; how many commands per second; and what decides the story."""

    minutes: float
    rate: float
    seed: int
    run: str


@dataclass(slots=True)
class _Told:
    entities: dict[str, str] = field(default_factory=dict[str, str])
    """Id -> kind, in the order in which they were made."""
    surprises: dict[str, int] = field(default_factory=dict[str, int])


class Player:
    """One run. ``stop`` ends it early: what is under way is finished."""

    def __init__(self, api: Api, terms: Terms, clock: Clock, ids: Ids, screen: Screen) -> None:
        self._api, self._terms, self._clock, self._screen = api, terms, clock, screen
        chance = Random(terms.seed)  # noqa: S311 -- reproducible on purpose
        self._story = Story(Scene(terms.run, terms.minutes * 60, chance, clock, ids))
        self._told = _Told()
        self.stop = asyncio.Event()
        self._due = 0.0
        self._gone: BaseException | None = None

    async def play(self) -> Exit:
        """Until the time is over, ``stop`` is set, or a service is gone. Raises Stop."""
        await self._api.check()
        began = self._clock.monotonic()
        end, self._due, shown = began + self._terms.minutes * 60, began, began
        under_way: set[asyncio.Task[None]] = set()
        while not self.stop.is_set() and self._gone is None and self._clock.monotonic() < end:
            if await self._slot(1):
                break
            turn = self._story.turn()
            while turn is None and not self.stop.is_set() and self._clock.monotonic() < end:
                await asyncio.sleep(_IDLE_S)
                turn = self._story.turn()
            if turn is None or await self._slot(size(turn.step) - 1):
                break
            task = asyncio.create_task(self._take(turn))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            if self._clock.monotonic() - shown >= _PROGRESS_S:
                shown = self._clock.monotonic()
                self._progress(shown - began, end - began)
        if under_way:
            await asyncio.gather(*under_way)
        took_s = self._clock.monotonic() - began
        await self._settle()
        return self._summary(took_s)

    async def _slot(self, commands: int) -> bool:
        """Wait until so many more commands may be sent; True if the play is stopped meanwhile."""
        now = self._clock.monotonic()
        self._due = max(self._due, now - _BEHIND_S_MAX) + commands / self._terms.rate
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stop.wait(), max(0.0, self._due - now))
        return self.stop.is_set()

    async def _take(self, turn: Turn) -> None:
        try:
            answers = await self._alert(turn.step) if isinstance(turn.step, Alert) else await self._api.ask(turn.step)
        except (Gone, Stop) as error:
            self._gone = error
            return
        self._keep(answers)
        for code in self._story.answered(turn, answers):
            self._told.surprises[code] = self._told.surprises.get(code, 0) + 1

    def _keep(self, answers: tuple[Answer, ...]) -> None:
        for answer in answers:
            entity = text_of(answer.row, "id")
            kind = kind_of_prefix(prefix_of(entity))
            if kind is not None and answer.code is None:
                self._told.entities.setdefault(entity, kind.name)

    async def _alert(self, alert: Alert) -> tuple[Answer, ...]:
        """Tell of it, look for the incident that it opened, and mark that. Raises Gone, Stop."""
        await self._api.webhook(MONITORING, _webhook(alert))
        if alert.ends_at is not None:
            return (Answer(),)
        for _ in range(_LOOKS_MAX):
            found = await self._api.read(ADMIN, "/v1/incidents", {"label": f"{ALERT_LABEL}={alert.tag}"})
            items = cast("list[dict[str, Json]]", found["items"])
            if items:
                mark = Command("incident.change_labels", EntityId(text_of(items[0], "id")), {"add": list(alert.labels)})
                return await self._api.ask(Ask(ADMIN, (mark,)))
            await asyncio.sleep(_LOOK_S)
        return (Answer(_NO_INCIDENT),)

    async def _settle(self) -> None:
        if self._gone is None:
            try:
                await self._api.settled(ADMIN, "incidents")
            except (Gone, Stop) as error:
                self._gone = error

    def _progress(self, now_s: float, of_s: float) -> None:
        if not self._screen.json:
            talk = self._api.talk
            refused = sum(talk.refused.values())
            self._screen.line(f"{now_s:5.0f} of {of_s:.0f} s: {talk.sent} sent, {talk.accepted} accepted, {refused} refused")

    def _summary(self, took_s: float) -> Exit:
        talk, told, terms = self._api.talk, self._told, self._terms
        by_kind: dict[str, int] = {}
        for kind in told.entities.values():
            by_kind[kind] = by_kind.get(kind, 0) + 1
        said: dict[str, object] = {
            "run": terms.run,
            "seed": terms.seed,
            "seconds": round(took_s, 1),
            "sent": talk.sent,
            "accepted": talk.accepted,
            "refused": dict(sorted(talk.refused.items())),
            "unexpected": dict(sorted(told.surprises.items())),
            "repeats": talk.repeats,
            "slowest_ms": round(talk.slowest_s * 1000, 1),
            "entities": dict(sorted(by_kind.items())),
            "ids": list(told.entities),
        }
        if self._screen.json:
            self._screen.object(said)
        else:
            self._lines(said)
        if self._gone is not None:
            message = self._gone.message if isinstance(self._gone, Stop) else str(self._gone)
            raise Stop(self._gone.code if isinstance(self._gone, Stop) else Exit.AWAY, message)
        if self.stop.is_set():
            return Exit.INTERRUPTED
        return Exit.FINDING if told.surprises else Exit.OK

    def _lines(self, said: Mapping[str, object]) -> None:
        line = self._screen.line
        for entity in cast("list[str]", said["ids"]):
            line(entity)
        line(f"run {said['run']} (seed {said['seed']}): {said['sent']} sent in {said['seconds']} s, {said['accepted']} accepted")
        for name in ("entities", "refused", "unexpected"):
            counted = cast("dict[str, int]", said[name])
            line(f"{name}: {', '.join(f'{count} {what}' for what, count in counted.items()) or 'none'}")
        line(f"slowest answer: {said['slowest_ms']} ms; repeated after a 503, 429 or a lost connection: {said['repeats']}")
        line(f"hide it: opsctl demo hide --run {said['run']}")


def stop_on_interrupt(player: Player) -> None:
    """Ctrl-C sets ``stop``, so that what is under way is finished and told."""
    # Only a main thread can be told of signals; elsewhere nobody presses Ctrl-C.
    with suppress(ValueError, RuntimeError, NotImplementedError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, player.stop.set)


def _webhook(alert: Alert) -> dict[str, Json]:
    status = "firing" if alert.ends_at is None else "resolved"
    labels: dict[str, Json] = {"alertname": alert.name, "service": alert.service, "severity": alert.severity, ALERT_LABEL: alert.tag}
    told: dict[str, Json] = {
        "status": status,
        "labels": labels,
        "annotations": {"summary": alert.summary},
        "startsAt": rfc3339(alert.starts_at),
        "endsAt": _NO_END if alert.ends_at is None else rfc3339(alert.ends_at),
        "fingerprint": alert.fingerprint,
    }
    return {"version": "4", "groupKey": alert.tag, "status": status, "receiver": "demo", "alerts": [told]}
