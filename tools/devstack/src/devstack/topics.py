# pyright: reportMissingTypeStubs=false
"""Makes the declared topics on a broker. This is the one place outside the log adapter that speaks Kafka: as its administrator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, for_code

from devstack.errors import DevstackError, StartFailed
from opsroom_common.contracts.topics import Topic

_TOPIC_EXISTS = 36
_UNKNOWN_TOPIC = 3
_LED_WITHIN_S = 20.0
_POLL_S = 0.02
_COPIES = 3


class TopicDiffers(DevstackError):
    """A topic is on the broker with another partition count than ``topics.yaml`` declares. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Ensured:
    """What ``ensure_topics`` found and did: names, in the order of the declaration."""

    made: tuple[str, ...]
    there: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Placement:
    """The node id of a partition's leader, -1 while it has none, and of the brokers that are in sync with it, itself included."""

    leader: int
    in_sync: tuple[int, ...]


async def ensure_topics(bootstrap: str, topics: Mapping[str, Topic]) -> Ensured:
    """Make the declared topics that are missing. May be repeated. Raises TopicDiffers before anything is made, DevstackError.

    On a single broker each partition has one copy; on a cluster three, and an acknowledged batch is in at least two of them (R9).
    """
    async with _admin(bootstrap) as admin:
        found = await _partitions(admin, topics)
        for name, topic in topics.items():
            if name in found and found[name] != topic.partitions:
                raise TopicDiffers(
                    f"the topic {name} has {found[name]} partitions and topics.yaml declares {topic.partitions}: "
                    "the count is fixed for life, so restore the declaration, or wipe this data with make reset"
                )
        missing = [topic for name, topic in topics.items() if name not in found]
        copies = await _copies(admin)
        await _create(admin, [_new(topic.name, topic.partitions, copies, topic.config) for topic in missing])
        await _wait_led(admin, {topic.name: topic.partitions for topic in topics.values()})
    made = tuple(topic.name for topic in missing)
    return Ensured(made, tuple(name for name in topics if name not in made))


async def create_topic(bootstrap: str, name: str, partitions: int, config: Mapping[str, str] | None = None) -> None:
    """Make one topic and return when the broker shows it with all its partitions. Raises DevstackError."""
    async with _admin(bootstrap) as admin:
        await _create(admin, [_new(name, partitions, await _copies(admin), config or {})])
        await _wait_led(admin, {name: partitions})


async def placement(bootstrap: str, name: str) -> Mapping[int, Placement]:
    """Where each partition of a topic is. Raises DevstackError when no broker answers."""
    async with _admin(bootstrap) as admin:
        described = await admin.describe_topics([name])
    return {
        int(each["partition"]): Placement(int(each["leader"]), tuple(int(node) for node in each["isr"]))
        for topic in described
        for each in topic["partitions"]
    }


async def delete_topics(bootstrap: str, names: Sequence[str]) -> None:
    """Delete topics; those that are gone already are no error."""
    if names:
        async with _admin(bootstrap) as admin:
            await admin.delete_topics(list(names))


@asynccontextmanager
async def _admin(bootstrap: str) -> AsyncGenerator[AIOKafkaAdminClient, None]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=20_000)
    try:
        await admin.start()
        yield admin
    except (KafkaError, TimeoutError) as error:
        raise StartFailed(f"the broker at {bootstrap} does not serve its topics ({error!r}): see its log, and try again") from error
    finally:
        await admin.close()


def _new(name: str, partitions: int, copies: int, config: Mapping[str, str]) -> NewTopic:
    in_sync = {"min.insync.replicas": "2"} if copies == _COPIES else {}
    return NewTopic(name, partitions, copies, topic_configs={**config, **in_sync})


async def _copies(admin: AIOKafkaAdminClient) -> int:
    """One on a broker that is alone. On any cluster three: with one of its brokers away Kafka then refuses, instead of making too few for ever."""
    return 1 if len((await admin.describe_cluster())["brokers"]) == 1 else _COPIES


async def _create(admin: AIOKafkaAdminClient, topics: list[NewTopic]) -> None:
    if not topics:
        return
    answer = (await admin.create_topics(topics)).to_object()
    for error in answer["topic_errors"]:
        code = int(error["error_code"])
        # Somebody else's create between our look and ours is as good.
        if code not in {0, _TOPIC_EXISTS}:
            raise DevstackError(
                f"the broker did not make the topic {error['topic']}: {for_code(code).__name__} {error['error_message'] or ''}"
            )


async def _wait_led(admin: AIOKafkaAdminClient, wanted: Mapping[str, int]) -> None:
    # A topic that was made, or whose broker was restarted, has partitions without a leader for some milliseconds.
    async with asyncio.timeout(_LED_WITHIN_S):
        while wanted and await _partitions(admin, wanted, only_led=True) != dict(wanted):  # noqa: ASYNC110 - the broker has no event to wait for
            await asyncio.sleep(_POLL_S)


async def _partitions(admin: AIOKafkaAdminClient, names: Mapping[str, object], *, only_led: bool = False) -> dict[str, int]:
    """Of the named topics those that are there, with their number of partitions (that have a leader)."""
    described = await admin.describe_topics(list(names))
    return {
        str(topic["topic"]): sum(1 for partition in topic["partitions"] if partition["leader"] >= 0 or not only_led)
        for topic in described
        if topic["error_code"] != _UNKNOWN_TOPIC
    }
