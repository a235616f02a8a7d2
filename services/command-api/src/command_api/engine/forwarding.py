"""An engine for every partition: commands of this replica's own are decided here, the others are forwarded once to their owner."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias, TypeVar

from command_api.engine.engine import PartitionedEngine
from command_api.engine.metrics import ForwardMetrics
from command_api.engine.port import Accepted, CommandRequest, NotServing, Overloaded, PartitionStatus, RecordSkipped
from command_api.engine.routing import Replica, Routing
from opsroom_common.contracts.owners import Owner
from opsroom_common.contracts.topics import partition_of
from opsroom_common.log.entity import Entity
from opsroom_common.runtime.clock import Clock
from opsroom_domain.ids import EntityId

PATIENCE_S = 1.0
"""How long a command waits for a partition to get an owner before its caller is told to come back: a clean hand-over takes less."""
RETRY_S = 0.2
"""Between two looks for an owner while the table does not change: its owner may serve again without a new line."""
FORWARDED_MAX = 4_000
"""Commands on their way to other replicas, or waiting for an owner; more are told to come back (503)."""


_T = TypeVar("_T")
Here: TypeAlias = Callable[[CommandRequest], Awaitable[_T]]
There: TypeAlias = Callable[[str, CommandRequest], Awaitable[_T]]


class Peers(Protocol):
    """The other replicas."""

    async def submit(self, url: str, request: CommandRequest) -> Accepted:
        """Let the replica at ``url`` decide; it does not forward again. Raises what ``Engine.submit`` raises: NotServing if the request
        certainly did not arrive, OutcomeUnknown if it may have.
        """
        ...

    async def skip(self, url: str, request: CommandRequest) -> RecordSkipped:
        """As ``submit``, for ``Engine.skip``."""
        ...

    async def current(self, url: str, kind: str, entity_id: EntityId, deadline: float) -> Entity | None:
        """What ``Engine.current`` says there."""
        ...

    async def close(self) -> None:
        """End the connections."""
        ...


class NoPeers:
    """No way to other replicas: their partitions are not served here."""

    async def submit(self, url: str, request: CommandRequest) -> Accepted:
        del request
        raise NotServing(f"{url} owns it, and this replica may not ask there: set OPSROOM_COMMAND_API_PEER_SECRET for all replicas")

    async def skip(self, url: str, request: CommandRequest) -> RecordSkipped:
        del request
        raise NotServing(f"{url} owns it, and this replica may not ask there: set OPSROOM_COMMAND_API_PEER_SECRET for all replicas")

    async def current(self, url: str, kind: str, entity_id: EntityId, deadline: float) -> Entity | None:
        del kind, entity_id, deadline
        raise NotServing(f"{url} owns it, and this replica may not ask there: set OPSROOM_COMMAND_API_PEER_SECRET for all replicas")

    async def close(self) -> None:
        return


class ForwardingEngine:
    """Implements ``Engine`` on a local one, the routing table and the peers."""

    def __init__(
        self, local: PartitionedEngine, partitions: int, routing: Routing, peers: Peers, clock: Clock, me: Replica, metrics: ForwardMetrics
    ) -> None:
        self._local = local
        self._partitions = partitions
        self._routing = routing
        self._peers = peers
        self._clock = clock
        self._me = me
        self._metrics = metrics
        self._away = 0

    async def submit(self, request: CommandRequest) -> Accepted:
        return await self._wherever(request, self._local.submit, self._peers.submit)

    async def skip(self, request: CommandRequest) -> RecordSkipped:
        return await self._wherever(request, self._local.skip, self._peers.skip)

    async def _wherever(self, request: CommandRequest, here: Here[_T], there: There[_T]) -> _T:
        partition = partition_of(request.entity_id, self._partitions)
        if self._local.serves(partition):
            try:
                return await here(request)
            except NotServing:
                pass  # it was let go a moment ago, and nothing of the command was written
        if self._away >= FORWARDED_MAX:
            raise Overloaded(f"{self._away} commands wait for other replicas; come back in a moment")
        self._away += 1
        try:
            return await self._elsewhere(partition, request, here, there)
        finally:
            self._away -= 1

    async def current(self, kind: str, entity_id: EntityId, deadline: float) -> Entity | None:
        partition = partition_of(entity_id, self._partitions)
        owner = self._owner(partition)
        if self._local.serves(partition) or owner is None:
            return await self._local.current(kind, entity_id, deadline)
        return await self._peers.current(owner.url, kind, entity_id, deadline)

    def status(self) -> tuple[PartitionStatus, ...]:
        return self._local.status()

    async def _elsewhere(self, partition: int, request: CommandRequest, here: Here[_T], there: There[_T]) -> _T:
        """Wherever the partition is served by now. An answer that nothing was written leaves time for another try, until the patience ends."""
        until = min(request.deadline, self._clock.monotonic() + PATIENCE_S)
        while True:
            try:
                return await self._once(partition, request, here, there)
            except NotServing:
                self._metrics.not_served()
                left = until - self._clock.monotonic()
                if left <= 0:
                    raise
            await self._routing.change(min(left, RETRY_S))

    async def _once(self, partition: int, request: CommandRequest, here: Here[_T], there: There[_T]) -> _T:
        owner = self._owner(partition)
        if self._local.serves(partition) or owner is None:
            return await here(request)
        answer = await there(owner.url, request)
        self._metrics.forwarded()
        return answer

    def _owner(self, partition: int) -> Owner | None:
        """Another replica that serves the partition, as far as the table knows."""
        line = self._routing.owner(partition)
        return line if line is not None and line.serving and line.url != self._me.url else None
