"""An incident with a record that nobody can read, until a person has it skipped."""

from collections.abc import Iterator
from typing import Any

from opsroom_domain.entities.incident import Acknowledge, AddNote, Open, Resolve
from opsroom_domain.ids import EntityId

from .telling import ADA, BO, Skipped, clock

_LOST = EntityId("inc_01kaqf5m2s8v6t4r0q9p7n3k5n")


def skips() -> Iterator[tuple[str, EntityId, Any]]:
    stamp = clock()
    yield "incident", _LOST, Open(incident_id=_LOST, title="A schema is lost", **stamp())
    yield "incident", _LOST, Acknowledge(**stamp(BO))
    yield "incident", _LOST, Skipped(reason="Its writer was never released", **stamp(ADA))
    yield "incident", _LOST, AddNote(note_id="note_1", text="Behind what was skipped", **stamp(BO))
    yield "incident", _LOST, Resolve(resolution="Released", **stamp(BO))
