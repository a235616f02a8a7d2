"""What the projector counts."""

from __future__ import annotations

from opsroom_common.runtime.metrics import CounterSpec, GaugeSpec, HistogramSpec

RECORDS = CounterSpec("opsroom_projector_records_total", "Records that the checkpoints have passed, of whatever class.", ("partition",))
EVENTS = CounterSpec("opsroom_projector_events_total", "Events that were folded into rows.", ("partition",))
PARKED = CounterSpec(
    "opsroom_projector_parked_total", "Entities that were set aside because of a record that cannot be handled.", ("partition",)
)
UNPARKED = CounterSpec(
    "opsroom_projector_unparked_total",
    "Parked entities that were folded again: their record was skipped, or a person had them retried.",
    ("partition", "how"),
)
BEHIND = CounterSpec("opsroom_projector_behind_parked_total", "Records that wait behind a parked entity.", ("partition",))
SKIPPED = CounterSpec("opsroom_projector_skipped_total", "Records that cannot be handled and name no entity.", ("partition",))
LAG = GaugeSpec("opsroom_projector_lag_records", "Records of the partition that are not projected yet.", ("partition",))
STATEMENT = HistogramSpec("opsroom_projector_statement_seconds", "Time of one batch's statement, with the wait for the feed's head.")
AGE = HistogramSpec("opsroom_projector_event_age_seconds", "Time from an event's own time to the commit of its rows.")
SESSIONS = CounterSpec(
    "opsroom_projector_sessions_total", "How often the projector opened its rows and the log again, by why the last one ended.", ("why",)
)
PUBLISHED = CounterSpec("opsroom_projector_published_total", "Feed entries that were sent to the carrier.")
UNSENT = CounterSpec(
    "opsroom_projector_unsent_total", "Feed entries that the carrier did not get; readers take them from the table.", ("why",)
)
