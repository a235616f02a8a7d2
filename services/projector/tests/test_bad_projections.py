"""A projection whose code is wrong is never switched in: the first error ends its build, and a comparison finds other rows."""

from __future__ import annotations

from typing import Any

import pytest

from opsroom_common.feed.memory import MemoryFeedCarrier
from opsroom_common.log.entity import fold as real_fold
from opsroom_common.postgres.pool import Pool
from projector import fold_step as fold_module
from projector.projections import control
from projector.projections import install as install_module
from projector.projections.build import BuildFailed
from projector.projections.control import Refused, State
from projector.projections.drop import drop
from projector.projections.load import LoadLimits
from projector.projections.quiet_store import BadProjection
from projector.session import Limits

from .log_book import LogBook
from .projecting import Projecting
from .projections_kit import build, compare, rows_of, states, switch

LIMITS = LoadLimits(chunk_records=3)


@pytest.fixture
async def live(pool: Pool, book: LogBook) -> Any:
    """Rows of a right projection, and a log with a few bad records, which every projection sets aside."""
    for _ in range(150):
        book.random_step()
    await Projecting(book.log, pool, MemoryFeedCarrier(), Limits()).until_current()
    return await rows_of(pool, "read")


async def never_switched(book: LogBook, pool: Pool, live: Any, why: str) -> None:
    before = await pool.fetch("SELECT epoch FROM feed.head")
    with pytest.raises(Refused, match=why):
        await switch(book.log, pool, "read_v2")
    assert await rows_of(pool, "read") == live == await rows_of(pool, "read_v1")
    assert await pool.fetch("SELECT epoch FROM feed.head") == before
    assert (await states(pool))["read_v1"] is State.LIVE


def raising_at(offset: int, real: Any) -> Any:
    def fold(before: object, record: Any, passed: int = 0) -> object:
        if record.offset == offset:
            raise KeyError("a field that never was")
        return real(before, record, passed)

    return fold


