"""Fixtures on real servers, for every test below.

One Kafka, one Postgres and one Redis serve a whole run: they start when the first test asks, or, when OPSROOM_TEST_SERVERS names
a file of addresses (as ``make test`` does), are somebody else's. What a test gets in them is its own and empty. A test that kills, pauses or
restarts a server takes ``own_kafka``, ``own_postgres`` or ``own_redis`` instead.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck, settings

from devstack.kafka import Kafka
from devstack.postgres import Postgres, psql
from devstack.redis import DATABASES, Redis
from devstack.servers import Addresses
from devstack.topics import create_topic, delete_topics

# Every random test prints its failing example and how to run it again, and none is judged by the clock. HYPOTHESIS_PROFILE=deep looks longer.
settings.register_profile("default", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("deep", parent=settings.get_profile("default"), max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

_DEFAULT_PARTITIONS = 2


@dataclass(frozen=True, slots=True)
class KafkaAddress:
    """The shared broker; ``bootstrap`` is ``host:port``."""

    bootstrap: str


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """The shared server; ``dsn`` names its database ``postgres``, which belongs to no test."""

    dsn: str

    def dsn_of(self, database: str) -> str:
        return self.dsn.rsplit("/", 1)[0] + "/" + database


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """The shared server; ``url`` names database 0, which belongs to no test."""

    url: str

    def url_of(self, database: int) -> str:
        return self.url.rsplit("/", 1)[0] + f"/{database}"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "kafka_partitions(n): how many partitions the fixture kafka_topic has")


_SERVER_FIXTURES = {"kafka", "postgres", "redis_server", "own_kafka", "own_postgres", "own_redis"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and _SERVER_FIXTURES & set(item.fixturenames):
            item.add_marker("server")


@pytest.fixture(scope="session")
def _addresses() -> Addresses | None:
    file = os.environ.get("OPSROOM_TEST_SERVERS")
    return Addresses.load(Path(file)) if file else None


@pytest.fixture(scope="session")
def kafka(_addresses: Addresses | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaAddress]:
    """The run's Kafka broker. Topics are made on purpose only: take ``kafka_topic``."""
    if _addresses is not None:
        yield KafkaAddress(_addresses.kafka)
        return
    server = Kafka(tmp_path_factory.mktemp("kafka"))
    server.start()
    yield KafkaAddress(server.bootstrap)
    server.kill()


@pytest.fixture(scope="session")
def postgres(_addresses: Addresses | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresAddress]:
    """The run's Postgres server. Take ``postgres_dsn`` for a database."""
    if _addresses is not None:
        yield PostgresAddress(_addresses.postgres)
        return
    server = Postgres(tmp_path_factory.mktemp("postgres"), durable=False)
    server.start()
    yield PostgresAddress(server.dsn)
    server.stop()


@pytest.fixture(scope="session")
def redis_server(_addresses: Addresses | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisAddress]:
    """The run's Redis server. Take ``redis_url`` for a database."""
    if _addresses is not None:
        yield RedisAddress(_addresses.redis)
        return
    server = Redis(tmp_path_factory.mktemp("redis"))
    server.start()
    yield RedisAddress(server.url)
    server.kill()


MakeTopic = Callable[[int], Awaitable[str]]


@pytest.fixture
async def kafka_topics(kafka: KafkaAddress) -> AsyncIterator[MakeTopic]:
    """Makes topics: await it with a number of partitions, get a name. All are deleted after the test."""
    made: list[str] = []

    async def make(partitions: int) -> str:
        name = f"test-{os.urandom(8).hex()}"
        await create_topic(kafka.bootstrap, name, partitions)
        made.append(name)
        return name

    yield make
    await delete_topics(kafka.bootstrap, made)


@pytest.fixture
async def kafka_topic(kafka_topics: MakeTopic, request: pytest.FixtureRequest) -> str:
    """A topic of the test's own; two partitions, or as ``@pytest.mark.kafka_partitions(n)`` says."""
    mark = request.node.get_closest_marker("kafka_partitions")
    return await kafka_topics(mark.args[0] if mark is not None else _DEFAULT_PARTITIONS)


@pytest.fixture
def postgres_dsn(postgres: PostgresAddress) -> Iterator[str]:
    """An empty database of the test's own; dropped afterwards, with whoever is still connected."""
    name = f"test_{os.urandom(8).hex()}"
    psql(postgres.dsn, f"CREATE DATABASE {name} TEMPLATE template0")
    yield postgres.dsn_of(name)
    psql(postgres.dsn, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def redis_url(redis_server: RedisAddress) -> Iterator[str]:
    """A numbered database of the test's own, empty. (Publish and subscribe know no databases; streams and keys do.)"""
    with redis.Redis.from_url(redis_server.url) as counter:
        # Counted on the server, so that parallel runs on one server do not meet; database 0 holds the counter.
        number = 1 + int(str(counter.incr("tests"))) % (DATABASES - 1)
    url = redis_server.url_of(number)
    with redis.Redis.from_url(url) as own:
        own.flushdb()
        yield url
        own.flushdb()


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[Kafka]:
    """A broker of the test's own, running: it may be killed, paused and restarted."""
    server = Kafka(tmp_path / "kafka")
    server.start()
    yield server
    with suppress(OSError):
        server.kill()


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[Postgres]:
    """A Postgres server of the test's own, running: it may be killed, paused and restarted."""
    server = Postgres(tmp_path / "postgres", durable=False)
    server.start()
    yield server
    with suppress(OSError):
        server.kill()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Redis]:
    """A Redis server of the test's own, running: it may be killed, paused and restarted."""
    server = Redis(tmp_path / "redis")
    server.start()
    yield server
    with suppress(OSError):
        server.kill()
