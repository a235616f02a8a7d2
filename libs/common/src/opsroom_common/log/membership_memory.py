"""A group in memory: shares the partitions out among its members at once. A frozen one lets members believe what they were told last."""

from __future__ import annotations

import asyncio

from opsroom_common.log.membership import OnShare


class MemoryGroup:
    """Partitions 0 to ``partitions`` - 1, shared out evenly and moving as few as possible."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._members: dict[str, OnShare] = {}
        self._shares: dict[str, frozenset[int]] = {}
        self.frozen = False
        """True while nobody is told anything new, and everybody is confirmed what it was told."""

    def member(self, name: str) -> MemoryMembership:
        """A member that is not in the group yet; ``name`` is one life of one replica."""
        return MemoryMembership(self, name)

    def join(self, name: str, on_share: OnShare) -> None:
        """Take the member in and share out anew."""
        self._members[name] = on_share
        self._share_out()

    def leave(self, name: str) -> None:
        """Let the member go, as when it leaves or its session times out, and share out anew."""
        if self._members.pop(name, None) is not None:
            self._share_out()

    def hand_over(self, name: str, successor: str) -> None:
        """Let ``successor`` own what ``name`` owned, without telling anybody: what a group says of a member that it has lost."""
        self._members.setdefault(successor, lambda _: None)
        self._shares[successor] = self._shares.get(successor, frozenset()) | self._shares.get(name, frozenset())
        self._shares[name] = frozenset()

    def owns(self, name: str, partition: int) -> bool:
        """Whether the member was given the partition, as the group sees it."""
        return name in self._members and partition in self._shares.get(name, ())

    def _share_out(self) -> None:
        if self.frozen or not self._members:
            return
        fewest, more = divmod(self._partitions, len(self._members))
        by_size = sorted(self._members, key=lambda name: -len(self._shares.get(name, ())))
        quota = {name: fewest + (i < more) for i, name in enumerate(by_size)}
        shares = {name: set(sorted(self._shares.get(name, ()))[: quota[name]]) for name in by_size}
        taken = {partition for share in shares.values() for partition in share}
        for partition in range(self._partitions):
            if partition not in taken:
                min(shares.values(), key=len).add(partition)
        self._shares = {name: frozenset(share) for name, share in shares.items()}
        for name, on_share in list(self._members.items()):
            on_share(self._shares[name])


class MemoryMembership:
    """One member of a ``MemoryGroup``."""

    def __init__(self, group: MemoryGroup, name: str) -> None:
        self._group = group
        self._name = name

    async def run(self, on_share: OnShare) -> None:
        self._group.join(self._name, on_share)
        try:
            await asyncio.Event().wait()
        finally:
            self._group.leave(self._name)

    async def confirms(self, partition: int) -> bool:
        await asyncio.sleep(0)
        return self._group.owns(self._name, partition)
