"""Several replicas share the partitions: every door takes every command, a hand-over loses nothing, and nobody answers for another twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from command_api.engine import forwarding
from command_api.engine.port import CommandRefused, NotServing, OutcomeUnknown, Overloaded
from opsroom_common.contracts.envelope import Envelope
from opsroom_common.contracts.owners import OWNER_TYPE, Owner, encode_owner
from opsroom_common.log.fencing import TermFilter
from opsroom_common.log.port import Checkpoint, RecordClass
from opsroom_domain.decider import NotFound

from .harness import EPOCH, acknowledge, note, until
from .replicas import CLOCK, Network, opened, request, site


async def test_every_replica_takes_commands_of_every_partition() -> None:
    async with site() as s:
        a, b = await s.start("a"), await s.start("b")
        await s.settled(a, b)
        assert len(a.serves) == len(b.serves) == 2
        for partition in range(4):
            on = s.incident_in(partition)
            answer = await opened(a, on)
            assert (answer.partition, answer.version) == (partition, 1)
            assert (await b.every.submit(request(acknowledge(), on))).version == 2
            assert (await a.every.current("incident", on, CLOCK.monotonic() + 5)) == (
                await b.every.current("incident", on, CLOCK.monotonic() + 5)
            )


async def test_a_refusal_at_the_owner_is_the_same_refusal_here() -> None:
    async with site() as s:
        a, b = await s.start("a"), await s.start("b")
        await s.settled(a, b)
        for partition in range(4):
            for replica in (a, b):
                with pytest.raises(CommandRefused) as caught:
                    await replica.every.submit(request(acknowledge(), s.incident_in(partition)))
                assert isinstance(caught.value.refusal, NotFound)


async def test_a_retry_at_another_replica_has_no_second_effect() -> None:
    async with site() as s:
        a, b = await s.start("a"), await s.start("b")
        await s.settled(a, b)
        on = s.incident_in(0)
        await opened(a, on)
        sent = request(note(), on)
        first, second = await a.every.submit(sent), await b.every.submit(sent)
        assert (first.version, second.version, first.replayed, second.replayed) == (2, 2, False, True)


async def test_a_new_replica_takes_its_share_and_no_caller_sees_an_error() -> None:
    async with site() as s:
        a = await s.start("a")
        await s.settled(a)
        ids = [s.incident_in(p % 4) for p in range(8)]
        for on in ids:
            await opened(a, on)
        answers = []

        async def client(number: int) -> None:
            for _ in range(20):
                answers.append(await a.every.submit(request(note(note_id=str(len(answers))), ids[number])))

        writing = asyncio.gather(*(client(n) for n in range(8)))
        b = await s.start("b")
        await writing
        await s.settled(a, b)
        assert len(answers) == 160


async def test_a_replica_that_stops_hands_over_and_no_caller_sees_an_error() -> None:
    async with site() as s:
        a, b = await s.start("a"), await s.start("b")
        await s.settled(a, b)
        ids = [s.incident_in(p % 4) for p in range(8)]
        for on in ids:
            await opened(b, on)

        async def client(number: int) -> int:
            return [(await b.every.submit(request(note(note_id=f"{number}.{i}"), ids[number]))).version for i in range(20)][-1]

        writing = asyncio.gather(*(client(n) for n in range(8)))
        await asyncio.sleep(0)
        await a.stop()
        assert await writing == [21] * 8
        await s.settled(b)


async def test_the_successor_waits_for_what_its_predecessor_still_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("command_api.engine.ownership.HAND_OVER_S", 10.0)
    async with site(1) as s:
        a = await s.start("a")
        await s.settled(a)
        on = s.incident_in(0)
        await opened(a, on)
        gate = asyncio.Event()

        class Held:
            async def carry(self, partition: int, records: object, land: Callable[[], int]) -> int:
                await gate.wait()
                return land()

        straight, s.log.wire = s.log.wire, Held()
        decided = asyncio.create_task(a.every.submit(request(acknowledge(), on)))
        await asyncio.sleep(0.01)
        s.log.wire = straight
        b = await s.start("b")
        s.group.leave("a")
        a.engine.assign([])
        await asyncio.sleep(0.05)
        assert not b.serves, "it would make the outcome of what is on the wire unknown"
        gate.set()
        assert (await decided).version == 2
        await s.settled(b)


async def test_a_dead_predecessor_is_not_waited_for_longer_than_the_hand_over_takes() -> None:
    async with site() as s:
        a, b = await s.start("a"), await s.start("b")
        await s.settled(a, b)
        on = [s.incident_in(p) for p in range(4)]
        for each in on:
            await opened(a, each)
        s.network.cut.add("a")
        await a.kill()
        s.group.leave("a")
        await until(lambda: b.serves == {0, 1, 2, 3}, 10)
        assert [(await b.every.submit(request(acknowledge(), each))).version for each in on] == [2] * 4


async def test_a_replica_that_was_killed_goes_on_with_what_it_owned_before_the_group_speaks() -> None:
    async with site() as s:
        a, b = await s.start("a"), await s.start("b")
        await s.settled(a, b)
        mine = a.serves
        s.group.frozen = True
        await a.kill()
        again = await s.start("a", life="2")
        await until(lambda: again.serves == mine)
        on = s.incident_in(min(mine))
        await opened(b, on)


async def test_an_owner_that_cannot_be_reached_is_told_as_nothing_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "PATIENCE_S", 0.05)
    async with site() as s:
        a, b = await s.start("a"), await s.start("b")
        await s.settled(a, b)
        s.network.cut.add("b")
        with pytest.raises(NotServing, match="nothing was written"):
            await opened(a, s.incident_in(min(b.serves)))


async def test_an_owner_whose_answer_is_lost_leaves_the_outcome_unknown_and_a_retry_tells() -> None:
    async with site() as s:
        a, b = await s.start("a"), await s.start("b")
        await s.settled(a, b)
        on = s.incident_in(min(b.serves))
        await opened(a, on)
        sent = request(note(), on)
        s.network.deaf.add("b")
        with pytest.raises(OutcomeUnknown):
            await a.every.submit(sent)
        s.network.deaf.clear()
        answer = await a.every.submit(sent)
        assert (answer.version, answer.replayed) == (2, True)


async def test_a_command_is_forwarded_once_and_never_sent_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two replicas that believe that the other owns it must not play ball with it."""
    monkeypatch.setattr(forwarding, "PATIENCE_S", 0.0)
    async with site(1) as s:
        a, b = await s.start("a"), await s.start("b")
        owner, other = (a, b) if a.serves or not b.serves else (b, a)
        await s.settled(a, b)
        s.group.frozen = True
        owner.engine.assign([])
        await until(lambda: not owner.serves)
        other.routing.served(0, "01a20e1b-0e4f-7342-82e5-fd45500ec760")  # a line that is wrong: it serves nothing
        await until(lambda: owner.routing.table()[0].owner == other.name)
        s.network.requests.clear()
        with pytest.raises(NotServing):
            await opened(owner, s.incident_in(0))
        assert s.network.requests == [f"{other.name}/peer/submit"]


