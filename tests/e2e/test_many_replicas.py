"""Three command-apis share the partitions. One is killed, one is ended, one sleeps past its successor: every answer stays true.

A short run of ``make chaos``, on one broker.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.throwaway import ThrowawayStack
from opsroom_checks.runnable import docs_block
from tests.chaos.faults import end_owner, kill_owner, zombie
from tests.chaos.run import run, stack_of

from .test_first_alert import run as run_lines

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
SESSION_TIMEOUT_S = 3.0
ROOT = Path(__file__).parents[2]


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[ThrowawayStack]:
    with stack_of(tmp_path / "stack", replicas=3, brokers=1, session_timeout_s=SESSION_TIMEOUT_S) as running:
        yield running


async def test_owners_that_are_killed_ended_and_woken_tell_nobody_what_is_not_so(replicas: ThrowawayStack) -> None:
    seed = int.from_bytes(os.urandom(3))
    print(f"seed {seed}")
    outcome = await run(replicas, {kill_owner: 1, end_owner: 1, zombie: 1}, seed, session_timeout_s=SESSION_TIMEOUT_S)
    assert outcome.failures == []
    assert outcome.verdict.bad == 0
    assert len(outcome.struck) == 3
    assert outcome.verdict.acknowledged > 100
    assert outcome.verdict.refused > 10, "refusals were judged too"
    assert outcome.classes["fence"] >= 8 + 3, "partitions changed their owner"
    told = await asyncio.to_thread(run_lines, docs_block(ROOT, "owners"), {**os.environ, **replicas.env})
    assert told.returncode == 0, told.stdout + told.stderr
    owners = {line.split()[1] for line in told.stdout.splitlines()[1:]}
    assert owners <= {replica.name for replica in replicas.replicas}
    assert len(owners) > 1, "the page's command names them"
