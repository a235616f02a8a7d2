"""Breaks a demo shop and shows the incident as it arrives on a live socket. Run it with ``bash docs/tutorial/first-alert.sh``."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from centrifuge import Client, PublicationContext, StreamPosition, SubscriptionEventHandler
from monitoring import Monitoring, NotInstalled
from webhook_tap import Alert, WebhookTap

from devstack.errors import DevstackError
from devstack.ports import free_port

GIVE_UP_AFTER_S = 60.0
WRITES = f"http://127.0.0.1:{os.environ.get('OPSROOM_COMMAND_API_PORT') or 8401}"
READS = f"http://127.0.0.1:{os.environ.get('OPSROOM_GATEWAY_PORT') or 8402}"
CHANNEL = "board:incident@admin"


class GaveUp(Exception):
    """Its text is one line that says what to look at."""


@dataclass(frozen=True, slots=True)
class Change:
    """A publication: the incident's whole row, and when the client library handed it over (``time.perf_counter``)."""

    at: float
    row: dict[str, Any]


@dataclass
class Board(SubscriptionEventHandler):
    """The incidents as a screen holds them: a snapshot over HTTP, then every change from the socket."""

    changes: asyncio.Queue[Change] = field(default_factory=lambda: asyncio.Queue(10_000))
    shown: int | None = None
    """Incidents in the snapshot, once there is one."""

    async def on_publication(self, ctx: PublicationContext) -> None:
        if ctx.pub.data["type"] == "row":
            self.changes.put_nowait(Change(time.perf_counter(), ctx.pub.data["row"]))

    async def snapshot(self, channel: str) -> StreamPosition:
        """Asked for by the client: rows and the position that belongs to them. From there on the socket tells."""
        del channel
        async with httpx.AsyncClient(base_url=READS) as http:
            board = (await http.get("/v1/incidents", params={"live": "true", "limit": 200})).raise_for_status().json()
        self.shown = len(board["items"])
        return StreamPosition(**board["position"])

    async def next_of(self, fits: Callable[[dict[str, Any]], bool]) -> Change:
        """The next change whose row fits."""
        while True:
            change = await self.changes.get()
            if fits(change.row):
                return change


@dataclass
class Story:
    """What is told, with the seconds since the beginning; and what is waited for now, in case it never comes."""

    began: float = field(default_factory=time.perf_counter)
    waits_for: str = ""
    look_at: str = ""

    def tell(self, words: str) -> None:
        print(f"{time.perf_counter() - self.began:5.1f} s  {words}", flush=True)

    def add(self, words: str) -> None:
        print(f"         {words}", flush=True)

    def wait(self, what: str, look_at: str) -> None:
        self.waits_for, self.look_at = what, look_at


async def until(condition: Callable[[], Any]) -> None:
    """Wait for an awaitable condition; the story's time-out bounds it."""
    while True:
        if await condition():
            return
        await asyncio.sleep(0.1)


async def check_that_it_runs() -> None:
    """Raises GaveUp unless both doors say that they are ready."""
    async with httpx.AsyncClient(timeout=3.0) as http:
        for name, door in (("command-api", WRITES), ("gateway-ws", READS)):
            try:
                answer = await http.get(f"{door}/readyz")
            except httpx.TransportError:
                raise GaveUp(f'no {name} answers at {door}: run make up in another terminal, wait for "ready", and try again') from None
            if not answer.is_success:
                raise GaveUp(f"{name} is not ready yet: look at {door}/readyz, and try again")


async def words_of(incident: str, after: int) -> tuple[str, int]:
    """What happened to the incident after a version, as its timeline tells it; and the version it is at."""
    async with httpx.AsyncClient(base_url=READS) as http:
        page = (await http.get(f"/v1/incidents/{incident}/timeline", params={"after": after})).raise_for_status().json()
    return ". ".join(item["words"] for item in page["items"]), page["version"]