async def test_a_late_line_of_a_zombie_is_overruled_by_the_owner() -> None:
    async with site(1) as s:
        a = await s.start("a")
        await s.settled(a)
        term = "01a20e1b-0e4f-7342-82e5-fd45500ec760"
        envelope = Envelope(id=term, type=OWNER_TYPE, source="/command-api", time=EPOCH, term=term)
        s.control.land(0, [encode_owner(envelope, Owner(partition=0, owner="z", url="http://z", term=term, serving=True))])
        await until(lambda: len(s.control.records(0)) >= 3)
        await until(lambda: a.routing.table()[0].owner == "a")


async def test_without_a_secret_the_owner_is_named_and_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "PATIENCE_S", 0.0)
    async with site() as s:
        a, b = await s.start("a", secret=None), await s.start("b", secret=None)
        await s.settled(a, b)
        with pytest.raises(NotServing, match="OPSROOM_COMMAND_API_PEER_SECRET"):
            await opened(a, s.incident_in(min(b.serves)))
        assert s.network.requests == []


async def test_a_stranger_without_the_secret_is_not_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "PATIENCE_S", 0.0)
    async with site() as s:
        a, b = await s.start("a"), await s.start("b", secret="another secret!!")
        await s.settled(a, b)
        with pytest.raises(NotServing, match="401"):
            await opened(a, s.incident_in(min(b.serves)))
        assert [r for p in range(4) for r in s.log.records(p) if dict(r.headers).get("ce_subject")] == []


async def test_more_commands_than_may_wait_for_others_are_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "FORWARDED_MAX", 0)
    async with site() as s:
        a, b = await s.start("a"), await s.start("b")
        await s.settled(a, b)
        with pytest.raises(Overloaded):
            await opened(a, s.incident_in(min(b.serves)))


