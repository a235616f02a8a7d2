"""What the engine counts."""

from __future__ import annotations

from collections.abc import Callable

from command_api.engine.batch import Stages
from opsroom_common.runtime.metrics import CounterSpec, GaugeSpec, HistogramSpec, Metrics

BATCH_SECONDS = HistogramSpec(
    "opsroom_engine_batch_seconds", "Time from handing a batch to the producer until its answers leave, in seconds."
)
BATCH_EVENTS = HistogramSpec(
    "opsroom_engine_batch_events", "Events per batch; 0 is a mark.", buckets=(0.0, 1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 1000.0)
)
STAGE_SECONDS = CounterSpec(
    "opsroom_engine_stage_seconds_total",
    "Seconds that acknowledged commands spent in the engine, by stage: decide, queue (for the batch before), append. With the door's parse, what "
    "is left of opsroom_command_seconds is the answer.",
    ("stage",),
)
ANSWERS = CounterSpec("opsroom_engine_answers_total", "Commands answered after an ack, refusals and no-ops included.")
TAKEOVERS = CounterSpec("opsroom_engine_takeovers_total", "Fences of this replica that were read back.", ("partition",))
TERMS_LOST = CounterSpec("opsroom_engine_terms_lost_total", "Terms that ended other than by a clean hand-over.", ("partition",))
FORWARDS = CounterSpec(
    "opsroom_engine_forwards_total",
    "Commands of other replicas' partitions: answered by their owner, or not_served there (tried again for a moment).",
    ("outcome",),
)
SERVING = GaugeSpec("opsroom_engine_serving", "1 while this replica serves the partition.", ("partition",))
STATE_BYTES = GaugeSpec("opsroom_engine_state_bytes", "Memory of the entities that this replica holds, estimated, over all its partitions.")
EVICTIONS = CounterSpec(
    "opsroom_engine_evictions_total",
    "Entities let go to stay below the limit; covered: by rows. The others come back from the log if they are wanted before the rows have them.",
    ("covered",),
)
LOG_SCANS = CounterSpec("opsroom_engine_log_scans_total", "Scans of a whole partition for entities that no row could give.")


class EngineMetrics:
    """The engine's live metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self._batch_seconds = metrics.histogram(BATCH_SECONDS)
        self._batch_events = metrics.histogram(BATCH_EVENTS)
        self._answers = metrics.counter(ANSWERS)
        self._stages = [metrics.counter(STAGE_SECONDS).labels(stage) for stage in Stages._fields]
        self._takeovers = metrics.counter(TAKEOVERS)
        self._terms_lost = metrics.counter(TERMS_LOST)
        self._serving = metrics.gauge(SERVING)
        self._state_bytes = metrics.gauge(STATE_BYTES)
        self._evictions = metrics.counter(EVICTIONS)
        self._log_scans = metrics.counter(LOG_SCANS)

    def batch(self, events: int, answers: int, seconds: float, stages: Stages) -> None:
        """A batch was acknowledged and answered."""
        self._batch_seconds.observe(seconds)
        self._batch_events.observe(events)
        self._answers.inc(answers)
        for counter, spent in zip(self._stages, stages, strict=True):
            counter.inc(spent)

    def serving(self, partition: int) -> None:
        """A term began."""
        self._takeovers.labels(str(partition)).inc()
        self._serving.labels(str(partition)).set(1)

    def lost(self, partition: int) -> None:
        """A term ended other than by a clean hand-over."""
        self._terms_lost.labels(str(partition)).inc()

    def stopped(self, partition: int) -> None:
        """A term has ended, however."""
        self._serving.labels(str(partition)).set(0)

    def state_bytes(self, held: Callable[[], int]) -> None:
        """Where the gauge reads from."""
        self._state_bytes.set_function(held)

    def evicted(self, count: int, covered: bool) -> None:  # noqa: FBT001 - called through a port of two plain values
        """Entities were let go; ``covered`` by rows or not."""
        self._evictions.labels(str(covered).lower()).inc(count)

    def scanned(self) -> None:
        """A partition is read for entities that no row could give."""
        self._log_scans.inc()


class ForwardMetrics:
    """What becomes of commands for other replicas."""

    def __init__(self, metrics: Metrics) -> None:
        forwards = metrics.counter(FORWARDS)
        self._answered = forwards.labels("answered")
        self._not_served = forwards.labels("not_served")

    def forwarded(self) -> None:
        """Its owner accepted it."""
        self._answered.inc()

    def not_served(self) -> None:
        """Nobody served its partition."""
        self._not_served.inc()
