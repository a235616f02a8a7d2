"""topics.yaml is the one place that declares topics, and a mistake in it is one clear line."""

import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsroom_common.contracts.schema_files import installed_schemas
from opsroom_common.contracts.topics import EVENTS, SIGNALS, TopicsInvalid, load_topics, partition_of


def _broken(tmp_path: Path, old: str, new: str) -> str:
    text = installed_schemas().joinpath("topics.yaml").read_text("utf-8")
    assert old in text
    (tmp_path / "topics.yaml").write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(TopicsInvalid) as caught:
        load_topics(tmp_path)
    return str(caught.value)


def test_the_events_are_kept_for_ever() -> None:
    topics = load_topics()
    assert topics[EVENTS].config == {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
    assert topics[EVENTS].writer == "command-api"
    assert topics[SIGNALS].partitions >= 1
    assert all(name == topic.name for name, topic in topics.items())


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("    retention_ms: -1", "    retention_ms: 604800000", "kept for ever"),
        ("cleanup: delete", "cleanup: compact", "kept for ever"),
        ("partitions: 8", "partitions: 0", "partitions"),
        ("partitions: 8", "partitions: eight", "partitions"),
        ("partitions: 8", "partitions: 8\n    colour: red", "colour"),
        ("    partitions: 8\n", "", "partitions"),
        ("name: ops.events", "name: Ops Events", "name"),
        ("name: ops.signals.dlq", "name: ops.signals", "twice"),
        ("name: ops.signals\n", "name: ops.other\n", "no source topic"),
        ("retention_ms: 604800000", "retention_ms: 0", "retention of 0"),
        ("readers: [command-api, projector, opsctl]", "readers: []", "readers"),
        ("topics:", "topics: [", "not YAML"),
        ("topics:", "themes:", "topics"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    message = _broken(tmp_path, old, new)
    assert says in message
    assert message.startswith("topics.yaml")


@given(st.text(min_size=1, max_size=60), st.integers(1, 64))
def test_an_entity_has_one_partition(entity_id: str, partitions: int) -> None:
    assert partition_of(entity_id, partitions) == partition_of(entity_id, partitions)
    assert 0 <= partition_of(entity_id, partitions) < partitions


def test_the_partition_is_fixed_for_life() -> None:
    """Pinned: another result would send an entity's events to another partition than its old ones."""
    assert zlib.crc32(b"123456789") == 0xCBF43926
    assert partition_of("123456789", 8) == 0xCBF43926 % 8
    assert [partition_of(f"inc_{n}", 8) for n in range(8)] == [7, 1, 3, 5, 6, 0, 2, 4]