async def test_two_that_both_believe_they_own_a_partition_both_make_progress() -> None:
    """A frozen group: the log judges, each is deposed by the other again and again, and no command is lost or doubled."""
    async with site(1) as s:
        a = await s.start("a")
        await s.settled(a)
        on = s.incident_in(0)
        await opened(a, on)
        b = await s.start("b")
        s.group.frozen = True
        for replica in (a, b):
            replica.ownership._share = frozenset({0})
            replica.engine.assign([0])

        class Yes:
            async def confirms(self, partition: int) -> bool:
                return True

        a.ownership._membership = b.ownership._membership = Yes()  # pyright: ignore[reportAttributeAccessIssue] -- only asked to confirm

        async def client(number: int) -> None:
            for i in range(15):
                sent = request(note(note_id=f"{number}.{i}"), on, deadline_s=30)
                while True:
                    try:
                        await (a, b)[number % 2].every.submit(sent)
                        break
                    except (NotServing, OutcomeUnknown):
                        await asyncio.sleep(0.01)

        async with asyncio.timeout(60):
            await asyncio.gather(*(client(n) for n in range(4)))
        events = [item for item in map(TermFilter(Checkpoint()).classify, s.log.records(0)) if item.what is RecordClass.EVENT]
        assert len(events) == 61


@pytest.mark.parametrize("status", [400, 401, 404, 408, 413, 429, 431, 503])
async def test_a_peer_door_that_is_shut_has_written_nothing(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an engine says comes with 200; any of these was said before one was asked."""
    monkeypatch.setattr(forwarding, "PATIENCE_S", 0.0)
    async with site() as s:
        a, b = await s.start("a"), await s.start("b")
        await s.settled(a, b)

        async def shut(scope: Scope, receive: Receive, send: Send) -> None:
            await Response(status_code=status)(scope, receive, send)

        s.network.apps["b"] = shut
        with pytest.raises(NotServing):
            await opened(a, s.incident_in(min(b.serves)))


async def test_five_hundred_commands_at_once_reach_their_owner() -> None:
    """As a batch sends them. This network has no limit on connections: what waits too long for one is told 503 and repeated."""
    async with site() as s:
        a, b = await s.start("a"), await s.start("b")
        await s.settled(a, b)
        answers = await asyncio.gather(*(opened(a, s.incident_in(min(b.serves))) for _ in range(500)))
        assert [answer.version for answer in answers] == [1] * 500


async def test_a_deposed_replica_claims_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it and its successor would say in turns, for ever, that each serves."""
    monkeypatch.setattr("command_api.engine.routing.PAUSE_S", 0.0)
    async with site(1) as s:
        a = await s.start("a")
        await s.settled(a)
        s.group.frozen = True
        b = await s.start("b")
        s.group.hand_over("a", "b")
        b.engine.assign([0])
        await until(lambda: b.serves == {0})
        with pytest.raises((NotServing, OutcomeUnknown)):
            await a.engine.submit(request(note(), s.incident_in(0)))
        a.engine.assign([])
        await until(lambda: not a.engine.serves(0) and b.routing.table()[0].owner == "b")
        said = len(s.control.records(0))
        for _ in range(50):
            await asyncio.sleep(0.002)
        assert len(s.control.records(0)) == said
        assert a.routing.table()[0].owner == "b"


async def test_what_the_group_says_while_a_replica_stops_does_not_make_it_serve_again() -> None:
    async with site(1) as s:
        a = await s.start("a")
        await s.settled(a)
        stopping = asyncio.create_task(a.engine.stop())
        await asyncio.sleep(0)
        a.engine.assign([0])
        await asyncio.wait_for(stopping, 10)
        assert not a.serves
        assert [dict(r.headers)["ce_type"] for r in s.log.records(0)] == [b"opsroom.log.fence"]


async def test_an_address_that_no_request_can_be_sent_to_has_got_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "PATIENCE_S", 0.0)
    async with site() as s:
        a, b = await s.start("a"), await s.start("b")
        await s.settled(a, b)

        class Unsendable(Network):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                raise httpx.LocalProtocolError("Illegal header value")

        a.peers._transport = Unsendable()  # pyright: ignore[reportAttributeAccessIssue] -- HttpPeers' own
        with pytest.raises(NotServing):
            await opened(a, s.incident_in(min(b.serves)))
