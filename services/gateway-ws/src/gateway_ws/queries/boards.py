"""Which board a query asks for. Lists, details and counts are written once, over whatever source of rows this gives."""

from __future__ import annotations

from gateway_ws.queries.parameters import ReadAfter
from gateway_ws.queries.source import RowSource


class Boards:
    """The sources of rows that there are."""

    def __init__(self, live: RowSource) -> None:
        self._live = live

    def of(self, asked: ReadAfter) -> RowSource:
        """The board that ``asked`` is about: as it is now."""
        del asked
        return self._live
