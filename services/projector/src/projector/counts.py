"""The projector's metrics as one small object, so that the loop says what happened and not how it is counted."""

from __future__ import annotations

from collections.abc import Sequence

from opsroom_common.feed.port import FeedEntry
from opsroom_common.runtime.logging import get_logger
from opsroom_common.runtime.metrics import Metrics
from projector.fold_batch import Folded
from projector.metrics import AGE, BEHIND, EVENTS, LAG, PARKED, RECORDS, SESSIONS, SKIPPED, STATEMENT, UNPARKED

_log = get_logger("projector")


class Counts:
    def __init__(self, metrics: Metrics) -> None:
        self._records = metrics.counter(RECORDS)
        self._events = metrics.counter(EVENTS)
        self._parked = metrics.counter(PARKED)
        self._unparked = metrics.counter(UNPARKED)
        self._behind = metrics.counter(BEHIND)
        self._skipped = metrics.counter(SKIPPED)
        self._lag = metrics.gauge(LAG)
        self._statement = metrics.histogram(STATEMENT)
        self._age = metrics.histogram(AGE)
        self._sessions = metrics.counter(SESSIONS)

    def batch(self, partition: int, records: int, folded: Folded, entries: Sequence[FeedEntry]) -> None:
        """A batch was committed. A newly parked entity is told loudly: a person has to look."""
        label = str(partition)
        self._records.labels(label).inc(records)
        self._events.labels(label).inc(len(folded.versions))
        for row in folded.parked:
            self._behind.labels(label).inc(row.behind)
        for row in folded.newly_parked:
            self._parked.labels(label).inc()
            _log.error("an entity was parked", entity=row.entity_id, partition=partition, offset=row.offset, reason=row.reason)
        for entry in entries:
            self._age.observe(max(0.0, entry.times["projected"] - entry.times["event"]))

    def unparked(self, partition: int, how: str) -> None:
        """A parked entity was folded again; if it is parked once more, that was told as every parking."""
        self._unparked.labels(str(partition), how).inc()

    def skipped(self, partition: int) -> None:
        self._skipped.labels(str(partition)).inc()

    def lag(self, partition: int, records: int) -> None:
        self._lag.labels(str(partition)).set(records)

    def statement(self, seconds: float) -> None:
        self._statement.observe(seconds)

    def session_ended(self, why: str) -> None:
        self._sessions.labels(why).inc()
