"""R10 in the owner of a partition: what nobody can handle is skipped once, by a person, and commands go on with the right version."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from command_api.engine.port import CommandIdReused, CommandRequest, EntityParked, NotParked, OutcomeUnknown, RecordSkipped, SkipRecord
from opsroom_common.contracts.codec import Undecodable, decode
from opsroom_common.contracts.envelope import Skip
from opsroom_common.log.memory import MemoryEventLog
from opsroom_common.log.port import RawRecord
from opsroom_domain.entities.incident import Status
from opsroom_domain.ids import ActorId, CommandId

from .harness import Bench, acknowledge, bench, note, retitle
from .rows import Rows

ADMIN = ActorId("usr_admin")


def skip(b: Bench, offset: int, *, on: str = "one", command_id: str | None = None, body: str = "0" * 32) -> CommandRequest:
    return CommandRequest(
        command_id=CommandId(command_id or b.ids.uuid7()),
        body_hash=body,
        kind="incident",
        entity_id=b.id(on),
        command=SkipRecord(offset=offset, reason="the schema is lost"),
        actor=ADMIN,
        role="admin",
        deadline=b.clock.monotonic() + b.deadline_s,
    )


def spoil(b: Bench, on: str = "one", *, said: bool = True) -> int:
    """A valid record of the entity that nobody can read, behind its last; returns its offset. ``said``: its headers tell its version."""
    last = next(raw for raw in reversed(b.log.records(0)) if raw.key == b.id(on).encode())
    headers = dict(last.headers)
    headers["ce_entityversion"] = str(int(headers["ce_entityversion"]) + 1).encode()
    headers["ce_commandid"] = b.ids.uuid7().encode()
    if not said:
        del headers["ce_entityversion"]
    return b.log.land(0, [RawRecord(last.key, b"\xff", tuple(headers.items()), 0)])


async def lived(b: Bench, notes: int = 2) -> None:
    await b.do(b.open())
    for number in range(notes):
        await b.do(note(f"note {number}", f"n{number}"))


def skips(b: Bench) -> list[Skip]:
    return [record for raw in b.log.records(0) if isinstance(record := _decoded(raw), Skip)]


def _decoded(raw: object) -> object:
    try:
        return decode(raw)  # type: ignore[arg-type]
    except Undecodable:
        return None


@pytest.mark.parametrize("said", [True, False])
async def test_an_entity_parked_by_the_log_takes_a_skip_and_nothing_else_and_then_goes_on(said: bool) -> None:
    log = MemoryEventLog(1)
    async with bench(log=log) as b:
        await lived(b)
        bad = spoil(b, said=said)
        known = b.known
    async with bench(log=log) as b:
        b.known = known
        with pytest.raises(EntityParked, match="opsctl parked show"):
            await b.do(note("more", "n9"))
        with pytest.raises(NotParked, match=f"parked at offset {bad}, not at {bad - 1}"):
            await b.engine.skip(skip(b, bad - 1))
        done = await b.engine.skip(skip(b, bad))
        assert (done.version, done.replayed) == (4 if said else 3, False)
        (found,) = skips(b)
        assert (found.offset, found.skipped, found.version, found.envelope.actor) == (done.offset, bad, done.version, ADMIN)
        answer = await b.do(note("more", "n9"))
        assert answer.version == done.version + 1


async def test_what_only_the_projector_cannot_handle_is_dropped_by_an_owner_that_could() -> None:
    log = MemoryEventLog(1)
    rows = Rows(log)
    async with bench(log=log, source=rows) as b:
        await lived(b, notes=0)
        bad = await b.do(acknowledge())
        await b.do(retitle("disk full on one", "disk full"))
        rows.project()
        rows.park(b.id(), bad.offset)
        writer = b.engine._owned[0].writer
        assert writer is not None
        await writer.look_aside()
        with pytest.raises(EntityParked, match="too long for a column"):
            await b.do(note("more", "n2"))
        done = await b.engine.skip(skip(b, bad.offset))
        assert done.version == bad.version
        rows.away = True  # from the log alone: it knows what does not count
        answer = await b.do(note("more", "n2"))
        assert answer.version == 4
        assert (answer.entity.state.title, answer.entity.state.status) == ("disk full", Status.OPEN)


async def test_an_entity_that_the_projector_parks_is_refused_within_a_look_and_taken_again_when_it_was_retried() -> None:
    log = MemoryEventLog(1)
    rows = Rows(log)
    async with bench(log=log, source=rows) as b:
        await lived(b)
        rows.project()
        writer = b.engine._owned[0].writer
        assert writer is not None
        rows.park(b.id(), 3)
        await writer.look_aside()
        with pytest.raises(EntityParked):
            await b.do(acknowledge())
        rows.parked.clear()
        rows.parked_at.clear()
        rows.project()
        await writer.look_aside()
        assert (await b.do(acknowledge())).version == 4


async def test_a_skip_is_done_once_whoever_repeats_it() -> None:
    log = MemoryEventLog(1)
    async with bench(log=log) as b:
        await lived(b)
        bad = spoil(b)
        known = b.known
    async with bench(log=log) as b:
        b.known = known
        asked = skip(b, bad)
        done = await b.engine.skip(asked)
        assert await b.engine.skip(asked) == replace(done, replayed=True)
        with pytest.raises(CommandIdReused):
            await b.engine.skip(replace(asked, body_hash="1" * 32))
        with pytest.raises(NotParked, match="is not parked"):
            await b.engine.skip(skip(b, bad))
    async with bench(log=log) as b:  # another owner, which reads the skip back
        b.known = known
        assert await b.engine.skip(replace(asked, deadline=b.clock.monotonic() + 5)) == replace(done, replayed=True)
        assert len(skips(b)) == 1


async def test_of_two_persons_who_skip_at_once_one_does() -> None:
    log = MemoryEventLog(1)
    async with bench(log=log) as b:
        await lived(b)
        bad = spoil(b)
        known = b.known
    async with bench(log=log) as b:
        b.known = known
        both = await asyncio.gather(*(b.engine.skip(skip(b, bad)) for _ in range(2)), return_exceptions=True)
        assert sum(isinstance(each, RecordSkipped) for each in both) == 1
        assert len(skips(b)) == 1


async def test_a_skip_whose_ack_is_lost_is_unknown_and_its_retry_finds_it() -> None:
    log = MemoryEventLog(1)
    async with bench(log=log) as b:
        await lived(b)
        bad = spoil(b)
        known = b.known
    async with bench(log=log) as b:
        b.known = known
        asked = skip(b, bad)
        b.wire.script = ["lose ack"]
        with pytest.raises(OutcomeUnknown):
            await b.engine.skip(asked)
        await b.engine.serving(5.0)
        assert (await b.engine.skip(asked)).replayed
        assert len(skips(b)) == 1


async def test_a_retry_of_the_command_whose_record_was_skipped_finds_itself() -> None:
    log = MemoryEventLog(1)
    rows = Rows(log)
    async with bench(log=log, source=rows) as b:
        await lived(b, notes=0)
        command = b.request(acknowledge())
        bad = await b.engine.submit(command)
        rows.project()
        rows.park(b.id(), bad.offset)
        await b.engine.skip(skip(b, bad.offset))
        rows.away = True
        again = await b.engine.submit(replace(command, deadline=b.clock.monotonic() + 5))
        assert (again.replayed, again.version, again.offset) == (True, bad.version, bad.offset)
        assert again.entity.state.status is Status.OPEN
        first = b.request(b.open(), command_id=b.valid()[0].command_id, body=b.valid()[0].body_hash)
        assert (await b.engine.submit(first)).replayed, "what was remembered before the park stays remembered"


async def test_an_entity_without_a_good_record_begins_behind_what_was_skipped() -> None:
    log = MemoryEventLog(1)
    rows = Rows(log)
    async with bench(log=log, source=rows) as b:
        first = await b.do(b.open())
        rows.project()
        rows.park(b.id(), first.offset)
        done = await b.engine.skip(skip(b, first.offset))
        assert done.version == 1
        rows.away = True
        opened = await b.do(b.open(), command_id=b.ids.uuid7())
        assert opened.version == 2, "no two records of an entity get the same version"
        assert (await b.do(note())).version == 3


async def test_a_healthy_entity_is_not_skipped() -> None:
    async with bench() as b:
        await lived(b)
        with pytest.raises(NotParked):
            await b.engine.skip(skip(b, 2))
        assert skips(b) == []
