"""Partitions are shared out among members: one suite for the group in memory and for Kafka's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from opsroom_common.log.membership import Membership
from opsroom_common.log.membership_kafka import KafkaMembership
from opsroom_common.log.membership_memory import MemoryGroup

if TYPE_CHECKING:
    from conftest import KafkaAddress, MakeTopic

PARTITIONS = 4
ALL = frozenset(range(PARTITIONS))
Join = Callable[[str], Membership]


@dataclass
class Member:
    membership: Membership
    mine: frozenset[int] = frozenset()
    shares: int = 0
    task: asyncio.Task[None] = field(init=False)

    def take(self, partitions: frozenset[int]) -> None:
        self.mine = partitions
        self.shares += 1

    async def leave(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


Start = Callable[[str], Member]


@asynccontextmanager
async def members(new: Join) -> AsyncIterator[Start]:
    started: list[Member] = []

    def start(name: str) -> Member:
        member = Member(new(name))
        member.task = asyncio.create_task(member.membership.run(member.take))
        started.append(member)
        return member

    yield start
    await asyncio.gather(*(member.leave() for member in started))


@pytest.fixture
async def memory_members() -> AsyncIterator[Start]:
    async with members(MemoryGroup(PARTITIONS).member) as start:
        yield start


@pytest.fixture
async def kafka_members(kafka: KafkaAddress, kafka_topics: MakeTopic) -> AsyncIterator[Start]:
    topic = await kafka_topics(PARTITIONS)
    async with members(lambda name: KafkaMembership(kafka.bootstrap, topic, topic, client_id=name, session_timeout_s=6.0)) as start:
        yield start


@pytest.fixture(params=["memory_members", pytest.param("kafka_members", marks=pytest.mark.server)])
def join(request: pytest.FixtureRequest) -> Start:
    return request.getfixturevalue(request.param)


@asynccontextmanager
async def bound(seconds: float = 30.0) -> AsyncIterator[None]:
    async with asyncio.timeout(seconds):
        yield


async def until(condition: Callable[[], bool]) -> None:
    async with bound():
        while not condition():
            await asyncio.sleep(0.01)


async def test_the_only_member_owns_everything(join: Start) -> None:
    a = join("a")
    await until(lambda: a.mine == ALL)
    assert all([await a.membership.confirms(p) for p in ALL])


async def test_two_members_share_and_most_stays_where_it_was(join: Start) -> None:
    a = join("a")
    await until(lambda: a.mine == ALL)
    b = join("b")
    await until(lambda: len(a.mine) == len(b.mine) == 2)
    assert a.mine | b.mine == ALL
    c = join("c")
    before = a.mine, b.mine
    await until(
        lambda: len(c.mine) == 1 and a.mine | b.mine | c.mine == ALL and not (a.mine & b.mine or b.mine & c.mine or a.mine & c.mine)
    )
    assert a.mine <= before[0]
    assert b.mine <= before[1]


async def test_who_leaves_gives_its_share_to_the_others_at_once(join: Start) -> None:
    a = join("a")
    await until(lambda: a.mine == ALL)
    b = join("b")
    await until(lambda: len(a.mine) == len(b.mine) == 2)
    await a.leave()
    await until(lambda: b.mine == ALL)
    assert not await a.membership.confirms(0)


async def test_what_belongs_to_another_is_not_confirmed(join: Start) -> None:
    a = join("a")
    await until(lambda: a.mine == ALL)
    b = join("b")
    await until(lambda: len(a.mine) == len(b.mine) == 2)
    async with bound():
        for member, other in ((a, b), (b, a)):
            for partition in member.mine:
                while not await member.membership.confirms(partition):  # the rebalance may not have come to its end everywhere
                    await asyncio.sleep(0.01)
                assert not await other.membership.confirms(partition)


async def test_a_frozen_group_confirms_what_it_said_last() -> None:
    group = MemoryGroup(PARTITIONS)
    a, b = Member(group.member("a")), Member(group.member("b"))
    group.join("a", a.take)
    group.frozen = True
    group.join("b", b.take)
    assert (a.mine, b.mine) == (ALL, frozenset())
    assert await a.membership.confirms(0)
    assert not await b.membership.confirms(0)
