"""The pool says Unavailable while the server is away and works again after it, without a restart; everything is bounded in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devstack.postgres import Postgres
from opsroom_common.postgres.errors import NotInstalled, Rejected, Unavailable
from opsroom_common.postgres.pool import Pool
from opsroom_common.postgres.sql import statements


@pytest.fixture
async def pool(postgres_dsn: str) -> AsyncIterator[Pool]:
    pool = await Pool.open(postgres_dsn, name="test", max_size=2, statement_timeout_s=1.0)
    yield pool
    await pool.close()


async def test_values_come_as_types(pool: Pool) -> None:
    row = await pool.fetch_one("""SELECT '{"b": [1, "é"], "a": null}'::jsonb AS json, timestamptz '2026-11-23T10:00:00.000001Z' AS at""")
    assert row is not None
    assert row["json"] == {"b": [1, "é"], "a": None}
    assert row["at"] == datetime(2026, 11, 23, 10, 0, 0, 1, tzinfo=UTC)
    assert await pool.fetch_one("SELECT 1 WHERE false") is None


@pytest.mark.parametrize("statement", ["SELECT $1::text", "SELECT $1::text::jsonb"])
async def test_a_value_that_postgres_cannot_hold_is_rejected(pool: Pool, statement: str) -> None:
    with pytest.raises(Rejected):
        await pool.fetch(statement, "\x00")
    with pytest.raises(Rejected):
        await pool.fetch("SELECT $1::int[]", [2**40])


async def test_a_mistake_in_our_sql_is_neither(pool: Pool) -> None:
    with pytest.raises(Exception, match="does not exist") as caught:
        await pool.fetch("SELECT nothing()")
    assert not isinstance(caught.value, Unavailable | Rejected)


async def test_a_database_without_tables_says_what_to_start(pool: Pool) -> None:
    with pytest.raises(NotInstalled, match="start the projector"):
        await pool.fetch("SELECT * FROM nowhere")


async def test_the_tables_of_an_older_release_say_so_too(pool: Pool) -> None:
    """A writer that is deployed before the projector reads the log meanwhile; it must not end."""
    with pytest.raises(NotInstalled, match="older release"):
        await pool.fetch("SELECT not_there_yet FROM pg_class")


async def test_a_statement_is_bounded(pool: Pool) -> None:
    with pytest.raises(Unavailable, match="statement timeout"):
        await pool.fetch("SELECT pg_sleep(20)")


@pytest.mark.parametrize(("asked", "setting"), [(True, "on"), (False, "off")])
async def test_a_commit_waits_for_the_disk_only_if_asked(postgres_dsn: str, asked: bool, setting: str) -> None:
    pool = await Pool.open(postgres_dsn, name="test", synchronous_commit=asked)
    row = await pool.fetch_one("SELECT current_setting('synchronous_commit') AS it")
    assert row is not None
    assert row["it"] == setting
    await pool.close()


async def test_a_transaction_is_all_or_nothing(pool: Pool) -> None:
    await pool.execute("CREATE TABLE t (n int); INSERT INTO t VALUES (1)")

    async def broken_off() -> None:
        async with pool.transaction() as transaction:
            await transaction.execute("INSERT INTO t VALUES (2)")
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await broken_off()
    assert [row["n"] for row in await pool.fetch("SELECT n FROM t")] == [1]


async def test_the_server_may_come_later_and_go_and_come_again(own_postgres: Postgres) -> None:
    await asyncio.to_thread(own_postgres.stop)
    pool = await Pool.open(own_postgres.dsn, name="test", max_size=3)
    for end in (own_postgres.kill, own_postgres.stop):
        with pytest.raises(Unavailable):
            await pool.fetch("SELECT 1")
        await asyncio.to_thread(own_postgres.start)
        await asyncio.gather(*(pool.fetch("SELECT 1") for _ in range(3)))
        await asyncio.to_thread(end)
    await pool.close()


async def test_a_server_that_hangs_is_unavailable_in_bounded_time(own_postgres: Postgres) -> None:
    pool = await Pool.open(own_postgres.dsn, name="test", statement_timeout_s=0.5)
    await pool.fetch("SELECT 1")
    own_postgres.pause()
    try:
        async with asyncio.timeout(20):
            with pytest.raises(Unavailable):
                await pool.fetch("SELECT 1")
    finally:
        own_postgres.resume()
    await pool.close()


def test_statements_are_named_in_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "some_sql_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "good.sql").write_text("-- a comment\n\n-- name: one\nSELECT 1;\n\n-- name: two\n-- why\nSELECT 2\n")
    (package / "twice.sql").write_text("-- name: one\nSELECT 1\n-- name: one\nSELECT 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert statements("some_sql_package", "good.sql") == {"one": "SELECT 1", "two": "-- why\nSELECT 2"}
    with pytest.raises(ValueError, match="rename"):
        statements("some_sql_package", "twice.sql")


async def test_a_pool_by_key_reads_no_table_from_end_to_end_though_it_was_empty_when_the_plan_was_made(postgres_dsn: str) -> None:
    statement = "EXPLAIN SELECT t.id FROM unnest($1::int[]) AS asked(id) JOIN by_key_test t ON t.id = asked.id"
    pool = await Pool.open(postgres_dsn, name="test", max_size=1, by_key=True)
    try:
        await pool.execute("CREATE TEMPORARY TABLE by_key_test (id int PRIMARY KEY, word text)")
        plan = "\n".join(row["QUERY PLAN"] for row in await pool.fetch(statement, [1, 2]))
    finally:
        await pool.close()
    assert "Index" in plan
    assert "Seq Scan" not in plan
