"""Makes the tables: of a first database, of one that an older release left, and of a projection that is to be built."""

from __future__ import annotations

import re
from hashlib import sha256

from opsroom_common.postgres.pool import Pool, Session
from opsroom_common.postgres.sql import script, statements
from opsroom_domain.registry import fold_fingerprint
from projector.projections import control
from projector.projections.control import NoLive, Projection, State
from projector.projections.names import FIRST, next_name, written_for
from projector.projections.views import shared_columns, show

_SECTIONS = statements("projector.sql", "schema.sql")
_SQL = statements("projector.projections", "install.sql")
PROJECTIONS_MAX = 8
"""How many there may be at once: each is a whole copy of the rows."""
_UNKNOWN_LAYOUT = 0
_SCRATCH = "read_v999999"
"""Made and dropped in one transaction."""


def layout() -> int:
    """The number of the tables' layout that this release writes."""
    found = re.search(r"^-- layout: (\d+)$", script("projector.sql", "schema.sql"), re.MULTILINE)
    if found is None:
        raise ValueError("schema.sql says no layout; write `-- layout: N` into its head")
    return int(found[1])


def digest(section: str) -> str:
    return sha256(_SECTIONS[section].encode()).hexdigest()


def ours(projection: Projection) -> bool:
    """Whether this release may write its rows: they are of its fold and of its layout."""
    return projection.fold == fold_fingerprint() and projection.layout == layout()


async def install(pool: Pool) -> None:
    """Make what is missing, and bring the live projection's tables up to date if this release may write them. Raises Unavailable.

    Several projectors may do so at once. An older release's database is taken over as it is: its rows stay, whoever made them.
    """
    async with pool.transaction() as transaction:
        await transaction.fetch(_SQL["lock_schema"])
        row = await transaction.fetch_one(_SQL["installed_feed"])
        if row is None or row["installed"] != digest("feed"):
            await transaction.execute(_SECTIONS["feed"])
            await transaction.execute(f"COMMENT ON SCHEMA feed IS '{digest('feed')}'")
        live = await _live(transaction)
        missing = not await control.tables_of(transaction, live.name)
        if missing or (ours(live) and live.script != digest("projection")):
            await _bring_up_to_date(transaction, live)


async def _live(transaction: Session) -> Projection:
    """The live projection; on a database that knows none, the first one, new or of an older release."""
    try:
        return await control.live(transaction)
    except NoLive:
        if await control.projections(transaction):
            raise
    if await control.tables_of(transaction, FIRST):
        found = await transaction.fetch_one(_SQL["made_by"])
        fold = fold_fingerprint() if found is None else found["fold"]
        same = await _laid_out_as_ours(transaction, FIRST)
        await control.register(transaction, FIRST, State.LIVE, fold, layout() if same else _UNKNOWN_LAYOUT, "")
    else:
        await transaction.execute(_SECTIONS["projection"])
        await transaction.execute(_SECTIONS["views"])
        await control.register(transaction, FIRST, State.LIVE, fold_fingerprint(), layout(), digest("projection"))
    return await control.live(transaction)


async def _laid_out_as_ours(transaction: Session, name: str) -> bool:
    """Whether its tables have the columns that this release's would have."""
    await transaction.execute(written_for(_SECTIONS["projection"], _SCRATCH))
    columns = await shared_columns(transaction, name, _SCRATCH)
    await transaction.execute(f"DROP SCHEMA {_SCRATCH} CASCADE")
    return not any(either for _, either in columns.values())


async def _bring_up_to_date(transaction: Session, live: Projection) -> None:
    """Within one layout: make what is missing."""
    await transaction.execute(written_for(_SECTIONS["projection"], live.name))
    await control.register(transaction, live.name, State.LIVE, fold_fingerprint(), layout(), digest("projection"))
    await show(transaction, live.name)


async def begin_anew(pool: Pool) -> None:
    """Empty the live projection and the feed: it is this release's from now on. Raises Unavailable."""
    await install(pool)
    async with pool.transaction() as transaction:
        await transaction.fetch(_SQL["lock_schema"])
        await control.locked(transaction)
        live = await control.live(transaction)
        # With the views: they are made again from tables that may have another layout.
        await transaction.execute(f"DROP SCHEMA {live.name} CASCADE")
        await transaction.execute("TRUNCATE feed.head, feed.entries")
        await _bring_up_to_date(transaction, live)


async def make_next(pool: Pool) -> Projection:
    """Make the schema of the next projection, to be loaded: without the indexes and keys that slow a load. Raises Refused, Unavailable."""
    await install(pool)
    async with pool.transaction() as transaction:
        await transaction.fetch(_SQL["lock_schema"])
        known = await control.projections(transaction)
        if len(known) >= PROJECTIONS_MAX:
            raise control.Refused(f"there are {len(known)} projections; drop one first (`opsctl projections drop NAME`)")
        name = next_name(projection.name for projection in known)
        await transaction.execute(written_for(_SECTIONS["projection"], name))
        await control.register(transaction, name, State.BUILDING, fold_fingerprint(), layout(), digest("projection"))
        put_off = await transaction.fetch(_SQL["indexes"], name)
        for row in put_off:
            await transaction.execute(row["undo"])
        await control.put_off(transaction, name, [row["redo"] for row in put_off])
        return await control.one(transaction, name)
