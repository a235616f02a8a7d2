"""The full run of chaos as a test, on request: ``make test-chaos``. ``make chaos`` prints its tables as well."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.throwaway import ThrowawayStack

from .__main__ import BROKERS, REPLICAS
from .faults import FULL
from .recreated import recreate_topic
from .report import FAULTS_MIN, SESSION_TIMEOUT_S
from .run import run, stack_of

pytestmark = [pytest.mark.slow, pytest.mark.server, pytest.mark.timeout(870)]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[ThrowawayStack]:
    with stack_of(tmp_path / "stack", replicas=REPLICAS, brokers=BROKERS, session_timeout_s=SESSION_TIMEOUT_S) as running:
        yield running


async def test_no_fault_makes_an_answer_untrue(cluster: ThrowawayStack) -> None:
    seed = int.from_bytes(os.urandom(3))
    print(f"seed {seed}")
    outcome = await run(cluster, FULL, seed, session_timeout_s=SESSION_TIMEOUT_S)
    assert outcome.failures == []
    assert outcome.verdict.bad == 0
    assert len(outcome.struck) >= FAULTS_MIN
    recreated = await recreate_topic(cluster, seed)
    assert recreated.served
    assert recreated.examples == ()
