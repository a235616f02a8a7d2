"""Which board a query asks for. Lists, details and counts are written once, over whatever source of rows this gives."""

from __future__ import annotations

from gateway_ws.past.rows import PastRows
from gateway_ws.past.store import PastStore
from gateway_ws.queries.parameters import OfMoment, OneParameters
from gateway_ws.queries.source import RowSource, Snapshot
from opsroom_common.auth.identity import Identity


class Boards:
    """The sources of rows that there are. ``live`` is the board as it is now."""

    def __init__(self, live: RowSource, past: PastStore) -> None:
        self.live = live
        self.past = past

    def of(self, asked: OfMoment) -> RowSource:
        """The board that ``asked`` is about: as it was, or as it is now."""
        return self.live if asked.as_of is None else PastRows(self.past, asked.as_of)

    async def one(self, kind: str, entity_id: str, asked: OneParameters, viewer: Identity) -> Snapshot:
        """One entity, at a version too. No rows if there never was one; raises Problem 404 that says which moments or versions there are."""
        if asked.version is not None:
            return await self.past.version(kind, entity_id, asked.version, viewer)
        return await self.of(asked).one(kind, entity_id, viewer)
