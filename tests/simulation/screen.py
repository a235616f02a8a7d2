"""A screen: takes a snapshot, follows the feed from there, recovers what it missed, and folds rows by version, as every client of ours does."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from gateway_ws.live.codes import UNRECOVERABLE_POSITION
from gateway_ws.live.protocol import REJECT_UNRECOVERED
from gateway_ws.live.socket import Closed
from gateway_ws.permissions import client_epoch
from opsroom_common.auth.identity import Role
from opsroom_common.postgres.errors import Unavailable
from opsroom_common.postgres.memory import MemoryTables

from .database import Snapshot, snapshot
from .hosts import GatewayHost
from .loop import SimLoop
from .network import Network
from .rows import RowsJudge
from .socket import Pipe
from .verdict import Broken

CHANNEL = "board:incident@admin"


class Screen:
    """One client with one subscription; ``status`` is its filter: only incidents in that status."""

    def __init__(
        self, loop: SimLoop, network: Network, tables: MemoryTables, gateways: Sequence[GatewayHost], judge: RowsJudge, status: str | None
    ) -> None:
        self._loop = loop
        self._network = network
        self._tables = tables
        self._gateways = gateways
        self._judge = judge
        self._status = status
        self._pipe: Pipe | None = None
        self._rest: list[dict[str, Any]] = []
        """Frames that came in one message, and are not looked at yet."""
        self._turn = 0
        self.view: dict[str, Mapping[str, Any]] = {}
        self._gone: dict[str, int] = {}
        self._position: tuple[str, int] | None = None
        self.snapshots = 0
        self.recoveries = 0

    async def run(self) -> None:
        """Connect for ever."""
        while True:
            self._turn += 1
            pipe = self._pipe = Pipe(self._loop, self._network)
            self._rest = []
            self._loop.outside(self._network.delay(), self._gateways[self._turn % len(self._gateways)].accept, pipe)
            try:
                await self._follow(pipe)
            except (Closed, Unavailable):
                await asyncio.sleep(0.1)
            finally:
                pipe.cut()

    def drop(self) -> None:
        """The connection breaks."""
        if self._pipe is not None:
            self._pipe.cut()

    def differs(self) -> str | None:
        """What is wrong on the screen, compared with the rows; None if nothing is."""
        found = snapshot(self._tables)
        wanted = {entity_id: row for entity_id, row in found.rows.items() if self._status in {None, found.tags[entity_id]["status"]}}
        for entity_id in sorted(wanted.keys() | self.view.keys()):
            if wanted.get(entity_id) != self.view.get(entity_id):
                told = f"{_brief(wanted.get(entity_id))}, the screen ({self._status or 'everything'}) at {self._position} shows {_brief(self.view.get(entity_id))}"
                return f"{entity_id}: the row at {found.position} is {told}"
        return None

    async def _follow(self, pipe: Pipe) -> None:
        pipe.send(pipe.to_server, '{"id":1,"connect":{}}')
        await self._reply(pipe, 1)
        number = 1
        while True:
            if self._position is None:
                await self._snapshot()
                continue
            number += 1
            epoch, offset = self._position
            ask: dict[str, Any] = {"channel": CHANNEL, "recover": True, "epoch": epoch, "offset": offset, "flag": REJECT_UNRECOVERED}
            if self._status is not None:
                ask["tf"] = {"key": "status", "cmp": "eq", "val": self._status}
            pipe.send(pipe.to_server, orjson.dumps({"id": number, "subscribe": ask}).decode())
            reply = await self._reply(pipe, number)
            if "error" not in reply:
                self.recoveries += 1
                for publication in reply["subscribe"]["publications"]:
                    self._take(publication)
                await self._listen(pipe)
            elif reply["error"]["code"] == UNRECOVERABLE_POSITION.code:
                self._position = None
            else:
                await asyncio.sleep(0.1)

    async def _snapshot(self) -> None:
        found = await self._network.call(self._take_snapshot, Unavailable)
        if found.position is None:
            await asyncio.sleep(0.2)
            return
        self.snapshots += 1
        self.view = {id_: row for id_, row in found.rows.items() if self._status in {None, found.tags[id_]["status"]}}
        self._gone = {}
        self._position = (client_epoch(found.position.epoch, Role.ADMIN), found.position.n)

    def _take_snapshot(self) -> Snapshot:
        found = snapshot(self._tables)
        self._judge.seen(found)
        return found

    async def _reply(self, pipe: Pipe, number: int) -> dict[str, Any]:
        """The reply with this number; pushes before it belong to a subscription that has ended."""
        while True:
            frame = await self._frame(pipe)
            if frame.get("id") == number:
                return frame

    async def _listen(self, pipe: Pipe) -> None:
        """Until the subscription ends."""
        while True:
            push = (await self._frame(pipe)).get("push", {})
            if "unsubscribe" in push:
                return
            if "pub" in push:
                self._take(push["pub"])

    async def _frame(self, pipe: Pipe) -> dict[str, Any]:
        """One frame at a time, so that what follows a reply in the same message is not lost."""
        if not self._rest:
            self._rest = [orjson.loads(line) for line in (await pipe.receive(pipe.to_client)).split("\n")]
        frame = self._rest.pop(0)
        if not frame:
            pipe.send(pipe.to_server, "{}")
        return frame

    def _take(self, publication: Mapping[str, Any]) -> None:
        assert self._position is not None
        epoch, offset = self._position
        if publication["offset"] < offset:
            raise Broken("feed in order", f"publication {publication['offset']} after {offset}")
        self._position = (epoch, publication["offset"])
        data = publication["data"]
        if data["type"] == "mark":
            return
        known = max(self._gone.get(data["id"], 0), self.view.get(data["id"], {"version": 0})["version"])
        if data["version"] <= known:
            return
        if data["type"] == "row":
            self.view[data["id"]] = data["row"]
        else:
            self.view.pop(data["id"], None)
            self._gone[data["id"]] = data["version"]


def _brief(row: Mapping[str, Any] | None) -> str:
    return "nothing" if row is None else f"version {row['version']}, {row['status']}, {row['title']!r}"
