"""What an entity remembers of its commands (R6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from opsroom_common.contracts.envelope import DomainRecord, Envelope
from opsroom_common.log.entity import REMEMBERED_COMMANDS, Entity, fold
from opsroom_common.postgres.entity_row import entity_of
from opsroom_domain.entities.incident import INCIDENT, Escalated, Opened, Severity, Visibility
from opsroom_domain.ids import ActorId, CommandId, EntityId, Version

AT = datetime(2026, 11, 24, tzinfo=UTC)
BY = ActorId("usr_ada")
ID = EntityId("inc_01k0000000000000000000000a")
OPENED = Opened(
    at=AT,
    by=BY,
    incident_id=ID,
    title="x",
    description="",
    severity=Severity.SEV3,
    source="person",
    labels=(),
    visibility=Visibility.EVERYONE,
)


def command(number: int) -> CommandId:
    return CommandId(f"0190{number:04x}-0000-7000-8000-{number:012x}")


def folded(numbers: list[int]) -> Entity:
    entity: Entity | None = None
    for version, number in enumerate(numbers, start=1):
        event = OPENED if version == 1 else Escalated(at=AT, by=BY, level=version, reason="")
        envelope = Envelope(id="x", type="x", source="x", time=AT, actor=BY)
        entity = fold(
            entity,
            DomainRecord(
                partition=0,
                offset=version,
                envelope=envelope,
                kind="incident",
                entity_id=ID,
                version=Version(version),
                command_id=command(number),
                body_hash="h",
                event=event,
            ),
        )
    assert entity is not None
    return entity


@given(st.lists(st.integers(0, 2**16 - 1), min_size=1, max_size=REMEMBERED_COMMANDS * 2, unique=True), st.integers(0, 2**16 - 1))
def test_a_command_is_found_as_by_a_look_at_each_in_whatever_order_the_ids_were_minted(numbers: list[int], other: int) -> None:
    entity = folded(numbers)
    row = {
        "kind": "incident",
        "id": ID,
        "version": entity.version,
        "state": INCIDENT.to_json(entity.state),
        "created_at": AT,
        "updated_at": AT,
        "updated_by": BY,
        "partition": 0,
        "offset": entity.offset,
        "memory": {
            "created": _list(entity.created_by_command),
            "recent": [_list(applied) for applied in entity.recent],
            "forgotten_mint_ms": entity.forgotten_mint_ms,
        },
    }
    from_row = entity_of(row)
    assert from_row == entity
    for known in (entity, from_row, replace(entity, id_bound="~")):
        for number in (*numbers, other):
            looked = [each for each in (*known.recent, known.created_by_command) if each.command_id == command(number)]
            assert known.applied(command(number)) == (looked[0] if looked else None)


def _list(applied: object) -> list[object]:
    return [getattr(applied, name) for name in ("command_id", "body_hash", "version", "offset")]
