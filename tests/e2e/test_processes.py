"""Changes over two entities on real servers, with kill -9 of command-api in their middle: each comes to an end, with nothing lost or doubled."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
import pytest

from devstack.throwaway import ThrowawayStack
from opsroom_common.contracts.topics import EVENTS, load_topics
from opsroom_common.log.entity import Entity, fold
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.runtime.ids import SystemIds
from opsroom_domain.entities.incident import Incident, Standing
from opsroom_domain.entities.task import Task

from .metrics import total
from .test_crashes import definite, valid_events

GROUPS = 12
"""Of four incidents each: one is merged, one is split, one has a follow-up, one is the other end of links."""
IDS = SystemIds()


async def states(log: KafkaEventLog) -> Mapping[str, Any]:
    found: dict[str, Entity] = {}
    for record in await valid_events(log):
        found[record.entity_id] = fold(found.get(record.entity_id), record)
    return {entity_id: entity.state for entity_id, entity in found.items()}


def pending(known: Mapping[str, Any]) -> list[str]:
    """What waits for another entity."""
    waits: list[str] = []
    for entity_id, state in known.items():
        if isinstance(state, Incident):
            follow_ups = {} if state.postmortem is None else state.postmortem.follow_ups
            parts = (*state.links, *state.splits.values(), *follow_ups.values(), *(() if state.merge is None else (state.merge,)))
            waits += [entity_id for part in parts if part.standing is Standing.PENDING]
    return waits


async def ask(http: httpx.AsyncClient, number: int, done: list[list[str]]) -> None:
    """One group's incidents and everything that is asked of them; their ids are among ``done`` once all is asked."""
    source, split, reviewed, target = ids = [IDS.entity_id("inc") for _ in range(4)]
    for name in ids:
        await definite(http, "/v1/incidents", {"id": name, "title": f"incident {number}"})
    for name, fingerprints in ((source, ("a", "b")), (split, ("c", "d"))):
        for each in fingerprints:
            body = {
                "fingerprint": f"{each}{number}",
                "status": "firing",
                "starts_at": "2026-11-22T11:00:00Z",
                "name": "Down",
                "source": "probe",
            }
            await definite(http, f"/v1/incidents/{name}/signals", body)
    for name in (split, reviewed):
        await definite(http, f"/v1/incidents/{name}/links", {"target": target, "relation": "caused-by"})
    await definite(http, f"/v1/incidents/{source}/merge", {"into": target})
    new = IDS.entity_id("inc")
    await definite(http, f"/v1/incidents/{split}/split", {"into": new, "title": "Another one", "fingerprints": [f"d{number}"]})
    for path, body in (("resolve", {}), ("postmortem", {}), ("postmortem/follow-ups", {"title": "Do it better"})):
        await definite(http, f"/v1/incidents/{reviewed}/{path}", body)
    done.append([*ids, new])


@pytest.mark.timeout(180)
async def test_what_concerns_two_entities_comes_to_an_end_whenever_command_api_is_killed(
    stack: ThrowawayStack, until: Callable[..., Awaitable[None]]
) -> None:
    done: list[list[str]] = []
    async with httpx.AsyncClient(base_url=stack.command_api.url, timeout=20) as http:

        async def client(start: int) -> None:
            for number in range(start, GROUPS, 4):
                await ask(http, number, done)

        working = asyncio.gather(*[client(start) for start in range(4)])
        for share in (0.2, 0.6):
            await until(lambda share=share: len(done) >= GROUPS * share, timeout_s=90)
            await asyncio.to_thread(stack.command_api.kill)
            await asyncio.to_thread(stack.command_api.start)
        await working
    await asyncio.to_thread(stack.command_api.kill)  # once more, with whatever is pending now
    await asyncio.to_thread(stack.command_api.start)

    log = KafkaEventLog(stack.servers.kafka.bootstrap, load_topics()[EVENTS].partitions)
    try:
        async with asyncio.timeout(60):
            while pending(known := await states(log)):
                await asyncio.sleep(0.2)
        for number, (source, split, reviewed, target, new) in zip(_numbers(known, done), done, strict=True):
            assert known[source].merge.standing is Standing.DONE
            assert set(known[target].signals) == {f"a{number}", f"b{number}"}
            assert (set(known[split].signals), set(known[new].signals)) == ({f"c{number}"}, {f"d{number}"})
            back = {(link.target, link.relation) for link in known[target].links}
            assert back == {(split, "causes"), (reviewed, "causes")}
            (follow_up,) = known[reviewed].postmortem.follow_ups
            assert isinstance(known[follow_up], Task)
            assert known[follow_up].parent == reviewed
        assert sum(isinstance(state, Task) for state in known.values()) == GROUPS
        applied = Counter(record.command_id for record in await valid_events(log) if record.envelope.actor == "svc_processes")
        taken = [record for record in await valid_events(log) if record.envelope.type == "opsroom.incident.took_over"]
        assert len(taken) == 2 * GROUPS, "something was taken over twice"
        assert applied
        assert await total(stack.command_api.url, "opsroom_processes_under_way") == 0
    finally:
        await log.close()


def _numbers(known: Mapping[str, Any], done: list[list[str]]) -> list[int]:
    return [int(known[ids[0]].title.split()[1]) for ids in done]
