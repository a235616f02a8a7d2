"""What the gateway's tests stand on: a projector driven by hand, a gateway in this process, and a client that folds what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import httpx
import orjson
from centrifuge import (
    Client,
    ClientEventHandler,
    ConnectedContext,
    DisconnectedContext,
    PublicationContext,
    StreamPosition,
    SubscribedContext,
    SubscribingContext,
    Subscription,
    SubscriptionEventHandler,
    UnsubscribedContext,
)

from gateway_ws.main import Gateway, build_gateway
from gateway_ws.settings import Settings
from opsroom_common.contracts.envelope import DomainRecord, Envelope
from opsroom_common.feed.port import CarrierUnavailable, FeedEntry, Position
from opsroom_common.feed.redis import RedisFeedCarrier
from opsroom_common.log.entity import Entity, fold
from opsroom_common.rows import row_json, terms_of
from opsroom_domain.entities.incident import INCIDENT, Acknowledged, LabelsChanged, Noted, Opened, Severity, SeverityChanged, Visibility
from opsroom_domain.ids import ActorId, CommandId, EntityId, Version

SCHEMA = Path(__file__).parents[3] / "services/projector/src/projector/sql/schema.sql"
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


async def until(what: Callable[[], Any], timeout_s: float = 15.0) -> Any:
    """Wait until ``what`` is true; return it. Fails after ``timeout_s``."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while True:
        value = what()
        if isinstance(value, Awaitable):
            value = await value
        if value:
            return value
        if loop.time() > deadline:
            raise AssertionError(f"not within {timeout_s} s")
        await asyncio.sleep(0.005)


def incident_id(number: int) -> EntityId:
    digits = "0123456789abcdefghjkmnpqrstvwxyz"
    return EntityId(f"inc_01k00000000000000000000{digits[number // 1024 % 32]}{digits[number // 32 % 32]}{digits[number % 32]}")