async def test_a_fold_that_raises_where_the_live_one_did_not(pool: Pool, book: LogBook, live: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    handled = await pool.fetch('SELECT "offset" FROM read.entity_versions ORDER BY "offset" DESC LIMIT 1')
    with monkeypatch.context() as bad:
        bad.setattr(fold_module, "fold", raising_at(handled[0]["offset"], real_fold))
        with pytest.raises(BuildFailed, match="a field that never was"):
            await build(book.log, pool, LIMITS)
    failed = await control.one(pool, "read_v2")
    assert failed.state is State.FAILED
    assert "read_v1 can" in (failed.error or "")
    await never_switched(book, pool, live, "failed: drop it")
    with pytest.raises(Refused, match="is failed"):
        await compare(book.log, pool, "read_v2")
    built = await build(book.log, pool, LIMITS)
    assert (built.name, built.state) == ("read_v3", State.READY), "mended code builds the next one, not on top of the bad one"
    assert (await compare(book.log, pool, "read_v3")).sound
    await drop(pool, "read_v2")


async def test_records_that_no_projection_can_handle_do_not_stop_it(pool: Pool, book: LogBook) -> None:
    entity = book.open()
    book.undecodable(entity)
    book.note(entity)
    other = book.open()
    book.gap(other)
    await Projecting(book.log, pool, MemoryFeedCarrier(), Limits()).until_current()
    assert (await build(book.log, pool, LIMITS)).state is State.READY
    assert (await compare(book.log, pool, "read_v2")).sound
    assert len(await pool.fetch("SELECT FROM read_v2.parked")) == 2


REFUSES = "ALTER TABLE read_v1.timeline ADD CONSTRAINT short CHECK (length(words) < 100 OR 1 / (length(words) - length(words)) > 0)"
"""A limit of ours, in the place of one of Postgres' own: a long text is a division by zero."""


async def test_values_that_postgres_refuses_set_aside_the_same_entity(pool: Pool, book: LogBook, monkeypatch: pytest.MonkeyPatch) -> None:
    sections = {**install_module._SECTIONS, "projection": f"{install_module._SECTIONS['projection']};\n{REFUSES}"}
    monkeypatch.setattr(install_module, "_SECTIONS", sections)
    entities = [book.open(f"Incident {number}") for number in range(6)]
    book.note(entities[2], "x" * 300)
    for entity in entities:
        book.note(entity)
    await Projecting(book.log, pool, MemoryFeedCarrier(), Limits()).until_current()
    assert [row["entity_id"] for row in await pool.fetch("SELECT entity_id FROM read.parked")] == [entities[2]]
    assert (await build(book.log, pool, LoadLimits(chunk_records=7))).state is State.READY
    assert (await compare(book.log, pool, "read_v2")).sound
    assert await rows_of(pool, "read_v1") == await rows_of(pool, "read_v2")


def forgetful(*_: object) -> tuple[str, ...]:
    return ("nothing:at-all",)


async def test_a_projection_that_gives_other_rows(pool: Pool, book: LogBook, live: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as bad:
        bad.setattr(fold_module, "terms_of", forgetful)
        assert (await build(book.log, pool, LIMITS)).state is State.READY
    with pytest.raises(Refused, match="was not compared"):
        await switch(book.log, pool, "read_v2")
    comparison = await compare(book.log, pool, "read_v2")
    assert not comparison.sound
    assert comparison.checkpoints, "it was compared with the live rows"
    assert any("entities" in words for words in comparison.found), comparison.found
    await never_switched(book, pool, live, "not sound")


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("timeline", "UPDATE read_v2.timeline SET words = 'other words' WHERE version = 1"),
        ("entity_versions", "DELETE FROM read_v2.entity_versions WHERE version = 2"),
        ("entity_versions", "UPDATE read_v2.entity_versions SET valid_to = 'infinity'"),
        ("texts", "UPDATE read_v2.texts SET text = 'other'"),
        ("fences", "DELETE FROM read_v2.fences"),
        ("parked", "UPDATE read_v2.parked SET behind = behind + 1"),
        ("checkpoints", "UPDATE read_v2.checkpoints SET last_time = '2000-01-01'"),
    ],
)
async def test_any_row_that_differs_is_found(pool: Pool, book: LogBook, table: str, change: str) -> None:
    for _ in range(80):
        book.random_step()
    for _ in range(3):
        book.undecodable(book.open())
    await Projecting(book.log, pool, MemoryFeedCarrier(), Limits()).until_current()
    await build(book.log, pool)
    assert (await compare(book.log, pool, "read_v2")).sound
    await pool.execute(change)
    comparison = await compare(book.log, pool, "read_v2")
    assert not comparison.sound
    assert any(table in words for words in comparison.found), comparison.found
    with pytest.raises(Refused, match="not sound"):
        await switch(book.log, pool, "read_v2")


async def test_any_other_error_of_its_code_ends_the_build(pool: Pool, book: LogBook, live: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projector.fold_load._open_version", lambda *_: 1 / 0)
    entity = next(iter(book.entities))
    book.note(entity)
    book.note(entity)
    with pytest.raises(BuildFailed, match=r"ZeroDivisionError|AttributeError"):
        await build(book.log, pool, LoadLimits(chunk_records=1, entities=1))
    await never_switched(book, pool, await rows_of(pool, "read"), "failed")


async def test_what_goes_wrong_after_the_comparison_is_found_by_the_switch(
    pool: Pool, book: LogBook, live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await build(book.log, pool)
    assert (await compare(book.log, pool, "read_v2")).sound
    entity = book.open()
    await Projecting(book.log, pool, MemoryFeedCarrier(), Limits()).until_current()
    landed = (await pool.fetch('SELECT "offset" FROM read.entities WHERE id = $1', entity))[0]["offset"]
    monkeypatch.setattr(fold_module, "fold", raising_at(landed, real_fold))
    with pytest.raises(BadProjection, match="a field that never was"):
        await switch(book.log, pool, "read_v2")
    assert (await states(pool))["read_v1"] is State.LIVE
