"""The person who is called when an entity is parked: has its record skipped, and asks until it is known what became of that."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256

from command_api.engine.port import CommandRequest, EngineError, RecordSkipped, SkipRecord
from opsroom_common.runtime.ids import Ids
from opsroom_domain.ids import ActorId, CommandId, EntityId

from .loop import SimLoop
from .network import Network
from .replica import Gone, Replica

Answer = RecordSkipped | Exception


class Admin:
    """Now and then looks at what is parked, and skips one."""

    def __init__(
        self,
        loop: SimLoop,
        network: Network,
        replicas: Sequence[Replica],
        parked: Callable[[], Sequence[tuple[str, int]]],
        chance: random.Random,
        ids: Ids,
        patience_s: float,
        told: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._network = network
        self._replicas = replicas
        self._parked = parked
        self._chance = chance
        self._ids = ids
        self._patience_s = patience_s
        self._told = told

    async def run(self, ends: float) -> None:
        while self._loop.time() < ends:
            await asyncio.sleep(self._chance.random() * 3.0)
            parked = self._parked()
            if parked:
                entity_id, offset = self._chance.choice(parked)
                await self._settle(self._request(EntityId(entity_id), offset))

    async def _settle(self, request: CommandRequest) -> None:
        """Repeat with the same id, at any replica, until the answer is definite."""
        answer: asyncio.Future[Answer] = self._loop.create_future()
        attempts = 0
        while not answer.done():
            attempts += 1
            number = f"skip.{request.command_id[-6:]}.{attempts}"
            attempt = replace(request, deadline=self._loop.time() + self._patience_s, correlation_id=number)
            replica = self._chance.choice(self._replicas)
            self._loop.outside(
                self._network.delay(), replica.take, number, attempt, lambda said, number=number: self._reply(answer, number, said)
            )
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience_s + 0.2):
                    await asyncio.shield(answer)
            await asyncio.sleep(self._chance.random() * 0.3)

    def _reply(self, answer: asyncio.Future[Answer], number: str, said: Answer) -> None:
        if self._chance.random() >= self._network.trouble:
            self._loop.outside(self._network.delay(), self._answered, answer, number, said)

    def _answered(self, answer: asyncio.Future[Answer], number: str, said: Answer) -> None:
        self._told(f"{self._loop.time():9.3f} {number} -> {said!r}"[:200])
        retry = isinstance(said, Gone) or (isinstance(said, EngineError) and said.status == 503)
        if not retry and not answer.done():
            answer.set_result(said)

    def _request(self, entity_id: EntityId, offset: int) -> CommandRequest:
        return CommandRequest(
            command_id=CommandId(self._ids.uuid7()),
            body_hash=sha256(f"{entity_id} {offset}".encode()).hexdigest()[:32],
            kind="incident",
            entity_id=entity_id,
            command=SkipRecord(offset=offset, reason="nobody can handle it"),
            actor=ActorId("usr_admin"),
            role="admin",
            deadline=0.0,
        )