class FirstAlert:
    """The tutorial's story. Everything that it starts, it stops."""

    def __init__(self, folder: Path, record: Path | None) -> None:
        self._story = Story()
        self._alerts: asyncio.Queue[Alert] = asyncio.Queue(1_000)
        loop = asyncio.get_running_loop()
        self._tap = WebhookTap(
            free_port(),
            f"{WRITES}/v1/signals/alertmanager",
            lambda alert: loop.call_soon_threadsafe(self._alerts.put_nowait, alert),
            record,
        )
        self._monitoring = Monitoring(folder, self._tap.url)

    async def run(self) -> None:
        """Raises GaveUp."""
        story = self._story
        board = Board()
        client = Client(READS.replace("http", "ws") + "/connection/websocket")
        try:
            async with asyncio.timeout(GIVE_UP_AFTER_S):
                await check_that_it_runs()
                story.tell(f"Opsroom runs: commands at {WRITES}, lists and live changes at {READS}")
                with self._tap:
                    await self._start_monitoring()
                    await self._open_socket(client, board)
                    change = await self._break_the_shop(board)
                    await self._mend_the_shop(board, change.row)
        except TimeoutError:
            raise GaveUp(f"gave up after {GIVE_UP_AFTER_S:.0f} s of waiting for {story.waits_for}: look at {story.look_at}") from None
        finally:
            await client.disconnect()
            await asyncio.to_thread(self._monitoring.stop)

    async def _start_monitoring(self) -> None:
        monitoring, story = self._monitoring, self._story
        await asyncio.to_thread(monitoring.start_shop)
        story.tell(f"a demo shop is open: {monitoring.shop}/metrics")
        await asyncio.to_thread(monitoring.start_alertmanager)
        story.tell(f"a real Alertmanager runs, with Opsroom as its webhook: {monitoring.alertmanager}")
        await asyncio.to_thread(monitoring.start_prometheus)
        story.tell(f"a real Prometheus runs and looks at the shop every second: {monitoring.prometheus}")
        story.wait("Prometheus to see the shop", f"{monitoring.prometheus}/targets")
        await until(monitoring.sees_the_shop)
        story.tell("Prometheus sees the shop: up")

    async def _open_socket(self, client: Client, board: Board) -> None:
        self._story.wait("the socket's snapshot", f"{READS}/readyz")
        subscription = client.new_subscription(CHANNEL, events=board, positioned=True, recoverable=True, get_state=board.snapshot)
        await client.connect()
        await subscription.subscribe()
        await subscription.ready()
        self._story.tell(f"a live socket is open on {CHANNEL}; the board shows {board.shown} live incidents")

    async def _break_the_shop(self, board: Board) -> Change:
        story = self._story
        await asyncio.to_thread(self._monitoring.stop_shop)
        story.tell("the shop is stopped. Prometheus will notice at its next look …")
        alert = await self._alert("firing")
        story.wait("the incident on the socket", f"{WRITES}/readyz and the log of make up")
        change = await board.next_of(lambda row: alert.fingerprint in row["signals"])
        await self._show(change, alert, after=0)
        return change

    async def _mend_the_shop(self, board: Board, was: dict[str, Any]) -> None:
        story = self._story
        await asyncio.to_thread(self._monitoring.start_shop)
        story.tell("the shop is open again. Prometheus will notice at its next look …")
        alert = await self._alert("resolved")
        story.wait("the incident to be resolved", f"{READS}/v1/incidents/{was['id']}")
        change = await board.next_of(lambda row: row["id"] == was["id"] and row["status"] == "resolved")
        await self._show(change, alert, after=was["version"])
        story.tell("done; everything that this script started is stopped, the incident stays in the log")

    async def _alert(self, status: str) -> Alert:
        self._story.wait(f"Alertmanager's webhook ({status})", f"{self._monitoring.prometheus}/alerts and {self._monitoring.alertmanager}")
        while True:
            alert = await self._alerts.get()
            if alert.status == status:
                self._story.tell(f"Alertmanager's webhook comes: {alert.name} is {status}")
                return alert

    async def _show(self, change: Change, alert: Alert, after: int) -> None:
        row, story = change.row, self._story
        milliseconds = (change.at - alert.at) * 1000
        story.tell(f"on the socket: {row['severity'].upper()} {row['status']}: {row['title']}")
        story.add((await words_of(row["id"], after))[0])
        story.add(f"{row['id']}, version {row['version']}: {milliseconds:.1f} ms from webhook to socket")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="first-alert", description="Breaks a demo shop; shows the incident as it arrives on a live socket."
    )
    parser.add_argument("--record", type=Path, metavar="FILE", help="add each webhook's body to FILE, one a line")
    return parser.parse_args()


async def tell(record: Path | None) -> None:
    """The whole story, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="opsroom-first-alert-") as folder:
        await FirstAlert(Path(folder), record).run()


def main() -> int:
    """The exit code: 0 when both changes arrived, 1 with a line that says why not, 130 after Ctrl-C."""
    asked = arguments()
    # A polite end from outside goes the way of Ctrl-C: with everything stopped.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        asyncio.run(tell(asked.record))
    except (GaveUp, NotInstalled, DevstackError) as error:
        print(f"first-alert: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("first-alert: stopped, with everything that it started", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
