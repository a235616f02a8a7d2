"""Clients that want something, and ask until they know what became of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256

from command_api.engine.port import Accepted, CommandRefused, CommandRequest, EngineError, EntityParked, VersionMismatch
from opsroom_common.runtime.clock import Clock
from opsroom_common.runtime.ids import Ids
from opsroom_domain.changes import Change
from opsroom_domain.entities import incident
from opsroom_domain.entities.incident.state import Incident
from opsroom_domain.entities.incident.words import Severity, Status
from opsroom_domain.ids import ActorId, CommandId, EntityId, Version

from .loop import START, SimLoop
from .network import Network
from .profiles import Profile
from .replica import Gone, Replica

Answer = Accepted | Exception


@dataclass(slots=True)
class Wish:
    """One command and what its client knows of it."""

    request: CommandRequest
    answer: asyncio.Future[Answer]
    attempts: int = 0
    heard: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Board:
    """What the clients know together: the last state that anybody was shown, by entity."""

    ids: list[EntityId]
    shown: dict[EntityId, tuple[int, Incident]] = field(default_factory=dict)


class Client:
    """One client: one command after another, each until its answer is definite."""

    def __init__(
        self,
        number: int,
        loop: SimLoop,
        network: Network,
        replicas: Sequence[Replica],
        chance: random.Random,
        clock: Clock,
        ids: Ids,
        board: Board,
        profile: Profile,
        told: Callable[[str], None],
    ) -> None:
        self._number = number
        self._loop = loop
        self._network = network
        self._replicas = replicas
        self._chance = chance
        self._clock = clock
        self._ids = ids
        self._board = board
        self._profile = profile
        self._told = told
        self._sent = 0
        self._favourite = chance.randrange(len(replicas))
        self.waits_for: str | None = None
        """The command that is not settled yet."""

    async def run(self) -> None:
        for _ in range(self._profile.commands):
            await asyncio.sleep(self._chance.random() * self._profile.thinks_s)
            await self._settle(self._wish())
        self.waits_for = None

    async def _settle(self, wish: Wish) -> None:
        """Repeat with the same id, at any replica, until the answer is definite."""
        self.waits_for = wish.request.command_id
        while not wish.answer.done():
            self._send(wish, 0.0)
            if self._chance.random() < self._profile.twice:
                self._send(wish, self._chance.random() ** 2 * 3.0)
            await self._hear(wish)
            if not wish.answer.done():
                dawdles = self._chance.random() < self._profile.dawdle
                await asyncio.sleep(self._chance.random() * (6.0 if dawdles else 0.3))
        self._learn(wish.request.entity_id, wish.answer.result())

    async def _hear(self, wish: Wish) -> None:
        """Until there is an answer of any kind, or it is too late for one."""
        wish.heard.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._profile.patience_s + 0.2):
                await wish.heard.wait()

    def _send(self, wish: Wish, held_s: float) -> None:
        """One attempt. It may be held up on its way, for instance in a replica that forwards it."""
        wish.attempts += 1
        number = f"{self._number}.{self._sent}.{wish.attempts}"
        request = replace(wish.request, deadline=self._loop.time() + self._profile.patience_s, correlation_id=number)
        if self._chance.random() < 0.15:
            self._favourite = self._chance.randrange(len(self._replicas))
        replica = self._replicas[self._favourite]
        self._loop.outside(held_s + self._network.delay(), replica.take, number, request, lambda answer: self._reply(wish, number, answer))

    def _reply(self, wish: Wish, number: str, answer: Answer) -> None:
        if self._chance.random() >= self._network.trouble:
            self._loop.outside(self._network.delay(), self._answered, wish, number, answer)

    def _answered(self, wish: Wish, number: str, answer: Answer) -> None:
        self._told(f"{self._loop.time():9.3f} {number} {_short(wish.request.command)} -> {_said(answer)}")
        wish.heard.set()
        if wish.answer.done():
            return
        if isinstance(answer, Gone) or (isinstance(answer, EngineError) and answer.status == 503):
            self._favourite = (self._favourite + 1) % len(self._replicas)
            return
        wish.answer.set_result(answer)

    def _learn(self, entity_id: EntityId, answer: Answer) -> None:
        entity = answer.entity if isinstance(answer, Accepted | CommandRefused | VersionMismatch) else None
        known = self._board.shown.get(entity_id, (0, None))[0]
        if entity is not None and entity.version > known:
            self._board.shown[entity_id] = (entity.version, entity.state)

    def _wish(self) -> Wish:
        self._sent += 1
        hot = self._chance.random() < self._profile.hot
        entity_id = self._board.ids[0 if hot else self._chance.randrange(len(self._board.ids))]
        by = ActorId(f"usr_{self._number}")
        shown = self._board.shown.get(entity_id)
        command = self._command(entity_id, by, None if shown is None else shown[1])
        strict = shown is not None and not isinstance(command, incident.Open) and self._chance.random() < 0.1
        request = CommandRequest(
            command_id=CommandId(self._ids.uuid7()),
            body_hash=sha256(repr(command).encode()).hexdigest()[:32],
            kind="incident",
            entity_id=entity_id,
            command=command,
            actor=by,
            role="operator",
            deadline=0.0,
            expected_version=Version(shown[0]) if strict and shown is not None else None,
        )
        return Wish(request, self._loop.create_future())

    def _command(self, entity_id: EntityId, by: ActorId, seen: Incident | None) -> incident.CommandBase:
        mine = f"{self._number}.{self._sent}"
        if seen is None or self._chance.random() < 0.03:
            return incident.Open(at=START, by=by, incident_id=entity_id, title=f"opened by {mine}")
        if self._chance.random() < self._profile.quarrels:
            return self._quarrel(by, mine)
        match self._chance.randrange(8):
            case 0 | 1:
                bitter = self._profile.bitter and self._chance.random() < self._profile.bitter
                return incident.AddNote(at=START, by=by, note_id=f"n{mine}", text=f"bitter {mine}" if bitter else f"note {mine}")
            case 2 | 3:
                changes = [Change(field="title", seen=seen.title, to=f"title {mine}")]
                if self._chance.random() < 0.5:
                    changes.append(Change(field="description", seen=seen.description, to=f"words {mine}"))
                return incident.Edit(at=START, by=by, changes=tuple(changes))
            case 4:
                return incident.Acknowledge(at=START, by=by)
            case 5:
                return incident.Assign(at=START, by=by, seen=seen.assignee, assignee=self._chance.choice([by, None]))
            case 6:
                return incident.ChangeSeverity(at=START, by=by, seen=seen.severity, severity=self._chance.choice(list(Severity)))
            case _:
                if seen.status is Status.RESOLVED:
                    return incident.Reopen(at=START, by=by, reason=f"not done {mine}")
                return incident.Resolve(at=START, by=by, resolution=f"done {mine}")

    def _quarrel(self, by: ActorId, mine: str) -> incident.CommandBase:
        """Whatever was seen, as a hurried person or a program would."""
        match self._chance.randrange(4):
            case 0:
                return incident.Acknowledge(at=START, by=by)
            case 1:
                return incident.ChangeStatus(at=START, by=by, seen=Status.ACKNOWLEDGED, status=Status.INVESTIGATING)
            case 2:
                return incident.Reopen(at=START, by=by, reason=f"not done {mine}")
            case _:
                return incident.Resolve(at=START, by=by, resolution="done")


def _short(command: incident.CommandBase) -> str:
    return type(command).__name__


def _said(answer: Answer) -> str:
    if isinstance(answer, Accepted):
        return f"version {answer.version}{' (again)' if answer.replayed else ''}"
    if isinstance(answer, EntityParked):
        return "parked"
    return f"{type(answer).__name__}: {answer}"[:150]