async def make_schema(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(SCHEMA.read_text())
    finally:
        await connection.close()


class TestProjector:
    """Folds events that the test makes up, and writes each in one statement: rows, timeline, head, feed entry. Then tells Redis."""

    __test__ = False

    def __init__(self, dsn: str, redis_url: str, pool: Any) -> None:
        self.dsn = dsn
        self.redis_url = redis_url
        self.pool = pool
        self.carrier = RedisFeedCarrier(redis_url)
        self.entities: dict[str, Entity] = {}
        self.carry = True
        """False: Redis loses every entry."""
        self.offset = 0

    @classmethod
    async def open(cls, dsn: str, redis_url: str) -> TestProjector:
        # As the projector says it: a lost commit is read again from the log.
        made = cls(dsn, redis_url, await asyncpg.create_pool(dsn, min_size=0, max_size=4, server_settings={"synchronous_commit": "off"}))
        await made.new_epoch()
        return made

    async def close(self) -> None:
        await self.carrier.close()
        self.pool.terminate()

    async def new_epoch(self) -> int:
        """What the projector does when the head is missing, belongs to another run of the server, or the projection is switched."""
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("DELETE FROM feed.entries")
            return await connection.fetchval(
                """
                INSERT INTO feed.head (epoch, n, postmaster_started, projection)
                VALUES ((extract(epoch FROM clock_timestamp()) * 1000000)::bigint, 0, pg_postmaster_start_time(), 'v1')
                ON CONFLICT (one) DO UPDATE SET epoch = greatest(excluded.epoch, head.epoch + 1), n = 0,
                    postmaster_started = excluded.postmaster_started
                RETURNING epoch
                """
            )

    async def trim(self, keep: int) -> None:
        await self.pool.execute("DELETE FROM feed.entries WHERE n <= (SELECT n FROM feed.head) - $1", keep)

    async def position(self) -> Position:
        row = await self.pool.fetchrow("SELECT epoch, n FROM feed.head")
        return Position(row["epoch"], row["n"])

    async def opened(self, number: int = 1, **fields: Any) -> FeedEntry:
        event = {
            "incident_id": incident_id(number),
            "title": f"incident {number}",
            "description": "",
            "severity": Severity.SEV3,
            "source": "person",
            "labels": (),
            "visibility": Visibility.EVERYONE,
        }
        return await self.write(number, lambda at, by: Opened(at=at, by=by, **{**event, **fields}))

    async def acknowledged(self, number: int = 1) -> FeedEntry:
        return await self.write(number, lambda at, by: Acknowledged(at=at, by=by))

    async def noted(self, number: int = 1, text: str = "a note") -> FeedEntry:
        return await self.write(number, lambda at, by: Noted(at=at, by=by, note_id=f"note-{self.offset}", text=text))

    async def labelled(self, number: int, *labels: str) -> FeedEntry:
        return await self.write(number, lambda at, by: LabelsChanged(at=at, by=by, added=tuple(sorted(labels)), removed=()))

    async def severity(self, number: int, severity: Severity) -> FeedEntry:
        previous = self.entities[incident_id(number)].state.severity
        return await self.write(number, lambda at, by: SeverityChanged(at=at, by=by, previous=previous, severity=severity))

    async def write(self, number: int, event_of: Callable[[datetime, ActorId], Any]) -> FeedEntry:
        """Append the event to the entity, commit it, and publish it unless ``carry`` is off."""
        entity_id = incident_id(number)
        before = self.entities.get(entity_id)
        after, event = self._fold(before, entity_id, event_of)
        entry = await self._commit(before, after, event)
        self.entities[entity_id] = after
        if self.carry:
            # As the projector: what Redis does not take, the table has.
            with suppress(CarrierUnavailable):
                await self.carrier.publish([entry])
        return entry

    def _fold(self, before: Entity | None, entity_id: EntityId, event_of: Callable[[datetime, ActorId], Any]) -> tuple[Entity, Any]:
        at = START + timedelta(milliseconds=self.offset)
        actor = ActorId("usr_test")
        event = event_of(at, actor)
        name = next(name for name, kind in INCIDENT.events.items() if kind is type(event))
        command = CommandId(f"01890000-0000-7000-8000-{self.offset:012x}")
        record = DomainRecord(
            partition=0,
            offset=self.offset,
            envelope=Envelope(id=command, type=f"opsroom.incident.{name}", source="/test", time=at, actor=actor, role="admin"),
            kind="incident",
            entity_id=entity_id,
            version=Version(1 if before is None else before.version + 1),
            command_id=command,
            body_hash="",
            event=event,
        )
        self.offset += 1
        return fold(before, record), record

    async def _commit(self, before: Entity | None, after: Entity, record: DomainRecord) -> FeedEntry:
        was = None if before is None else INCIDENT.tags(before.state)
        now = INCIDENT.tags(after.state)
        told = INCIDENT.describe(None if before is None else before.state, record.event)
        row = row_json(after)
        found = await self.pool.fetchrow(
            """
            WITH head AS (UPDATE feed.head SET n = n + 1 RETURNING epoch, n),
            rows AS (
                INSERT INTO read_v1.entities (id, kind, version, partition, "offset", state, memory, tags, created_at, updated_at,
                    updated_by, title, status, rank, assignee, terms)
                VALUES ($1, 'incident', $2, 0, $3, $4::jsonb, '{}', $5::jsonb, $6, $7, $8, $9, $10, $11, $12, $13)
                ON CONFLICT (id) DO UPDATE SET version = $2, "offset" = $3, state = $4::jsonb, tags = $5::jsonb, updated_at = $7,
                    updated_by = $8, title = $9, status = $10, rank = $11, assignee = $12, terms = $13
            ), texts AS (
                INSERT INTO read_v1.texts (id, kind, text) VALUES ($1, 'incident', $20) ON CONFLICT (id) DO UPDATE SET text = $20
            ), told AS (
                INSERT INTO read_v1.timeline (id, version, at, type, actor, role, words, diff, command_id, partition, "offset")
                VALUES ($1, $2, $7, $14, $8, 'admin', $15, $16::jsonb, $17, 0, $3)
            ), moved AS (
                INSERT INTO read_v1.checkpoints (topic, partition, "offset", fold) VALUES ('ops.events', 0, $3 + 1, 'test')
                ON CONFLICT (topic, partition) DO UPDATE SET "offset" = $3 + 1
            ), entry AS (
                INSERT INTO feed.entries (n, kind, entity_id, version, topic, partition, "offset", actor, event_types, was, now, row, event_at)
                SELECT n, 'incident', $1, $2, 'ops.events', 0, $3, $8, ARRAY[$14], $18::jsonb, $5::jsonb, $19, $7 FROM head
            )
            SELECT epoch, n FROM head
            """,
            after.id,
            after.version,
            after.offset,
            orjson.dumps(INCIDENT.to_json(after.state)).decode(),
            orjson.dumps(now).decode(),
            after.created_at,
            after.updated_at,
            after.updated_by,
            after.state.title,
            after.state.status.value,
            INCIDENT.columns(after.state).rank,
            after.state.assignee,
            list(terms_of(now)),
            record.envelope.type,
            told.words,
            orjson.dumps(dict(told.diff)).decode(),
            record.command_id,
            None if was is None else orjson.dumps(was).decode(),
            row.decode(),
            INCIDENT.columns(after.state).text,
        )
        assert found is not None, "the feed has no head"
        return FeedEntry(
            position=Position(found["epoch"], found["n"]),
            kind="incident",
            entity_id=after.id,
            version=after.version,
            topic="ops.events",
            partition=0,
            offset=after.offset,
            actor=after.updated_by,
            event_types=(record.envelope.type,),
            was=was,
            now=now,
            row=row,
            times={"event": after.updated_at.timestamp(), "projected": after.updated_at.timestamp()},
        )


class RunningGateway:
    """A whole gateway in this process."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self._stopped = False

    @classmethod
    async def start(cls, dsn: str, redis_url: str, *, ready: bool = True, **settings: Any) -> RunningGateway:
        wished = {"port": 0, "dev_identity": "usr_dev:admin", "drain_s": 0.2, **settings}
        gateway = await build_gateway(Settings(postgres=dsn, redis=redis_url, **wished))
        await gateway.service.start()
        made = cls(gateway)
        if ready:
            await until(made.ready)
        return made

    async def ready(self) -> bool:
        return (await self.get("/readyz")).status_code == 200

    @property
    def port(self) -> int:
        return self.gateway.http.port

    @property
    def socket_url(self) -> str:
        return self.gateway.http.url.replace("http", "ws") + "/connection/websocket"

    async def get(self, path: str, **parameters: Any) -> httpx.Response:
        headers = parameters.pop("headers", None)
        async with httpx.AsyncClient(base_url=self.gateway.http.url, trust_env=False) as client:
            return await client.get(path, params=parameters or None, headers=headers)

    async def metric(self, name: str) -> float:
        """The sum of all of its samples."""
        text = (await self.get("/metrics")).text
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.split("{")[0].split(" ")[0] == name)

    async def stop(self) -> None:
        if not self._stopped:
            self._stopped = True
            await self.gateway.service.stop()


StartGateway: TypeAlias = Callable[..., Awaitable[RunningGateway]]
"""The fixture ``start_gateway``."""


@dataclass
class Watcher(SubscriptionEventHandler):
    """Keeps what one subscription was told, and folds it: the newer version wins, tombstones stay."""

    publications: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    subscribed: list[SubscribedContext] = field(default_factory=list)
    subscribing: list[SubscribingContext] = field(default_factory=list)
    unsubscribed: list[UnsubscribedContext] = field(default_factory=list)
    errors: list[Any] = field(default_factory=list)
    view: dict[str, dict[str, Any]] = field(default_factory=dict)
    gone: dict[str, int] = field(default_factory=dict)
    snapshots: int = 0

    async def on_publication(self, ctx: PublicationContext) -> None:
        data = ctx.pub.data
        self.publications.append((ctx.pub.offset, data))
        if data["type"] == "row":
            self.take(data["row"])
        elif data["type"] == "gone" and data["version"] > self.view.get(data["id"], {"version": 0})["version"]:
            self.view.pop(data["id"], None)
            self.gone[data["id"]] = data["version"]

    def take(self, row: dict[str, Any]) -> None:
        known = max(self.view.get(row["id"], {"version": 0})["version"], self.gone.get(row["id"], 0))
        if row["version"] > known:
            self.view[row["id"]] = row

    def replace(self, rows: Sequence[dict[str, Any]]) -> None:
        """A fresh snapshot."""
        self.snapshots += 1
        self.view = {row["id"]: row for row in rows}
        self.gone.clear()

    async def on_subscribed(self, ctx: SubscribedContext) -> None:
        self.subscribed.append(ctx)

    async def on_subscribing(self, ctx: SubscribingContext) -> None:
        self.subscribing.append(ctx)

    async def on_unsubscribed(self, ctx: UnsubscribedContext) -> None:
        self.unsubscribed.append(ctx)

    async def on_error(self, ctx: Any) -> None:
        self.errors.append(ctx)

    @property
    def rows(self) -> list[tuple[str, int]]:
        """(id, version) of every row publication, in the order they came."""
        return [(data["id"], data["version"]) for _, data in self.publications if data["type"] == "row"]

    @property
    def marks(self) -> list[int]:
        return [data["head"] for _, data in self.publications if data["type"] == "mark"]


@dataclass
class Life(ClientEventHandler):
    """What became of a client's connection."""

    connected: list[ConnectedContext] = field(default_factory=list)
    connecting: list[Any] = field(default_factory=list)
    disconnected: list[DisconnectedContext] = field(default_factory=list)
    errors: list[Any] = field(default_factory=list)

    async def on_connected(self, ctx: ConnectedContext) -> None:
        self.connected.append(ctx)

    async def on_connecting(self, ctx: Any) -> None:
        self.connecting.append(ctx)

    async def on_disconnected(self, ctx: DisconnectedContext) -> None:
        self.disconnected.append(ctx)

    async def on_error(self, ctx: Any) -> None:
        self.errors.append(ctx)


made_clients: list[Client] = []
"""Disconnected after each test, also after one that failed."""


def client_of(url: str, life: Life | None = None, **options: Any) -> Client:
    """The official SDK, quick to come back."""
    client = Client(url, events=life or Life(), min_reconnect_delay=0.02, max_reconnect_delay=0.2, proxy=None, **options)
    made_clients.append(client)
    return client


def board(client: Client, watcher: Watcher, gateway_url: Callable[[], str], *, role: str = "admin", **options: Any) -> Subscription:
    """A subscription to the board that loads a snapshot whenever the SDK asks for one."""

    async def snapshot(_channel: str) -> StreamPosition:
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.get(f"{gateway_url()}/v1/incidents", params={"limit": 200}, headers={"X-Dev-Role": role})
        answer.raise_for_status()
        body = answer.json()
        watcher.replace(body["items"])
        return StreamPosition(offset=body["position"]["offset"], epoch=body["position"]["epoch"])

    return client.new_subscription(
        f"board:incident@{role}",
        events=watcher,
        get_state=snapshot,
        min_resubscribe_delay=0.02,
        max_resubscribe_delay=0.2,
        **options,
    )
