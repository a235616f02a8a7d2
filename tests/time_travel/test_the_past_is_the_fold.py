"""The board as of any moment is the fold of the log up to it; and what is said to be complete never changes again."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from services.projector.tests.log_book import LogBook
from services.projector.tests.projecting import Projecting

from opsroom_common.feed.memory import MemoryFeedCarrier
from opsroom_common.postgres.pool import Pool
from opsroom_domain.ids import EntityId
from opsroom_domain.registry import KINDS
from opsroom_domain.times import from_rfc3339, rfc3339
from projector.session import Limits
from tests.contract.stories import STORIES

from .the_log_says import Told, told_until

SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""Not smaller: another seed is another story, and every try costs a second."""
STEP = timedelta(microseconds=1)
SORTS = ("-updated", "updated", "created", "-created", "title", "-title", "rank", "-rank", "due", "-due")


class Room:
    """A log of several kinds, and the door to its rows."""

    def __init__(self, pool: Pool, door: httpx.AsyncClient, seed: int) -> None:
        self.door = door
        self.chance = random.Random(seed)
        self.book = LogBook(partitions=3, seed=seed, skips=False)
        limits = Limits(poll_records=self.chance.randrange(1, 60), batch_records=self.chance.randrange(1, 25))
        self.projecting = Projecting(self.book.log, pool, MemoryFeedCarrier(), limits)
        # Its skips are told to a log of its own: what independent truth there is here knows none.
        self._stories = [iter(list(story())) for name, story in STORIES.items() if "skips" not in name]

    def live(self, steps: int) -> None:
        """Random incidents with all that can befall a log, between them the stories of every kind."""
        for _ in range(steps):
            self.book.random_step()
            if self.chance.random() < 0.6 and self._stories:
                story = self.chance.choice(self._stories)
                told = next(story, None)
                if told is None:
                    self._stories.remove(story)
                else:
                    _, entity_id, command = told
                    self.book.apply(entity_id, replace(command, at=self.book.clock.now()))

    def moments(self, count: int) -> list[datetime]:
        """At, just before and just after events, and before all of them."""
        times = sorted({event.envelope.time for event in told_until(self.book.log).events})
        chosen = [self.chance.choice(times) + self.chance.choice((-STEP, timedelta(0), timedelta(0), STEP)) for _ in range(count)]
        return [*chosen, times[0] - STEP, times[-1]]

    async def ask(self, path: str, **parameters: Any) -> dict[str, Any]:
        answer = await self.door.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def whole_list(self, kind: str, moment: datetime, **parameters: Any) -> tuple[list[dict[str, Any]], bool]:
        """All pages, and whether every one was said to be complete."""
        items: list[dict[str, Any]] = []
        complete, cursor = True, dict[str, str]()
        while True:
            page = await self.ask(
                f"/v1/{KINDS[kind].collection}", as_of=rfc3339(moment), limit=self.chance.randrange(1, 7), **parameters, **cursor
            )
            assert page["position"] is None
            assert from_rfc3339(page["past"]["at"]) == from_rfc3339(page["as_of"]) == moment
            items += page["items"]
            complete = complete and page["past"]["complete"]
            if page["next"] is None:
                return items, complete
            cursor = {"cursor": page["next"]}


@pytest.mark.timeout(240)
@settings(max_examples=12, suppress_health_check=SLOW, phases=PHASES, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.integers(5, 60))
async def test_lists_details_and_histories_of_any_moment_are_the_fold_of_the_log(
    pool: Pool, door: httpx.AsyncClient, seed: int, steps: int
) -> None:
    room = Room(pool, door, seed)
    await room.projecting.store.forget_everything()
    room.live(steps)
    await room.projecting.until_current()
    everything = told_until(room.book.log)
    for moment in room.moments(5):
        told = told_until(room.book.log, moment)
        for kind in KINDS:
            await _lists_fit(room, kind, moment, told)
        for entity_id in room.chance.sample(sorted(everything.versions), min(4, len(everything.versions))):
            await _one_fits(room, entity_id, moment, told, everything)


