"""A batch: every command is the command of its own door, with its own outcome, in order for each entity, and once."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from command_api.api.batch import COMMANDS_MAX
from command_api.api.doors import BY_NAME, DOORS
from command_api.engine.engine import PartitionedEngine
from command_api.engine.port import Accepted, CommandRequest, NotServing, OutcomeUnknown

from ..house import House, Json, house
from .batches import codes, item, note, opening, outcomes, send, statuses


@pytest.fixture
async def room() -> AsyncIterator[House]:
    async with house() as h:
        yield h


class Hurdle:
    """The engine of a house, in front of which single commands fail."""

    def __init__(self) -> None:
        self.engine: PartitionedEngine | None = None
        self.failing: dict[str, Exception] = {}
        self.asked: list[str] = []
        self.deadlines: set[float] = set()

    async def submit(self, request: CommandRequest) -> Accepted:
        assert self.engine is not None
        self.asked.append(request.command_id)
        self.deadlines.add(request.deadline)
        error = self.failing.pop(request.command_id, None)
        if error is not None:
            raise error
        return await self.engine.submit(request)

    current = status = None


@pytest.fixture
async def hurdle() -> Hurdle:
    return Hurdle()


@pytest.fixture
async def hurdled(hurdle: Hurdle) -> AsyncIterator[House]:
    async with house(engine=hurdle) as h:  # pyright: ignore[reportArgumentType] -- the doors only submit
        hurdle.engine = h.engine
        yield h


async def appends(room: House) -> float:
    """Batches that the engine appended."""
    text = (await room.http.get("/metrics")).text
    found = re.search(r"^opsroom_engine_batch_seconds_count (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_every_command_that_has_a_door_can_stand_in_a_batch() -> None:
    assert set(BY_NAME) == {f"{door.kind}.{door.name}" for door in DOORS}
    assert len(BY_NAME) == len(DOORS)


async def test_a_whole_life_in_one_batch_happens_in_the_order_of_the_list(room: House) -> None:
    one = room.ids.entity_id("inc")
    life = [
        opening(room, one),
        note(room, one),
        item(room, "edit", {"changes": {"title": {"seen": "Disk full", "to": "Disk full on db-1"}}}, one),
        item(room, "acknowledge", {}, one),
        item(room, "resolve", {"resolution": "space freed"}, one),
        item(room, "reopen", {"reason": "full again"}, one),
    ]
    told = await outcomes(room, life)
    assert statuses(told) == [201, 200, 200, 200, 200, 200]
    assert [outcome["body"]["version"] for outcome in told] == [1, 2, 3, 4, 5, 6]
    assert room.types() == ["opened", "noted", "edited", "acknowledged", "resolved", "reopened"]
    assert told[0]["headers"] == {"Location": f"/v1/incidents/{one}"}
    assert [event.command_id for event in room.events()] == [sent["id"] for sent in life]


async def test_an_outcome_is_what_the_single_door_answers(room: House) -> None:
    one, other = await room.opened(), await room.opened()
    sent = note(room, one)
    (told,) = await outcomes(room, [sent])
    single = await room.post(f"/v1/incidents/{other}/notes", sent["body"])
    assert (told["status"], told["headers"]) == (200, {})
    assert told["body"].keys() == single.json().keys()
    assert told["body"]["entities"][0].keys() == single.json()["entities"][0].keys()
    assert told["body"]["command_id"] == sent["id"]

    refused = item(room, "edit", {"changes": {"title": {"seen": "No", "to": "Yes"}}}, one)
    (told,) = await outcomes(room, [refused])
    single = await room.post(f"/v1/incidents/{one}", refused["body"], key=refused["id"])
    assert (told["status"], told["body"]) == (single.status_code, single.json())


async def test_each_outcome_is_its_own(room: House) -> None:
    one, nobody = await room.opened(), room.ids.entity_id("inc")
    told = await outcomes(
        room,
        [
            opening(room),
            opening(room, one),
            note(room, one),
            note(room, nobody),
            note(room, one, " "),
            item(room, "reopen", {"reason": "x"}, one),
            item(room, "add_note", {}, one),
            note(room, "tsk_1"),
            item(room, "visibility", {}, one),
            "no command",
            {"id": 7},
            item(room, "acknowledge", {}, one),
        ],
    )
    assert statuses(told) == [201, 409, 200, 404, 422, 409, 400, 400, 400, 400, 400, 200]
    assert codes(told)[1:11] == [
        "already-exists",
        "ok",
        "not-found",
        "blank",
        "not-resolved",
        "invalid-request",
        "invalid-id",
        "unknown-command",
        "invalid-request",
        "invalid-request",
    ]
    assert [outcome["id"] for outcome in told[9:11]] == [None, None]
    for outcome in told:
        if outcome["status"] >= 400:
            assert outcome["body"]["status"] == outcome["status"]
            assert len(outcome["body"]["detail"]) > 15


async def test_a_role_that_does_not_suffice_is_told_for_its_command_alone(room: House) -> None:
    one = await room.opened()
    hide = item(room, "change_visibility", {"seen": "everyone", "to": "team"}, one)
    told = await outcomes(room, [hide, note(room, one)], X_Dev_Role="operator")
    assert (statuses(told), codes(told)) == ([403, 200], ["role-missing", "ok"])
    assert told[0]["body"]["roles"] == ["admin"]


async def test_a_repeated_batch_has_no_second_effect(room: House) -> None:
    one = room.ids.entity_id("inc")
    batch = [opening(room, one), note(room, one), opening(room), item(room, "reopen", {"reason": "x"}, one)]
    first = await outcomes(room, batch)
    before = room.types()
    again = await outcomes(room, batch)
    assert room.types() == before
    assert [outcome["body"].get("replayed") for outcome in first] == [False, False, False, None]
    assert [outcome["body"].get("replayed") for outcome in again] == [True, True, True, None]
    assert [outcome["body"].get("log") for outcome in first] == [outcome["body"].get("log") for outcome in again]


async def test_a_command_that_stands_twice_in_a_batch_happens_once(room: House) -> None:
    one = await room.opened()
    twice = note(room, one)
    told = await outcomes(room, [twice, note(room, one), twice])
    assert [outcome["body"]["replayed"] for outcome in told] == [False, False, True]
    assert room.types().count("noted") == 2


@pytest.mark.parametrize("batch_first", [True, False])
async def test_a_command_is_the_same_through_its_own_door_and_in_a_batch(room: House, batch_first: bool) -> None:
    one = await room.opened()
    sent: list[tuple[Json, str]] = [
        (opening(room, labels=["b", "a"]), "/v1/incidents"),
        (note(room, one), f"/v1/incidents/{one}/notes"),
        (item(room, "edit", {"changes": {"title": {"to": "New", "seen": "Disk full"}}}, one), f"/v1/incidents/{one}"),
    ]
    batch = [command for command, _ in sent]
    if batch_first:
        assert [outcome["body"]["replayed"] for outcome in await outcomes(room, batch)] == [False] * 3
    singles = [await room.post(path, command["body"], key=command["id"]) for command, path in sent]
    assert [answer.json()["replayed"] for answer in singles] == [batch_first] * 3
    assert [outcome["body"]["replayed"] for outcome in await outcomes(room, batch)] == [True] * 3
    assert sorted(room.types()) == ["edited", "noted", "opened", "opened"]


async def test_an_id_that_was_used_at_a_single_door_for_another_command_is_refused(room: House) -> None:
    one, key = await room.opened(), room.ids.uuid7()
    await room.post(f"/v1/incidents/{one}/notes", {"text": "one"}, key=key)
    (told,) = await outcomes(room, [item(room, "add_note", {"text": "two"}, one, key=key)])
    assert (told["status"], told["body"]["code"], told["body"]["applied"]) == (422, "idempotency-key-reused", False)


async def test_what_was_not_decided_is_told_so_and_the_others_go_on(hurdled: House, hurdle: Hurdle) -> None:
    one, other = await hurdled.opened(), await hurdled.opened()
    batch = [note(hurdled, one), note(hurdled, other), note(hurdled, other)]
    hurdle.failing = {batch[0]["id"]: NotServing("no owner; repeat the command with the same id")}
    told = await outcomes(hurdled, batch)
    assert statuses(told) == [503, 200, 200]
    assert (told[0]["body"]["applied"], told[0]["headers"]) == (False, {"Retry-After": "1"})
    assert [outcome["body"]["replayed"] for outcome in await outcomes(hurdled, batch)] == [False, True, True]


@pytest.mark.parametrize(("error", "applied"), [(NotServing("x"), False), (OutcomeUnknown("x"), None), (RuntimeError("x"), None)])
async def test_no_command_overtakes_one_that_was_not_decided(
    hurdled: House, hurdle: Hurdle, error: Exception, applied: bool | None
) -> None:
    one, other = hurdled.ids.entity_id("inc"), await hurdled.opened()
    batch = [opening(hurdled, one), note(hurdled, one), item(hurdled, "resolve", {}, one), note(hurdled, other)]
    hurdle.failing = {batch[1]["id"]: error}
    hurdle.asked.clear()
    told = await outcomes(hurdled, batch)
    assert codes(told)[2:] == ["earlier-not-decided", "ok"]
    assert (told[0]["status"], told[2]["status"], told[2]["body"]["applied"]) == (201, 503, False)
    assert told[1]["body"].get("applied") is applied
    assert batch[2]["id"] not in hurdle.asked
    assert hurdled.types().count("resolved") == 0
    assert statuses(await outcomes(hurdled, batch)) == [201, 200, 200, 200]
    assert [event.command_id for event in hurdled.events() if event.entity_id == one] == [command["id"] for command in batch[:3]]


async def test_a_refused_command_does_not_hold_up_those_behind_it(room: House) -> None:
    one = await room.opened()
    told = await outcomes(room, [item(room, "reopen", {"reason": "x"}, one), item(room, "resolve", {}, one), note(room, one, "")])
    assert statuses(told) == [409, 200, 422]


async def test_all_commands_of_a_batch_have_one_deadline(hurdled: House, hurdle: Hurdle) -> None:
    hurdle.deadlines.clear()
    one = hurdled.ids.entity_id("inc")
    await outcomes(hurdled, [opening(hurdled, one), note(hurdled, one), opening(hurdled)])
    assert hurdle.deadlines == {hurdled.clock.monotonic() + 5.0}


async def test_each_command_counts_for_its_actors_limit() -> None:
    async with house(per_second=1, burst=3) as room:
        one = room.ids.entity_id("inc")
        batch = [opening(room, one), note(room, one), opening(room), opening(room), item(room, "resolve", {}, one)]
        told = await outcomes(room, batch)
        assert (statuses(told), codes(told)[4]) == ([201, 429, 201, 201, 503], "earlier-not-decided")
        assert told[1]["headers"] == {"Retry-After": "1"}
        assert (await outcomes(room, [opening(room)], X_Dev_Actor="usr_other"))[0]["status"] == 201


@pytest.mark.parametrize("partition", [0, 1])
async def test_a_full_batch_on_one_partition_takes_few_appends(room: House, partition: int) -> None:
    ids: list[str] = []
    while len(ids) < COMMANDS_MAX:
        one = room.ids.entity_id("inc")
        if room.log.partition_of(one) == partition:
            ids.append(one)
    before = await appends(room)
    told = await outcomes(room, [opening(room, one) for one in ids])
    assert statuses(told) == [201] * COMMANDS_MAX
    assert [event.entity_id for event in room.events()] == ids
    assert await appends(room) - before <= 20


async def test_the_calls_headers_stand_in_the_record_of_each_command(room: House) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    await outcomes(
        room,
        [opening(room), opening(room)],
        X_Dev_Actor="usr_maria",
        X_Dev_Role="operator",
        X_Correlation_Id="import-7",
        X_Reason="import",
        traceparent=f"00-{trace}-b7ad6b7169203331-01",
    )
    for event in room.events():
        envelope = event.envelope
        assert (envelope.actor, envelope.role, envelope.correlation_id, envelope.reason) == ("usr_maria", "operator", "import-7", "import")
        assert envelope.traceparent is not None
        assert envelope.traceparent.split("-")[1] == trace


async def test_the_commands_of_a_batch_are_counted_like_others(room: House) -> None:
    one = room.ids.entity_id("inc")
    batch = [opening(room, one), note(room, one), item(room, "nothing", {}, one)]
    await outcomes(room, batch)
    await outcomes(room, batch)
    await send(room, [])
    text = (await room.http.get("/metrics")).text
    for line in (
        'opsroom_commands_total{command="incident.open",outcome="ok"} 1.0',
        'opsroom_commands_total{command="incident.add_note",outcome="replayed"} 1.0',
        'opsroom_commands_total{command="unknown",outcome="unknown-command"} 2.0',
        'opsroom_commands_total{command="batch",outcome="invalid-request"} 1.0',
    ):
        assert line in text
