"""Whatever people ask for, and whenever a process manager dies: every pending state is resolved, no signal is lost or doubled, links are symmetric."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from command_api.engine.port import CommandRefused, CommandRequest, NotServing, OutcomeUnknown
from command_api.processes.consumer import ProcessConsumer
from opsroom_domain.entities import incident as i
from opsroom_domain.ids import EntityId

from .bench import ANNA, START, Crash, Room, room

INCIDENTS = 4
_PLACES = st.integers(0, INCIDENTS - 1)


@dataclass(frozen=True)
class Ask:
    """What somebody asks of two incidents: what, of which, about which."""

    what: str
    here: int
    there: int
    word: int
    work: int
    """Steps of the process manager before the next one asks."""


ASKS = st.lists(
    st.builds(
        Ask,
        what=st.sampled_from(["merge", "split", "link", "link", "unlink", "report", "report", "resolve", "reopen"]),
        here=_PLACES,
        there=_PLACES,
        word=st.integers(0, 3),
        work=st.sampled_from([0, 0, 1, 2]),
    ),
    min_size=3,
    max_size=25,
)


class Trouble:
    """Kills the process manager, or lets the engine fail, at random: by a seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self.over = False
        self.died = False

    async def __call__(self, when: str, request: CommandRequest) -> None:
        chance = 1.0 if self.over else self._random.random()
        if chance < 0.04:
            self.died = True
            raise Crash(when)
        if chance < 0.10:
            raise (NotServing if when == "before" else OutcomeUnknown)(f"{request.entity_id}: a fault of the test")


class World:
    """People, signals and process managers on one engine."""

    def __init__(self, there: Room, seed: int) -> None:
        self.there = there
        self.trouble = Trouble(seed)
        self.random = Random(seed)
        self.ids: list[EntityId] = []
        self.told: dict[str, int] = {}
        """The newest episode of each signal that an incident took, or that the source of a merge or a split sent on."""
        self.managers: list[ProcessConsumer] = []
        there.troubled.trouble = self.trouble

    async def begin(self) -> None:
        for number in range(INCIDENTS):
            self.ids.append(await self.there.opened(f"f{number}"))
            self.told[f"f{number}"] = 1
        self.managers = [self.there.consumer(), self.there.consumer()]

    async def ask(self, ask: Ask) -> None:
        here, there = self.ids[ask.here], self.ids[ask.there]
        relation = list(i.Relation)[ask.word]
        common: dict[str, Any] = {"at": START, "by": ANNA}
        match ask.what:
            case "merge":
                await self._try(i.Merge(**common, into=there), here)
            case "link":
                await self._try(i.Link(**common, target=there, relation=relation), here)
            case "unlink":
                await self._try(i.Unlink(**common, target=there, relation=relation), here)
            case "split":
                await self._split(here, ask.word)
            case "report":
                await self._report(here, f"f{ask.word}")
            case "resolve":
                await self._try(i.Resolve(**common), here)
            case _:
                await self._try(i.Reopen(**common, reason="again"), here)

    async def _split(self, here: EntityId, word: int) -> None:
        if here not in self.there.entities():
            return  # a split that is not carried out yet
        new = self.there.ids.entity_id("inc")
        names = sorted(self.there.state(here).signals)[: 1 + word % 2]
        if await self._try(i.Split(at=START, by=ANNA, into=new, title="Split", fingerprints=tuple(names)), here):
            self.ids[word] = new

    async def _report(self, start: EntityId, fingerprint: str) -> None:
        """A new episode of a signal, sent on as the consumer of signals sends it on."""
        known = [each for each in self.states() if fingerprint in each.signals]
        at: EntityId | None = max(known, key=lambda each: each.signals[fingerprint].starts_at).id if known else start
        episode = self.told.get(fingerprint, 0) + 1
        for _ in range(10):
            assert at is not None
            if at not in self.there.entities():
                return
            try:
                await self.there.report(at, fingerprint, episode=episode)
            except CommandRefused as refused:
                if refused.refusal.code not in {"merged", "moved"}:
                    raise
                assert refused.entity is not None
                at = refused.entity.state.merged_into or refused.entity.state.moved.get(fingerprint)
            else:
                self.told[fingerprint] = episode
                return

    async def _try(self, command: Any, on: EntityId) -> bool:
        if on not in self.there.entities():
            return False
        try:
            await self.there.do(command, on)
        except CommandRefused:
            return False
        return True

    async def work(self) -> None:
        """Some manager does something, perhaps two at once; one that dies is followed by another one."""
        for place in {self.random.randrange(2), self.random.randrange(2)}:
            await self.managers[place].step(0.0)
        for _ in range(self.random.randrange(30)):
            await asyncio.sleep(0)
        died, self.trouble.died = self.trouble.died, False
        for place, manager in enumerate(self.managers):
            if died or self.random.random() < 0.1:
                await (manager.halt() if died else manager.close())
                self.managers[place] = self.there.consumer()

    async def end(self) -> None:
        """No more trouble: whoever is left, and one who begins at the kept checkpoints, come to an end."""
        self.trouble.over = True
        for manager in self.managers:
            await manager.halt()
        last = await self.there.settle()
        await last.close()

    def states(self) -> list[i.Incident]:
        return [entity.state for entity in self.there.entities().values() if entity.kind == "incident"]


