"""Which partitions this replica should own: the group hints, a predecessor is given a moment to let go, and the log judges."""

from __future__ import annotations

from collections.abc import Callable, Collection

from command_api.engine.routing import Replica, Routing
from opsroom_common.log.membership import Membership
from opsroom_common.runtime.clock import Clock
from opsroom_common.runtime.health import Check
from opsroom_common.runtime.logging import get_logger

HAND_OVER_S = 0.5
"""How long a successor waits for the word of a predecessor that drains. It may be dead: then this is added to the takeover."""
TABLE_S = 5.0
SAID_S = 1.0
_log = get_logger("ownership")


class Ownership:
    """One replica's side of the sharing. Implements ``Tenure``."""

    def __init__(self, membership: Membership, routing: Routing, clock: Clock, me: Replica) -> None:
        self._membership = membership
        self._routing = routing
        self._clock = clock
        self._me = me
        self._resumed: frozenset[int] = frozenset()
        self._share: frozenset[int] | None = None

    def check(self) -> Check:
        """For ``/readyz``: whether the group has given this replica a share, be it an empty one."""
        if self._share is None:
            return Check(
                ok=bool(self._resumed), reason="waits for the group's first word" if not self._resumed else "goes on with what it had"
            )
        return Check(ok=True, reason=f"the group gave it {len(self._share)} partitions")

    async def run(self, assign: Callable[[Collection[int]], None]) -> None:
        """Hand the group's word to ``assign`` until cancelled; then leave the group. Wait for ``said`` before."""
        await self._resume(assign)

        def on_share(partitions: frozenset[int]) -> None:
            self._resumed = frozenset()
            self._share = partitions
            assign(partitions)

        await self._membership.run(on_share)

    async def said(self) -> None:
        """Wait until what was let go stands in the table, so that no successor waits for it in vain; at most ``SAID_S``."""
        await self._routing.said(SAID_S)

    async def _resume(self, assign: Callable[[Collection[int]], None]) -> None:
        """Go on at once with what an earlier life of this replica served when it was killed: the group keeps that life a member for a session
        more. It is certainly over, since this life listens at its address.
        """
        if not await self._routing.caught_up(TABLE_S):
            return
        mine = [p for p, line in self._routing.table().items() if line.serving and (line.owner, line.url) == (self._me.name, self._me.url)]
        if mine:
            _log.info("goes on with what it owned before", partitions=sorted(mine))
            self._resumed = frozenset(mine)
            assign(self._resumed)

    # -- what the engine asks ----------------------------------------------------------------------------------------------------

    async def may_fence(self, partition: int) -> bool:
        if partition in self._resumed:
            return True
        if not await self._membership.confirms(partition):
            return False
        await self._predecessor_lets_go(partition)
        return True

    def served(self, partition: int, term: str) -> None:
        self._routing.served(partition, term)

    def ended(self, partition: int) -> None:
        self._routing.ended(partition)

    def released(self, partition: int, term: str) -> None:
        self._routing.released(partition, term)

    async def _predecessor_lets_go(self, partition: int) -> None:
        until = self._clock.monotonic() + HAND_OVER_S
        while (left := until - self._clock.monotonic()) > 0:
            line = self._routing.owner(partition)
            if line is None or not line.serving or (line.owner, line.url) == (self._me.name, self._me.url):
                return
            await self._routing.change(left)
