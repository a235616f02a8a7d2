"""What every store of checkpoints promises, in memory and on a real Kafka: what was kept is loaded by whoever comes next, with its term."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import pytest

from devstack.ports import free_port
from opsroom_common.log.checkpoints import Checkpoints, MemoryCheckpoints
from opsroom_common.log.checkpoints_kafka import KafkaCheckpoints
from opsroom_common.log.port import Checkpoint, Unavailable

if TYPE_CHECKING:
    from conftest import KafkaAddress

TERM = "019aaef2-d05c-7a3e-8c51-6f0e2b7d9a01"
Open = Callable[[], Checkpoints]


@pytest.fixture
async def kafka_side(kafka: KafkaAddress, kafka_topic: str) -> AsyncIterator[Open]:
    made: list[Checkpoints] = []

    def opened() -> Checkpoints:
        made.append(KafkaCheckpoints(kafka.bootstrap, kafka_topic, 2, f"checkpoints.{kafka_topic}"))
        return made[-1]

    yield opened
    for each in made:
        await each.close()


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.server)])
def opened(request: pytest.FixtureRequest) -> Open:
    if request.param == "kafka":
        found: Open = request.getfixturevalue("kafka_side")
        return found
    shared = MemoryCheckpoints()
    return lambda: shared


async def test_a_partition_without_one_begins_at_the_beginning(opened: Open) -> None:
    assert await opened().load([0, 1]) == {0: Checkpoint(), 1: Checkpoint()}


async def test_what_one_kept_the_next_one_loads_with_its_term(opened: Open) -> None:
    first, second = opened(), opened()
    await first.keep({0: Checkpoint(7, TERM, 3), 1: Checkpoint(2)})
    assert (await second.load([0]))[0] == Checkpoint(7, TERM, 3)
    await second.keep({0: Checkpoint(9, TERM, 8)})
    assert await first.load([0]) == {0: Checkpoint(9, TERM, 8)}


async def test_the_last_word_counts_also_if_it_goes_back(opened: Open) -> None:
    store = opened()
    await store.keep({1: Checkpoint(9, TERM, 8)})
    await store.keep({1: Checkpoint(7, TERM, 3)})
    assert (await store.load([1]))[1] == Checkpoint(7, TERM, 3)


async def test_nothing_to_keep_is_kept_without_a_word(opened: Open) -> None:
    await opened().keep({})


async def test_a_broker_that_is_away_is_said() -> None:
    store = KafkaCheckpoints(f"127.0.0.1:{free_port()}", "events", 1, "g", timeout_s=1.0)
    with pytest.raises(Unavailable, match="start Kafka"):
        await store.load([0])
    with pytest.raises(Unavailable, match="start Kafka"):
        await store.keep({0: Checkpoint(1, TERM, 0)})
    await store.close()