async def _lists_fit(room: Room, kind: str, moment: datetime, told: Told) -> None:
    with_archived = told.rows(kind)
    for archived in (True, False):
        found, _ = await room.whole_list(kind, moment, archived=archived)
        assert found == [row for row in with_archived if f"archived:{str(archived).lower()}" in told.terms(row["id"])]
    # Unless it is asked for, what was archived by then is left out, as it is today.
    rows = [row for row in with_archived if not row["archived"]]
    found, _ = await room.whole_list(kind, moment)
    assert found == rows
    label = f"l{room.chance.randrange(3)}"
    found, _ = await room.whole_list(kind, moment, label=label)
    assert found == [row for row in rows if f"labels:{label}" in told.terms(row["id"])]
    found, _ = await room.whole_list(kind, moment, assignee=["none", "usr_1"], label=[])
    assert found == [row for row in rows if row["assignee"] in (None, "usr_1")]
    counted = await room.ask(f"/v1/{KINDS[kind].collection}/facets", as_of=rfc3339(moment), facet=["label", "visibility"])
    assert counted["total"]["count"] == len(rows)
    for name, tag in (("label", "labels"), ("visibility", "visibility")):
        found_counts = {one["value"]: one["count"] for one in counted["facets"][name]["values"] if one["count"]}
        expected = Counter(term.partition(":")[2] for row in rows for term in told.terms(row["id"]) if term.startswith(f"{tag}:"))
        assert found_counts == dict(expected.most_common(20))
    exported = await room.door.get(f"/v1/{KINDS[kind].collection}:export", params={"as_of": rfc3339(moment), "format": "ndjson"})
    assert [orjson.loads(line) for line in exported.content.splitlines()] == sorted(rows, key=lambda row: (row["created_at"], row["id"]))
    sort = room.chance.choice(SORTS)
    answer = await room.door.get(f"/v1/{KINDS[kind].collection}", params={"sort": sort, "limit": 1})
    if answer.status_code == 200:  # not every kind has every order
        found, _ = await room.whole_list(kind, moment, sort=sort)
        assert found == _sorted(rows, kind, sort, told)


def _sorted(rows: list[dict[str, Any]], kind: str, sort: str, told: Told) -> list[dict[str, Any]]:
    def key(row: dict[str, Any]) -> Any:
        entity = told.versions[EntityId(row["id"])][-1]
        columns = KINDS[kind].columns(entity.state)
        name = sort.lstrip("-")
        return {
            "updated": entity.updated_at,
            "created": entity.created_at,
            "title": columns.title,
            "rank": columns.rank,
            "due": columns.due_at,
        }[name]

    there = sorted((row for row in rows if key(row) is not None), key=lambda row: (key(row), row["id"]), reverse=sort.startswith("-"))
    missing = sorted((row for row in rows if key(row) is None), key=lambda row: row["id"], reverse=sort.startswith("-"))
    return [*there, *missing]


async def _one_fits(room: Room, entity_id: EntityId, moment: datetime, told: Told, everything: Told) -> None:
    address = f"/v1/{KINDS[everything.versions[entity_id][0].kind].collection}/{entity_id}"
    then = told.versions.get(entity_id)
    if then is None:
        for door in ("", "/timeline", "/history"):
            answer = await room.door.get(address + door, params={"as_of": rfc3339(moment)})
            assert (answer.status_code, answer.json()["code"]) == (404, "not-yet")
            assert answer.json()["exists_since"] == rfc3339(everything.versions[entity_id][0].updated_at)
        return
    one = await room.ask(address, as_of=rfc3339(moment))
    assert one["item"] == next(row for row in told.rows(then[-1].kind) if row["id"] == entity_id)
    assert (one["version"], one["past"]["valid_from"]) == (then[-1].version, rfc3339(then[-1].updated_at))
    assert one["past"]["valid_to"] is None or from_rfc3339(one["past"]["valid_to"]) > moment
    by_number = await room.ask(address, version=then[-1].version)
    assert by_number["item"] == one["item"]
    page = await room.ask(f"{address}/history", as_of=rfc3339(moment), limit=200)
    assert [(item["version"], from_rfc3339(item["valid_from"])) for item in page["items"]] == [(v.version, v.updated_at) for v in then]
    assert [item["valid_to"] for item in page["items"]][-1] is None
    assert page["next"] is None
    comments = await room.ask(f"{address}/comments", as_of=rfc3339(moment))
    assert [one["id"] for one in comments["items"]] == [one["id"] for one in one["item"]["comments"]]
    timeline = await room.ask(f"{address}/timeline", as_of=rfc3339(moment), limit=200)
    assert [item["version"] for item in timeline["items"]] == [v.version for v in then]


@pytest.mark.timeout(240)
@settings(max_examples=12, suppress_health_check=SLOW, phases=PHASES, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.integers(5, 40))
async def test_what_is_said_to_be_complete_never_changes_again(pool: Pool, door: httpx.AsyncClient, seed: int, steps: int) -> None:
    room = Room(pool, door, seed)
    await room.projecting.store.forget_everything()
    said: list[tuple[str, dict[str, Any], Any]] = []
    for _ in range(3):
        room.live(steps)
        # The projector stops somewhere on the way: partitions are at different times.
        await room.projecting.until_current()
        for moment in room.moments(6):
            for kind in KINDS:
                items, complete = await room.whole_list(kind, moment)
                if complete:
                    said.append((kind, {"moment": moment}, items))
    for kind, asked, items in said:
        again, complete = await room.whole_list(kind, asked["moment"])
        assert again == items
        assert complete or told_until(room.book.log).parked, "what was complete stays so, unless an entity was set aside"


