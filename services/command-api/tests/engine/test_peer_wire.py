"""What one replica asks another, and what it is told, arrives as it was meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from command_api.engine import peer_wire
from command_api.engine.port import (
    Accepted,
    CommandIdReused,
    CommandInvalid,
    CommandRefused,
    CommandRequest,
    CommandTooLarge,
    DeadlinePassed,
    EngineError,
    EntityParked,
    NotServing,
    OutcomeUnknown,
    Overloaded,
    VersionMismatch,
)
from opsroom_common.log.entity import Entity
from opsroom_domain.decider import AlreadyExists, EditConflict, FieldConflict, Invalid, NotFound, Refused
from opsroom_domain.ids import ActorId, CommandId, EntityId, Version
from opsroom_domain.registry import KINDS

from .harness import EPOCH, acknowledge, bench, note, retitle

COMMANDS: Sequence[type[object]] = sorted({cls for kind in KINDS.values() for cls in kind.commands.values()}, key=lambda cls: cls.__name__)
NAMES = {cls: kind.name for kind in KINDS.values() for cls in kind.commands.values()}

# Amounts at the doors are digits, and whole numbers have 32 bits: nothing else gets to a peer.
st.register_type_strategy(Decimal, st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=0, max_value=10**15))
st.register_type_strategy(int, st.integers(-(2**31), 2**31 - 1))


def asked(command: object, kind: str = "incident", **more: object) -> CommandRequest:
    return CommandRequest(
        command_id=CommandId("01a20e1b-0e4f-7342-82e5-fd45500ec760"),
        body_hash="0" * 32,
        kind=kind,
        entity_id=EntityId("inc_01k00000000000000000000abc"),
        command=command,
        actor=ActorId("usr_anna"),
        role="operator",
        deadline=107.5,
        **more,  # pyright: ignore[reportArgumentType] -- optional fields of the request
    )


@given(st.data())
@pytest.mark.parametrize("cls", COMMANDS, ids=lambda cls: cls.__name__)
def test_every_command_of_every_kind_arrives_as_it_was_sent(cls: type[object], data: st.DataObject) -> None:
    command = data.draw(st.from_type(cls))
    sent = asked(command, NAMES[cls], expected_version=Version(3), causation_id="c1", reason="duplicate", traceparent="00-1-2-01")
    arrived = peer_wire.read_request(peer_wire.write_request(sent, now=100.0), now=7.0)
    assert arrived.command == command
    assert type(arrived.command) is cls
    assert arrived.deadline == 14.5, "what is left of the deadline, on the reader's clock"
    for field in fields(CommandRequest):
        if field.name not in {"command", "deadline"}:
            assert getattr(arrived, field.name) == getattr(sent, field.name)


def test_what_is_no_command_is_refused_with_a_reason() -> None:
    good = orjson.loads(peer_wire.write_request(asked(acknowledge()), 0.0))
    for bad in (
        b"",
        b"[]",
        b"{}",
        orjson.dumps(good | {"name": "burn"}),
        orjson.dumps(good | {"left_s": None}),
        orjson.dumps(good | {"command": {}}),
    ):
        with pytest.raises(peer_wire.BadPeerMessage):
            peer_wire.read_request(bad, 0.0)


def test_a_member_that_a_newer_replica_adds_is_ignored() -> None:
    newer = orjson.loads(peer_wire.write_request(asked(acknowledge()), 0.0)) | {"colour": "blue"}
    assert peer_wire.read_request(orjson.dumps(newer), 0.0).command == acknowledge()


async def some_entity() -> Entity:
    async with bench() as b:
        await b.do(b.open())
        await b.do(note())
        return (await b.do(retitle("disk full on one", "x"))).entity


async def test_an_accepted_command_arrives_with_its_entity_and_its_memory() -> None:
    entity = await some_entity()
    answer = Accepted(entity, 3, 17, entity.version, replayed=True)
    assert peer_wire.read_outcome(peer_wire.write_accepted(answer)) == answer
    assert peer_wire.read_entity(peer_wire.write_entity(entity)) == entity
    assert peer_wire.read_entity(peer_wire.write_entity(None)) is None


@pytest.mark.parametrize(
    "refusal",
    [
        Refused("merged", "it was merged"),
        Refused("bid-too-low", "bid more", {"current_price": "120.50", "highest_bidder": None}),
        Invalid("bad-amount", "too many places"),
        NotFound("not-found", "no such"),
        AlreadyExists("exists", "taken"),
    ],
    ids=lambda refusal: type(refusal).__name__,
)
async def test_a_refusal_arrives_as_the_one_that_it_was(refusal: Refused) -> None:
    entity = await some_entity()
    for state in (entity, None):
        with pytest.raises(CommandRefused) as caught:
            peer_wire.read_outcome(peer_wire.write_failed(CommandRefused(refusal, state)))
        told = caught.value.refusal
        assert (type(told), told.code, told.message, caught.value.entity) == (type(refusal), refusal.code, refusal.message, state)
        assert told.details == refusal.details


def test_a_conflict_arrives_with_both_values() -> None:
    conflicts = [FieldConflict("title", "a", "b", "c"), FieldConflict("labels", ["x"], None, {"y": 1})]
    with pytest.raises(CommandRefused) as caught:
        peer_wire.read_outcome(peer_wire.write_failed(CommandRefused(EditConflict(conflicts), None)))
    assert isinstance(caught.value.refusal, EditConflict)
    assert caught.value.refusal.conflicts == tuple(conflicts)


@pytest.mark.parametrize(
    "cls", [CommandIdReused, CommandInvalid, CommandTooLarge, DeadlinePassed, EntityParked, NotServing, OutcomeUnknown, Overloaded]
)
def test_an_error_of_the_engine_arrives_as_the_one_that_it_was(cls: type[EngineError]) -> None:
    with pytest.raises(cls, match="why") as caught:
        peer_wire.read_outcome(peer_wire.write_failed(cls("why")))
    assert type(caught.value) is cls


async def test_a_version_mismatch_arrives_with_the_present_state() -> None:
    entity = await some_entity()
    with pytest.raises(VersionMismatch) as caught:
        peer_wire.read_outcome(peer_wire.write_failed(VersionMismatch(entity, 1)))
    assert (caught.value.entity, caught.value.expected) == (entity, 1)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"accepted":{}}', b'{"failed":{"code":"new","message":"?"}}', b"<html>"])
def test_an_answer_that_cannot_be_read_leaves_the_outcome_unknown(body: bytes) -> None:
    """It may have been applied: nothing else would be true."""
    with pytest.raises(OutcomeUnknown):
        peer_wire.read_outcome(body)


def test_the_wire_knows_every_error_of_the_engine() -> None:
    """One that is forgotten would arrive as 'unknown'."""
    assert {cls.__name__ for cls in EngineError.__subclasses__()} == {cls.__name__ for cls in (*peer_wire.ERRORS.values(), VersionMismatch)}


def test_time_is_not_lost() -> None:
    assert peer_wire.read_request(peer_wire.write_request(asked(acknowledge()), 0.0), 0.0).command.at == EPOCH
