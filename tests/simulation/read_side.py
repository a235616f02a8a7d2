"""The read side of a world: the database, the carrier, projectors, gateways and screens."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from opsroom_common.feed.memory import MemoryFeedCarrier
from opsroom_common.log.port import EventLog
from opsroom_common.postgres.memory import MemoryTables
from opsroom_common.runtime.clock import Clock
from projector.session import Limits
from projector.store import Store
from projector.store_memory import MemoryStore

from .database import RemoteCarrier, RemoteFeed, RemoteSource, RemoteStore
from .hosts import GatewayHost, GatewayParts, ProjectorHost, ProjectorParts
from .loop import Process, SimLoop
from .network import Network
from .profiles import Profile
from .rows import RowsJudge
from .screen import Screen
from .truth import Truth
from .verdict import Broken

OTHER_FOLD = "the fold of another release"


class ReadSide:
    """Everything that is derived from the log."""

    def __init__(
        self,
        loop: SimLoop,
        network: Network,
        log: Callable[[], EventLog],
        topic: str,
        truth: Truth,
        profile: Profile,
        chance: random.Random,
        broken: Callable[[Broken], None],
    ) -> None:
        self._loop = loop
        self._network = network
        self._topic = topic
        self._partitions = profile.partitions
        self._chance = chance
        self._broken = broken
        self.fold: str | None = OTHER_FOLD if profile.other_fold else None
        """Of the projectors that start now; None is this release's."""
        self.tables = MemoryTables()
        self.refuses = True
        """Whether the server refuses bitter notes."""
        self.carrier = MemoryFeedCarrier(200)
        self.judge = RowsJudge(truth, self.tables, topic, broken)
        self.judge.stale = profile.other_fold
        limits = Limits(
            batch_records=chance.choice([2, 5, 20]),
            entities=chance.choice([1, 2, 100]),
            feed_entries=chance.choice([5, 20, 1000]),
            trim_every_s=2.0,
        )
        parts = ProjectorParts(log=log, store=self._store, carrier=self._carrier, limits=limits)
        self.projectors = [ProjectorHost(f"projector-{i}", loop, parts) for i in range(profile.projectors)]
        reads = GatewayParts(table=lambda: RemoteFeed(network, self.tables), carrier=self._carrier)
        self.gateways = [GatewayHost(f"gateway-{i}", loop, reads) for i in range(profile.gateways)]
        self.screens = [Screen(loop, network, self.tables, self.gateways, self.judge, status) for status in (None, "open", "resolved")]

    def start(self) -> None:
        for host in (*self.projectors, *self.gateways):
            host.start()
        for number, screen in enumerate(self.screens):
            Process(self._loop, f"screen-{number}").spawn(screen.run()).add_done_callback(self._screen_ended)

    def source(self) -> RemoteSource:
        return RemoteSource(self._network, self.tables, self._topic)

    def differs(self) -> str | None:
        """What is not at rest yet; None if every reader is current."""
        if not self.judge.current():
            return "the rows are behind the log"
        if self.judge.bitter():
            self.retry(self.judge.bitter())
            return "an entity is parked at a record that the server takes now"
        if self.tables.valid_head() is None:
            return "the feed has no head"
        return next((found for screen in self.screens if (found := screen.differs()) is not None), None)

    def retry(self, ids: Sequence[str]) -> None:
        """What an operator does when the server has been mended: has parked entities tried again."""
        for entity_id in ids:
            if self.tables.get("retries", entity_id) is None:
                self.tables.put("retries", entity_id, {})
        self.tables.commit()

    def rebuild(self) -> None:
        """What an operator does when the rows were made by another fold: empty them, and let this release's projectors begin at 0."""
        self.fold = None
        self.judge.stale = False
        for host in self.projectors:
            host.crash()
        self.tables.away = False
        self.tables.installed = True
        for table in self.tables.tables:
            if table not in {"last_epoch", "retries"}:
                self.tables.clear(table)
        self.tables.head, self.tables.entries = None, []
        self.tables.commit(durable=True)
        for host in self.projectors:
            host.start()

    def _store(self, clock: Clock) -> Store:
        store = MemoryStore(self.tables, self._topic, self._partitions, clock, self.fold)
        return RemoteStore(self._network, store, self.judge.committed, lambda: self.refuses)

    def _carrier(self) -> RemoteCarrier:
        return RemoteCarrier(self._network, self.carrier, self._chance)

    def _screen_ended(self, task: object) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:  # pyright: ignore[reportAttributeAccessIssue]
            self._broken(error if isinstance(error, Broken) else Broken("unexpected error", f"a screen: {error!r}"))