@pytest.mark.timeout(240)
@settings(max_examples=8, suppress_health_check=SLOW, phases=PHASES, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.integers(5, 60))
async def test_activity_is_the_log_newest_first_whatever_is_filtered(pool: Pool, door: httpx.AsyncClient, seed: int, steps: int) -> None:
    room = Room(pool, door, seed)
    await room.projecting.store.forget_everything()
    room.live(steps)
    await room.projecting.until_current()
    events = told_until(room.book.log).events
    events.sort(key=lambda event: (event.envelope.time, event.partition, event.offset), reverse=True)
    some = room.chance.choice(events)
    kind, times = some.kind, sorted(event.envelope.time for event in events)
    start, end = times[len(times) // 4], times[-1]
    asked: list[tuple[dict[str, Any], Any]] = [
        ({}, lambda event: True),
        ({"kind": kind}, lambda event: event.kind == kind),
        ({"type": some.envelope.type}, lambda event: event.envelope.type == some.envelope.type),
        ({"type": "opened", "kind": "incident"}, lambda event: event.envelope.type == "opsroom.incident.opened"),
        ({"actor": "usr_test", "kind": kind}, lambda event: event.kind == kind),
        ({"actor": "usr_nobody"}, lambda event: False),
        ({"entity": some.entity_id, "type": some.envelope.type, "actor": "usr_test"},
         lambda event: (event.entity_id, event.envelope.type) == (some.entity_id, some.envelope.type)),
        ({"from": rfc3339(start), "to": rfc3339(end)}, lambda event: start <= event.envelope.time < end),
    ]  # fmt: skip
    for parameters, passes in asked:
        if parameters.get("from") and start >= end:
            continue
        expected = [(event.entity_id, event.version, event.envelope.type) for event in events if passes(event)]
        found: list[tuple[str, int, str]] = []
        cursor: dict[str, str] = {}
        while True:
            page = await room.ask("/v1/activity", limit=room.chance.randrange(1, 20), **parameters, **cursor)
            found += [(item["id"], item["version"], item["type"]) for item in page["items"]]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
        assert found == expected, parameters


async def test_at_the_very_time_of_the_last_event_nothing_is_complete_because_another_may_follow(
    pool: Pool, door: httpx.AsyncClient
) -> None:
    room = Room(pool, door, seed=5)
    room.book = LogBook(partitions=1, seed=5, skips=False)
    room.projecting = Projecting(room.book.log, pool, MemoryFeedCarrier(), Limits())
    entity_id = room.book.open()
    while True:
        await room.projecting.until_current()
        moment = told_until(room.book.log).events[-1].envelope.time
        before, complete = await room.whole_list("incident", moment)
        assert not complete
        _, complete = await room.whole_list("incident", moment - STEP)
        assert complete
        room.book.note(entity_id)
        if told_until(room.book.log).events[-1].envelope.time == moment:
            break
    await room.projecting.until_current()
    after, _ = await room.whole_list("incident", moment)
    assert after[0]["version"] == before[0]["version"] + 1


async def test_a_partition_without_an_event_makes_no_list_complete_but_the_entities_of_others(pool: Pool, door: httpx.AsyncClient) -> None:
    room = Room(pool, door, seed=1)
    entity_id = room.book.open()
    room.book.clock.advance(1)
    room.book.note(entity_id)
    await room.projecting.until_current()
    moment = told_until(room.book.log).events[0].envelope.time
    page = await room.ask("/v1/incidents", as_of=rfc3339(moment))
    assert page["past"] == {"at": rfc3339(moment), "complete": False, "complete_before": None}
    one = await room.ask(f"/v1/incidents/{entity_id}", as_of=rfc3339(moment))
    assert (one["version"], one["past"]["complete"]) == (1, True)


async def test_an_entity_that_is_set_aside_leaves_its_kind_open_from_then_on(pool: Pool, door: httpx.AsyncClient) -> None:
    room = Room(pool, door, seed=3)
    ids = [room.book.open() for _ in range(30)]
    room.book.clock.advance(1)
    room.book.undecodable(ids[0])
    parked_at = room.book.clock.now()
    room.book.clock.advance(1)
    for entity_id in ids[1:]:
        room.book.note(entity_id)
    await room.projecting.until_current()
    early, late = parked_at - timedelta(milliseconds=500), parked_at + timedelta(milliseconds=500)
    for moment, complete in ((early, True), (late, False)):
        assert (await room.ask("/v1/incidents", as_of=rfc3339(moment)))["past"]["complete"] is complete
        assert (await room.ask("/v1/tasks", as_of=rfc3339(moment)))["past"]["complete"] is True
        assert (await room.ask(f"/v1/incidents/{ids[0]}", as_of=rfc3339(moment)))["past"]["complete"] is complete
        assert (await room.ask(f"/v1/incidents/{ids[1]}", as_of=rfc3339(moment)))["past"]["complete"] is True
