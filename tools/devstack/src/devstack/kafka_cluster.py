"""Several Kafka brokers as one cluster: each is broker and controller, each partition has three copies, two of which must have a batch (R9)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from devstack.kafka import Kafka, Quorum
from devstack.ports import free_port

BROKERS = 3


class KafkaCluster:
    """``brokers`` by node id, each in its own folder. Used like one server; a test kills, pauses and restarts single ones.

    One broker may be away: the others lead and acknowledge. With two away nothing is acknowledged: too few copies, and no majority to elect.
    """

    def __init__(self, folder: Path, brokers: int = BROKERS) -> None:
        controllers = {node: free_port() for node in range(1, brokers + 1)}
        self.brokers = {node: Kafka(folder / f"kafka-{node}", quorum=Quorum(node, controllers)) for node in controllers}

    @property
    def bootstrap(self) -> str:
        """Every broker's ``host:port`` for clients, with commas: any of them may be away when a client starts."""
        return ",".join(broker.bootstrap for broker in self.brokers.values())

    def start(self) -> None:
        """Start the brokers that do not run, all at once: none is ready without a majority. Raises StartFailed with none left running."""
        try:
            self._each(lambda broker: broker.start())
        except BaseException:
            self.kill()
            raise

    def stop(self, timeout_s: float = 10.0) -> None:
        """Stop all cleanly, or by force after ``timeout_s``."""
        with suppress(OSError):
            self._each(lambda broker: broker.stop(timeout_s))

    def kill(self) -> None:
        """SIGKILL to all at once."""
        self._each(lambda broker: broker.kill())

    def _each(self, do: Callable[[Kafka], None]) -> None:
        with ThreadPoolExecutor(len(self.brokers)) as pool:
            for done in [pool.submit(do, broker) for broker in self.brokers.values()]:
                done.result()
