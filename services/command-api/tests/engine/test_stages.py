"""Where a command's time goes adds up: decide, queue and append are the whole time from being handed in to the ack."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from command_api.engine.batch import Batch, Stages
from command_api.engine.metrics import EngineMetrics
from opsroom_common.runtime.metrics import Metrics


def test_the_stages_of_a_batch_are_the_whole_time_of_its_commands() -> None:
    batch = Batch(base=0)
    batch.timed(began=1.0, decided=1.5)
    batch.timed(began=2.0, decided=2.25)
    stages = batch.stages(sent=3.0, acked=7.0)
    assert stages == Stages(decide=0.75, queue=1.5 + 0.75, append=4.0 + 4.0)
    assert sum(stages) == pytest.approx((7.0 - 1.0) + (7.0 - 2.0))


@pytest.mark.parametrize("count", range(1, 65))
def test_no_stage_is_shorter_than_nothing_however_the_clock_rounds(count: int) -> None:
    for at in (0.1, 1000.011, 123456.789, 1e6 + 0.3):
        batch = Batch(base=0)
        for _ in range(count):
            batch.timed(began=at, decided=at)
        assert batch.stages(sent=at, acked=at) == Stages(0.0, 0.0, 0.0)


def test_the_stages_of_all_batches_are_summed_by_name() -> None:
    metrics = Metrics(CollectorRegistry())
    counted = EngineMetrics(metrics)
    for _ in range(2):
        counted.batch(events=1, answers=1, seconds=4.0, stages=Stages(0.5, 1.0, 4.0))
    text = metrics.render().decode()
    for stage, seconds in (("decide", 1.0), ("queue", 2.0), ("append", 8.0)):
        assert f'opsroom_engine_stage_seconds_total{{stage="{stage}"}} {seconds}' in text
