"""The pure parts of the live path: ring, verdict, filters, outbox, frames."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_ws.live import protocol
from gateway_ws.live.channels import channels_of, parse_channel
from gateway_ws.live.codes import SLOW
from gateway_ws.live.filters import BadFilter, matches, parse_filter
from gateway_ws.live.outbox import Outbox
from gateway_ws.live.protocol import RecoverFrom
from gateway_ws.live.publications import Prepared, mark, prepare
from gateway_ws.live.recover import Verdict, judge
from gateway_ws.live.ring import OutOfOrder, Ring
from gateway_ws.permissions import ROLES, client_epoch
from opsroom_common.auth.identity import Role
from opsroom_common.feed.port import FeedEntry, Position

ADMIN = Role.ADMIN
AT = datetime(2026, 11, 23, tzinfo=UTC)


def entry(n: int, epoch: int = 7, row: bytes = b'{"id":"x"}') -> Prepared:
    return prepare(
        FeedEntry(
            position=Position(epoch, n),
            kind="incident",
            entity_id="inc_x",
            version=n,
            topic="ops.events",
            partition=0,
            offset=n,
            actor="usr_a",
            event_types=("opsroom.incident.noted",),
            was=None,
            now={},
            row=row,
            times={"event": 1.5, "projected": 2.5},
        )
    )


def ring_of(first: int, last: int, **bounds) -> Ring:
    ring = Ring(**{"bytes_max": 10**6, "age_max_s": 100, **bounds})
    ring.reset(Position(7, first - 1))
    for n in range(first, last + 1):
        ring.append(entry(n), now_s=float(n))
    return ring


@given(first=st.integers(1, 50), count=st.integers(0, 30), data=st.data())
def test_a_recovery_from_floor_or_later_gives_everything_after_it_once(first: int, count: int, data: st.DataObject):
    ring = ring_of(first, first + count - 1)
    asked = data.draw(st.integers(ring.floor, first + count - 1))
    assert [p.entry.position.n for p in ring.after(asked)] == list(range(asked + 1, first + count))


@given(count=st.integers(1, 60), bytes_max=st.integers(0, 20_000))
def test_the_ring_keeps_its_bounds_and_says_honestly_what_it_still_has(count: int, bytes_max: int):
    ring = ring_of(1, count, bytes_max=bytes_max)
    assert ring.bytes_held <= bytes_max
    assert ring.position == Position(7, count)
    assert ring.floor == count - len(ring)
    assert [p.entry.position.n for p in ring.after(ring.floor)] == list(range(ring.floor + 1, count + 1))


def test_entries_grow_old_also_when_nothing_new_comes():
    ring = ring_of(1, 10, age_max_s=5)
    assert ring.floor == 4
    ring.trim(100)
    assert (len(ring), ring.floor, ring.bytes_held) == (0, 10, 0)


@pytest.mark.parametrize("wrong", [entry(12), entry(10), entry(9), entry(11, epoch=8)])
def test_only_the_next_entry_is_taken(wrong: Prepared):
    with pytest.raises(OutOfOrder):
        ring_of(1, 10).append(wrong, 11.0)


@given(floor=st.integers(0, 20), length=st.integers(0, 20), offset=st.integers(0, 60), epoch=st.integers(6, 8), role=st.sampled_from(ROLES))
def test_recovered_if_and_only_if_the_epoch_is_equal_and_floor_offset_head_are_in_order(
    floor: int, length: int, offset: int, epoch: int, role: Role
):
    head = Position(7, floor + length)
    verdict = judge(RecoverFrom(client_epoch(epoch, role), offset), role, floor, head)
    assert (verdict is Verdict.RECOVERED) == (epoch == 7 and floor <= offset <= head.n)
    assert (verdict is Verdict.AHEAD) == (epoch == 8 or (epoch == 7 and offset > head.n))


@given(st.text())
def test_no_epoch_that_a_client_makes_up_is_recovered(epoch: str):
    assert judge(RecoverFrom(epoch, 0), ADMIN, 0, Position(7, 0)) is not Verdict.RECOVERED


def test_another_roles_epoch_is_another_epoch():
    asked = RecoverFrom(client_epoch(7, Role.VIEWER), 5)
    assert judge(asked, ADMIN, 0, Position(7, 9)) is Verdict.OTHER_EPOCH


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
)


@given(row=st.dictionaries(st.text(), JSON_VALUES))
def test_a_row_goes_out_as_it_came_whatever_is_in_it(row: dict):
    row_bytes = orjson.dumps(row)
    prepared = entry(3, row=row_bytes)
    frame = protocol.publication_push("board:incident@admin", protocol.publication(prepared.row(AT), 3))
    assert "\n" not in frame
    pub = json.loads(frame)["push"]["pub"]
    assert pub["offset"] == 3
    assert pub["data"]["row"] == row
    assert pub["data"]["times"] == {"event": 1.5, "projected": 2.5, "sent": AT.timestamp()}
    assert row_bytes in frame.encode()


def test_gone_and_mark_are_json():
    assert json.loads(entry(3).gone(AT))["version"] == 3
    assert json.loads(mark(5, AT)) == {"type": "mark", "head": 5, "at": AT.timestamp()}


def test_an_entry_without_times_is_json_too():
    bare = entry(1).entry
    without = prepare(FeedEntry(**{**{name: getattr(bare, name) for name in FeedEntry.__slots__}, "times": {}}))
    assert json.loads(without.row(AT))["times"] == {"sent": AT.timestamp()}


LEAVES = [
    ({"cmp": "eq", "val": "open"}, "open", True),
    ({"cmp": "eq", "val": "open"}, "opened", False),
    ({"cmp": "eq", "val": "open"}, None, False),
    ({"cmp": "neq", "val": "open"}, None, True),
    ({"cmp": "neq", "val": "open"}, "open", False),
    ({"cmp": "in", "vals": ["a", "b"]}, "b", True),
    ({"cmp": "in"}, "b", False),
    ({"cmp": "nin", "vals": ["a"]}, "b", True),
    ({"cmp": "nin", "vals": ["a"]}, None, True),
    ({"cmp": "ex"}, "", True),
    ({"cmp": "ex"}, None, False),
    ({"cmp": "nex"}, None, True),
    ({"cmp": "nex"}, "", False),
    ({"cmp": "sw", "val": "op"}, "open", True),
    ({"cmp": "ew", "val": "en"}, "open", True),
    ({"cmp": "ct", "val": "\nenv=prod\n"}, "\na=b\nenv=prod\n", True),
    ({"cmp": "ct", "val": "\nenv=prod\n"}, "\nenv=production\n", False),
    ({"cmp": "gt", "val": "9"}, "10", True),
    ({"cmp": "gte", "val": "10"}, "10.0", True),
    ({"cmp": "lt", "val": "10"}, "9", True),
    ({"cmp": "lte", "val": "9"}, "10", False),
    ({"cmp": "gt", "val": "1"}, "many", False),
    ({"cmp": "gt", "val": "1"}, "NaN", False),
]


def parsed(raw: object):
    return parse_filter(raw, nodes_max=20, depth_max=4)


def test_conditions_mean_what_they_mean_in_centrifugo():
    for condition, tag, expected in LEAVES:
        tags = {} if tag is None else {"t": tag}
        node = {"key": "t", **condition}
        assert matches(parsed(node), tags) is expected, (condition, tag)
        assert matches(parsed({"op": "not", "nodes": [node]}), tags) is not expected


@given(st.lists(st.booleans(), min_size=1, max_size=5))
def test_and_or_are_all_any(values: list[bool]):
    nodes = [{"key": "t", "cmp": "ex" if value else "nex"} for value in values]
    assert matches(parsed({"op": "and", "nodes": nodes}), {"t": ""}) is all(values)
    assert matches(parsed({"op": "or", "nodes": nodes}), {"t": ""}) is any(values)


def test_equal_filters_are_one_group():
    one, other = ({"key": "t", "cmp": "in", "vals": vals} for vals in (["a", "b"], ["b", "a"]))
    assert parsed(one) == parsed(other)
    assert hash(parsed(one)) == hash(parsed(other))


def _deep(depth: int) -> dict:
    return {"key": "t", "cmp": "ex"} if depth == 0 else {"op": "not", "nodes": [_deep(depth - 1)]}


def test_a_filter_that_makes_no_sense_is_refused():
    wrong = [
        None,
        [],
        {},
        {"key": "t"},
        {"key": "t", "cmp": "~"},
        {"key": 1, "cmp": "ex"},
        {"cmp": "ex"},
        {"key": "t", "cmp": "gt", "val": "x"},
        {"key": "t", "cmp": "in", "vals": "a"},
        {"key": "t", "cmp": "in", "vals": [1]},
        {"key": "t", "cmp": "in", "vals": ["x"] * 30},
        {"op": "xor", "nodes": [_deep(0)]},
        {"op": "and", "nodes": []},
        {"op": "not", "nodes": [_deep(0), _deep(0)]},
        {"op": "and", "nodes": [_deep(0)] * 30},
        _deep(10),
    ]
    for raw in wrong:
        with pytest.raises(BadFilter):
            parsed(raw)


@given(st.lists(st.text(min_size=1).filter(lambda t: "\n" not in t), max_size=50))
def test_the_outbox_gives_back_all_frames_in_order(frames: list[str]):
    outbox = Outbox(10**6)
    assert all(outbox.put(frame) for frame in frames)
    messages = []
    while outbox:
        messages.append(outbox.take())
    assert "\n".join(messages).split("\n") == (frames or [""])
    assert outbox.bytes_waiting == 0


def test_the_outbox_is_bounded_in_bytes_not_in_characters():
    outbox = Outbox(100)
    assert outbox.put("ü" * 50)
    assert not outbox.put("x")
    assert outbox.bytes_waiting == 100


def test_large_frames_are_not_joined_into_huge_messages():
    outbox = Outbox(10**6)
    for _ in range(10):
        outbox.put("x" * 20_000)
    assert len(outbox.take()) < 70_000


@given(st.text())
def test_no_text_can_do_more_than_be_refused(text: str):
    try:
        protocol.parse_message(text, commands_max=64)
    except protocol.Malformed as refusal:
        assert str(refusal)


@given(JSON_VALUES, st.sampled_from(["connect", "subscribe", "unsubscribe", "publish", "rpc", "send", "ping"]))
def test_no_body_can_do_more_than_be_refused(body: object, method: str):
    try:
        protocol.parse_message(json.dumps({"id": 1, method: body}), commands_max=64)
    except protocol.Malformed as refusal:
        assert str(refusal)


def test_close_reasons_fit_into_a_close_frame():
    reason = protocol.close_reason(SLOW, "ä" * 200)
    assert len(reason.encode()) <= 123
    assert reason.startswith("slow: ä")


def test_an_entitys_channels_are_channels_and_carry_it():
    entity_id = "inc_01k0000000000000000000000a"
    for name in channels_of("incident", entity_id):
        channel = parse_channel(name)
        assert channel is not None
        assert channel.carries("incident", entity_id)
        assert not channel.carries("task", "inc_01k0000000000000000000000b")
