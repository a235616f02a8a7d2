"""The three servers together, and their addresses as others are told them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from devstack.kafka import Kafka
from devstack.kafka_cluster import KafkaCluster
from devstack.postgres import Postgres
from devstack.redis import Redis


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a set of servers listens: Kafka's ``host:port``, Postgres' DSN, Redis' URL."""

    kafka: str
    postgres: str
    redis: str

    def environment(self) -> dict[str, str]:
        """The variables by which every service finds them."""
        return {"OPSROOM_KAFKA": self.kafka, "OPSROOM_POSTGRES": self.postgres, "OPSROOM_REDIS": self.redis}

    def save(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read what ``save`` wrote. Raises OSError, ValueError."""
        read = json.loads(file.read_text())
        return cls(kafka=str(read["kafka"]), postgres=str(read["postgres"]), redis=str(read["redis"]))


@dataclass(frozen=True, slots=True)
class ServerSet:
    """Kafka, Postgres and Redis. As a context manager: all run inside the block, none after it."""

    kafka: Kafka | KafkaCluster
    postgres: Postgres
    redis: Redis

    @classmethod
    def throwaway(cls, folder: Path, *, brokers: int = 1) -> Self:
        """A set for tests: free ports, no fsync. More than one broker make a cluster."""
        kafka = Kafka(folder / "kafka") if brokers == 1 else KafkaCluster(folder, brokers)
        return cls(kafka, Postgres(folder / "postgres", durable=False), Redis(folder / "redis"))

    @property
    def addresses(self) -> Addresses:
        return Addresses(self.kafka.bootstrap, self.postgres.dsn, self.redis.url)

    def start(self) -> None:
        """Start all three at once. When one fails the others are stopped too. Raises StartFailed."""
        with ThreadPoolExecutor(3) as pool:
            starts = [pool.submit(server.start) for server in (self.kafka, self.postgres, self.redis)]
        try:
            for start in starts:
                start.result()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all three; each within 10 s, then by force."""
        with ThreadPoolExecutor(3) as pool:
            stops = [pool.submit(server.stop) for server in (self.redis, self.postgres, self.kafka)]
        for stop in stops:
            with suppress(OSError):
                stop.result()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
