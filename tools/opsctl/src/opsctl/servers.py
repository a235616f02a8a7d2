"""The two servers that opsctl asks, opened for one command."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from opsctl.exits import Exit, Stop
from opsctl.where import Where
from opsroom_common.contracts.topics import CONTROL, EVENTS, Topic, load_topics
from opsroom_common.log.admin import LogAdmin, TopicFound
from opsroom_common.log.admin_kafka import KafkaLogAdmin
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.log.port import EventLog
from opsroom_common.postgres.pool import Pool

CLIENT = "opsctl"


@dataclass(frozen=True, slots=True)
class Servers:
    """``log`` and ``pool`` connect when they are first used. ``found`` is ops.events as it is."""

    log: KafkaEventLog
    admin: LogAdmin
    pool: Pool
    found: TopicFound
    api: str
    """Where command-api takes commands."""


@asynccontextmanager
async def opened(where: Where) -> AsyncGenerator[Servers]:
    """Everything for a command that reads ops.events. Raises Stop if the topic is missing or not as declared, log.port.Unavailable."""
    declared = load_topics()[EVENTS]
    async with opened_admin(where) as admin:
        found = _checked((await admin.topics()).get(EVENTS), declared)
        log = KafkaEventLog(where.kafka, found.partitions, client_id=CLIENT)
        pool = await opened_pool(where)
        try:
            yield Servers(log, admin, pool, found, where.api)
        finally:
            await pool.close()
            await log.close()


@asynccontextmanager
async def opened_admin(where: Where) -> AsyncGenerator[LogAdmin]:
    admin = KafkaLogAdmin(where.kafka, client_id=CLIENT)
    try:
        yield admin
    finally:
        await admin.close()


@asynccontextmanager
async def opened_control(where: Where) -> AsyncGenerator[EventLog]:
    """``ops.control``, to be read. Raises Stop if it is missing, log.port.Unavailable."""
    async with opened_admin(where) as admin:
        if CONTROL not in await admin.topics():
            raise Stop(Exit.AWAY, f"the topic {CONTROL} is not on this broker: make it with devstack topics, or check OPSROOM_KAFKA")
    log = KafkaEventLog(where.kafka, 1, topic=CONTROL, client_id=CLIENT)
    try:
        yield log
    finally:
        await log.close()


@asynccontextmanager
async def opened_for_projections(where: Where, *, log: bool = True) -> AsyncGenerator[tuple[KafkaEventLog, Pool]]:
    """The log, which is checked to be as declared if ``log``, and a pool whose statements may take hours. Raises Stop, log.port.Unavailable."""
    declared = load_topics()[EVENTS]
    if log:
        async with opened_admin(where) as admin:
            _checked((await admin.topics()).get(EVENTS), declared)
    events = KafkaEventLog(where.kafka, declared.partitions, client_id=CLIENT)
    # What a crash of Postgres loses of a build is read again from the log.
    pool = await Pool.open(
        where.postgres,
        name="opsctl projections",
        max_size=12,
        statement_timeout_s=24 * 3600.0,
        idle_timeout_s=30.0,
        synchronous_commit=False,
    )
    try:
        yield events, pool
    finally:
        await pool.close()
        await events.close()


async def opened_pool(where: Where) -> Pool:
    """Connects when it is first used."""
    return await Pool.open(where.postgres, name=CLIENT, max_size=2, statement_timeout_s=5.0)


def _checked(found: TopicFound | None, declared: Topic) -> TopicFound:
    if found is None:
        raise Stop(Exit.AWAY, f"the topic {declared.name} is not on this broker: make it with devstack topics, or check OPSROOM_KAFKA")
    if found.partitions != declared.partitions:
        raise Stop(
            Exit.FINDING,
            f"{declared.name} has {found.partitions} partitions and topics.yaml declares {declared.partitions}: an id would be looked for "
            "in the wrong one; use the declaration that the topic was made from",
        )
    return found