def nothing_is_pending(states: list[i.Incident]) -> None:
    for state in states:
        assert not state.merging, f"{state.id} is still being merged"
        assert not state.splitting, f"{state.id} is still being split"
        assert all(link.standing is not i.Standing.PENDING for link in state.links), f"{state.id} has a pending link"


def every_signal_is_in_one_place(states: list[i.Incident], told: dict[str, int]) -> None:
    """A merged incident keeps what it had, as history; what counts are the others."""
    unmerged = [state for state in states if state.merged_into is None]
    found = Counter(name for state in unmerged for name in state.signals)
    assert found == Counter(dict.fromkeys(told, 1)), "a signal is lost or doubled"
    for state in unmerged:
        for name, signal in state.signals.items():
            assert signal.starts_at == START.replace(minute=told[name]), f"{name} is not the last episode"


def links_are_symmetric(states: list[i.Incident]) -> None:
    known = {state.id: state for state in states}
    for state in states:
        for link in state.links:
            other = known.get(link.target)
            if link.standing is i.Standing.DONE and state.merged_into is None and other is not None and other.merged_into is None:
                assert other.link(state.id, i.INVERSE[link.relation]) is not None, f"{state.id} {link.relation} {link.target} is one-sided"


def merges_lead_somewhere(states: list[i.Incident]) -> None:
    known = {state.id: state for state in states}
    for state in states:
        seen, at = {state.id}, state
        while at.merged_into is not None:
            assert at.merged_into not in seen, "a loop of merges"
            seen.add(at.merged_into)
            at = known[at.merged_into]


async def play(asks: list[Ask], seed: int) -> None:
    async with room(partitions=2, seed=seed) as there:
        world = World(there, seed)
        await world.begin()
        for ask in asks:
            await world.ask(ask)
            for _ in range(ask.work):
                await world.work()
        await world.end()
        states = world.states()
        note(f"{[(s.id[-6:], s.status.value, s.merged_into and s.merged_into[-6:], sorted(s.signals)) for s in states]}")
        nothing_is_pending(states)
        every_signal_is_in_one_place(states, world.told)
        links_are_symmetric(states)
        merges_lead_somewhere(states)
        before = len(there.events())
        there.checkpoints.kept.clear()
        await there.settle()
        assert len(there.events()) == before, "to begin anew changed something"


@pytest.mark.timeout(300)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
@given(asks=ASKS, seed=st.integers(0, 2**32))
def test_whatever_is_asked_and_whoever_dies_it_comes_to_an_end_that_adds_up(asks: list[Ask], seed: int) -> None:
    asyncio.run(play(asks, seed))
