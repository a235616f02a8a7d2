"""Skipping the record that an entity is parked at (R10): what the skip says of it, and the record that the log takes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from command_api.engine.batch import Answer, acknowledged
from command_api.engine.encode import Place
from command_api.engine.port import (
    CommandInvalid,
    CommandRefused,
    CommandRequest,
    EngineError,
    NotParked,
    NotServing,
    RecordSkipped,
    SkipRecord,
)
from command_api.engine.recovery import POLL_RECORDS, POLL_S, SOURCE
from command_api.engine.refusals import Refusals, late, reused
from command_api.engine.states import Parking, States
from opsroom_common.contracts.codec import SkippedBody, Unencodable, encode_skip
from opsroom_common.contracts.envelope import SKIPPED_TYPE, Envelope
from opsroom_common.log.port import Checkpoint, EventLog, LogRecord, RawRecord, Unavailable
from opsroom_common.runtime.clock import Clock
from opsroom_common.runtime.ids import Ids, is_uuid7
from opsroom_domain.ids import CommandId, EntityId, Version

_POLLS_MAX = 10
_T = TypeVar("_T")
_HASH = re.compile(rb"[0-9a-f]{1,128}")


@dataclass(frozen=True, slots=True)
class Passing:
    """What the entity has after the record: its version, and, if that is the record's own, the command that the record is of."""

    version: Version
    command_id: CommandId | None
    body_hash: str | None


class Desk(Protocol):
    """The partition's writer."""

    def serving(self) -> bool: ...

    def place(self) -> Place: ...

    def confirmed(self) -> int: ...

    async def in_time(self, request: CommandRequest, waits: Awaitable[_T]) -> _T: ...

    async def room(self, request: CommandRequest) -> None: ...

    def wait(self, answer: Answer[_T]) -> asyncio.Future[_T]: ...

    def refuse(self, request: CommandRequest, error: CommandRefused | EngineError) -> asyncio.Future[Any]: ...

    def take_skip(self, entity_id: EntityId, raw: RawRecord, place: Place, answer: Callable[[int], _T]) -> asyncio.Future[_T] | None: ...


class Skipping:
    """The one command that a parked entity takes, decided by the owner of its partition. Rules R2 to R7 hold for it as for every other."""

    def __init__(self, log: EventLog, states: States, refusals: Refusals, clock: Clock, ids: Ids, desk: Desk) -> None:
        self._log = log
        self._states = states
        self._refusals = refusals
        self._clock = clock
        self._ids = ids
        self._desk = desk
        self._under_way: set[EntityId] = set()

    async def skip(self, request: CommandRequest) -> RecordSkipped:
        """See ``Engine.skip``."""
        self._desk.serving()
        entity_id = request.entity_id
        if entity_id in self._under_way:
            raise NotServing(f"another skip of {entity_id} is on its way; nothing was written, repeat the command with the same id")
        self._under_way.add(entity_id)
        try:
            waiting = await self._decided(request)
            if isinstance(waiting, RecordSkipped):
                return waiting
            return await acknowledged(waiting, request.deadline - self._clock.monotonic())
        except Unavailable as error:
            raise NotServing(f"{error}; nothing was written, repeat the command with the same id") from error
        finally:
            self._under_way.discard(entity_id)

    async def _decided(self, request: CommandRequest) -> RecordSkipped | asyncio.Future[RecordSkipped]:
        wanted, entity_id = request.command, request.entity_id
        assert isinstance(wanted, SkipRecord)
        parking = await self._desk.in_time(request, self._states.parking(entity_id, request.command_id, self._desk.confirmed()))
        place = self._desk.place()
        if parking.applied is not None:
            if parking.applied.body_hash != request.body_hash:
                raise reused(request)
            return RecordSkipped(place.partition, parking.applied.offset, parking.applied.version, replayed=True)
        refused = self._refusals.check(request, self._clock.monotonic())
        if refused is not None or parking.offset != wanted.offset:
            return self._desk.refuse(request, refused or not_parked(entity_id, wanted, parking))
        self._states.set_aside(entity_id, wanted.offset, "a person has its record skipped")
        passes = await self._desk.in_time(request, passing(self._log, place.partition, wanted.offset, parking.version))
        await self._settled(request)
        return await self._taken(request, wanted, passes)

    async def _settled(self, request: CommandRequest) -> None:
        """Wait until nothing of the entity is on the wire: it takes no other command any more."""
        while (slot := self._states.slot(request.entity_id)) is not None and slot.unacknowledged:
            await acknowledged(self._desk.wait(lambda _: None), max(0.0, request.deadline - self._clock.monotonic()))
        self._desk.serving()

    async def _taken(self, request: CommandRequest, wanted: SkipRecord, passes: Passing) -> asyncio.Future[RecordSkipped]:
        while True:
            if self._clock.monotonic() >= request.deadline:
                raise late()
            place = self._desk.place()
            try:
                raw = skip_record(request, wanted, passes, place, self._ids)
            except Unencodable as error:
                raise CommandInvalid(f"the skip cannot be written down: {error}; correct that value and send it with a new id") from error

            def answer(offset: int, partition: int = place.partition) -> RecordSkipped:
                return RecordSkipped(partition, offset, passes.version, replayed=False)

            waiting = self._desk.take_skip(request.entity_id, raw, place, answer)
            if waiting is not None:
                return waiting
            await self._desk.room(request)


