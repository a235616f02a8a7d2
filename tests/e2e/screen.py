"""A screen: the official client, a snapshot over HTTP, and the rows that it holds after everything that it was told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx
from centrifuge import (
    Client,
    PublicationContext,
    StreamPosition,
    SubscribedContext,
    Subscription,
    SubscriptionEventHandler,
)


@dataclass
class Screen(SubscriptionEventHandler):
    """Folds one board channel: newer version wins, whatever repeats."""

    gateway: str
    channel: str = "board:incident@admin"
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    offsets: list[int] = field(default_factory=list)
    told: list[tuple[str, int]] = field(default_factory=list)
    """(id, version) of each publication since the last snapshot."""
    snapshots: int = 0
    recoveries: int = 0
    _client: Client | None = None
    _subscription: Subscription | None = None

    async def open(self) -> None:
        """Connect and subscribe; what was missed while away is recovered by the client itself."""
        self._client = Client(
            self.gateway.replace("http", "ws") + "/connection/websocket", min_reconnect_delay=0.05, max_reconnect_delay=0.5
        )
        self._subscription = self._client.new_subscription(
            self.channel,
            events=self,
            positioned=True,
            recoverable=True,
            get_state=self._snapshot,
            min_resubscribe_delay=0.05,
            max_resubscribe_delay=0.5,
        )
        await self._client.connect()
        await self._subscription.subscribe()

    async def close(self) -> None:
        if self._client is not None:
            await self._client.disconnect()

    async def on_subscribed(self, ctx: SubscribedContext) -> None:
        self.recoveries += int(ctx.was_recovering and ctx.recovered)

    async def on_publication(self, ctx: PublicationContext) -> None:
        data = ctx.pub.data
        if ctx.pub.offset:
            self.offsets.append(ctx.pub.offset)
        if data["type"] == "row":
            self.told.append((data["id"], data["version"]))
            self._take(data["row"])

    async def _snapshot(self, channel: str) -> StreamPosition:
        del channel
        self.snapshots += 1
        self.told.clear()
        self.offsets.clear()
        async with httpx.AsyncClient(base_url=self.gateway) as http:
            cursor, position = None, None
            while True:
                params = {"limit": "200", **({"cursor": cursor} if cursor else {})}
                answer = (await http.get("/v1/incidents", params=params)).raise_for_status().json()
                position = position or answer["position"]
                for row in answer["items"]:
                    self._take(row)
                cursor = answer["next"]
                if cursor is None:
                    return StreamPosition(offset=position["offset"], epoch=position["epoch"])

    def _take(self, row: dict[str, Any]) -> None:
        known = self.rows.get(row["id"])
        if known is None or known["version"] <= row["version"]:
            self.rows[row["id"]] = row
