"""The peer of ``bench.projection``: a projection of the ``eventsourcing`` library into Postgres, of the incidents of ``bench.peer_eventsourcing``.

What was chosen, the fastest that keeps the library's promises: its own runner and subscription; one transaction an event, as its tracking wants,
with one statement for the row; ``synchronous_commit`` off for the view, as ours has it, since what a crash loses is read again.
"""

from __future__ import annotations

import os
import time
from typing import Any
from uuid import UUID

from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL, Identifier

from bench.peer_eventsourcing import Incident, Incidents, settings

EVENTS_EACH = 10


class IncidentRows(PostgresTrackingRecorder):
    """A row for each incident, written with the place in the log that it is of."""

    def __init__(self, datastore: PostgresDatastore, **kwargs: Any) -> None:
        super().__init__(datastore, **kwargs)
        self.check_identifier_length("incident_rows")
        table = SQL("{0}.{1}").format(Identifier(datastore.schema), Identifier("incident_rows"))
        self.sql_create_statements.append(
            SQL(
                "CREATE TABLE IF NOT EXISTS {0} (id uuid PRIMARY KEY, version int NOT NULL, title text NOT NULL, notes int NOT NULL)"
            ).format(table)
        )
        self._opened = SQL("INSERT INTO {0} VALUES (%s, 1, %s, 0)").format(table)
        self._noted = SQL("UPDATE {0} SET version = %s, notes = notes + 1 WHERE id = %s").format(table)

    def opened(self, incident: UUID, title: str, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(self._opened, (incident, title), prepare=True)

    def noted(self, incident: UUID, version: int, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(self._noted, (version, incident), prepare=True)


class IncidentProjection(Projection[IncidentRows]):
    """The board of the peer."""

    name = "bench_projection"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        if type(domain_event).__name__ == "Opened":
            self.view.opened(domain_event.originator_id, domain_event.title, tracking)
        else:
            self.view.noted(domain_event.originator_id, domain_event.originator_version, tracking)


def events_per_second(dsn: str, incidents: int) -> float:
    """Write ``incidents`` of ten events each, then project them from the first on."""
    env = settings(dsn)
    with Incidents(env=env) as app:
        for number in range(incidents):
            incident = Incident(f"the disk of db-{number} is almost full")
            for note in range(EVENTS_EACH - 1):
                incident.note(f"note-{note}", "moved the oldest logs away; it is growing still")
            app.save(incident)
        last = app.recorder.max_notification_id()
    os.environ["PGOPTIONS"] = "-c synchronous_commit=off"
    try:
        began = time.perf_counter()
        with ProjectionRunner(application_class=Incidents, projection_class=IncidentProjection, view_class=IncidentRows, env=env) as runner:
            runner.wait(last, timeout=120.0)
            took = time.perf_counter() - began
    finally:
        del os.environ["PGOPTIONS"]
    return incidents * EVENTS_EACH / took