def not_parked(entity_id: EntityId, wanted: SkipRecord, parking: Parking) -> NotParked:
    """The error that says where the entity stands."""
    if parking.offset is None:
        return NotParked(f"{entity_id} is not parked: nothing of it can be skipped; look at opsctl parked list")
    return NotParked(
        f"{entity_id} is parked at offset {parking.offset}, not at {wanted.offset}: look at opsctl parked show {entity_id}, and decide again"
    )


async def passing(log: EventLog, partition: int, offset: int, version: int) -> Passing:
    """How the record at ``offset`` is passed by an entity at ``version``: with its own version if its headers say the next one. Raises Unavailable."""
    headers = dict((await _record(log, partition, offset)).headers)
    if headers.get("ce_entityversion") != str(version + 1).encode():
        return Passing(Version(version), None, None)
    command, hashed = headers.get("ce_commandid", b""), headers.get("ce_bodyhash", b"")
    known = is_uuid7(command.decode("ascii", "replace")) and _HASH.fullmatch(hashed) is not None
    return Passing(Version(version + 1), CommandId(command.decode()) if known else None, hashed.decode() if known else None)


def skip_record(request: CommandRequest, wanted: SkipRecord, passes: Passing, place: Place, ids: Ids) -> RawRecord:
    """The record of the skip. Raises Unencodable."""
    envelope = Envelope(
        id=ids.uuid7(),
        type=SKIPPED_TYPE,
        source=SOURCE,
        time=place.time,
        term=place.term,
        subject=request.entity_id,
        command_id=request.command_id,
        body_hash=request.body_hash,
        actor=request.actor,
        role=request.role,
        correlation_id=request.correlation_id,
        causation_id=request.causation_id,
        reason=request.reason,
        proposal_id=request.proposal_id,
        traceparent=request.traceparent,
    )
    body = SkippedBody(
        offset=wanted.offset,
        version=passes.version,
        reason=wanted.reason,
        command_id=passes.command_id,
        body_hash=passes.body_hash,
    )
    return encode_skip(envelope, body)


async def _record(log: EventLog, partition: int, offset: int) -> LogRecord:
    reader = await log.reader({partition: Checkpoint(offset)})
    try:
        for _ in range(_POLLS_MAX):
            for item in (await reader.poll(POLL_RECORDS, POLL_S)).get(partition, ()):
                if item.record.offset == offset:
                    return item.record
    finally:
        await reader.close()
    raise Unavailable(f"{log.topic}:{partition}: the record at {offset} cannot be read now")
