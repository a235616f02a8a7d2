"""Ends a consumer that is a member of a group, whatever state it is in."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportMissingTypeStubs=false
# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer

from opsroom_common.log.ending import ended

CLOSE_S = 3.0


async def end_group_consumer(consumer: AIOKafkaConsumer) -> None:
    """Leave the group and stop, within ``CLOSE_S`` each."""
    await ended(consumer.stop(), CLOSE_S)
    # What follows, `stop` does not get to if it failed before; a member whose heart goes on beating keeps its partitions from everyone.
    await ended(consumer._client.close(), CLOSE_S)  # noqa: SLF001 -- no public way to end what `stop` left
    for name in ("_coordination_task", "_heartbeat_task", "_commit_refresh_task"):
        task: asyncio.Task[None] | None = getattr(consumer._coordinator, name, None)  # noqa: SLF001 -- as above
        if task is not None:
            task.cancel()
