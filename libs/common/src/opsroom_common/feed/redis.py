"""Redis carries the change feed: one stream whose ids are the feed's own positions. It numbers nothing and may lose everything."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from opsroom_common.feed.port import CarrierUnavailable, FeedEntry, Position
from opsroom_common.feed.wire import from_fields, from_id, to_fields, to_id

KEY = "opsroom:feed"
_READ_MAX = 2_000
_BLOCK_S_MAX = 5.0
_SEND_TIMEOUT_S = 1.0
_GRACE_S = 1.0
_REFUSED_ID = "equal or smaller than the target stream top item"


class RedisFeedCarrier:
    """One connection for sending, one for the blocked read. Keeps about ``entries_max`` entries, the newest."""

    def __init__(self, url: str, *, key: str = KEY, entries_max: int = 20_000) -> None:
        self._key = key
        self._entries_max = entries_max
        self._sender = _client(url, _SEND_TIMEOUT_S)
        self._reader = _client(url, _BLOCK_S_MAX + _GRACE_S)

    async def publish(self, entries: Sequence[FeedEntry]) -> None:
        """One round trip for all. Bounded: raises CarrierUnavailable after about a second at the latest; nothing is sent twice."""
        if not entries:
            return
        pipeline = self._sender.pipeline(transaction=False)
        for entry in entries:
            fields = cast("dict[Any, Any]", to_fields(entry))
            pipeline.xadd(self._key, fields, id=to_id(entry.position), maxlen=self._entries_max, approximate=True)
        with _as_carrier():
            async with asyncio.timeout(_SEND_TIMEOUT_S + _GRACE_S):
                answers: list[object] = await pipeline.execute(raise_on_error=False)
        for answer in answers:
            if isinstance(answer, Exception) and _REFUSED_ID not in str(answer):
                raise CarrierUnavailable(f"Redis refused a feed entry: {answer}; readers use the table meanwhile") from answer

    async def read(self, after: Position, timeout_s: float) -> Sequence[FeedEntry]:
        """At most 2,000 entries; ``timeout_s`` is capped at 5 s, and 0 does not wait. What is not an entry of ours is left out."""
        block_ms = int(min(timeout_s, _BLOCK_S_MAX) * 1000)
        with _as_carrier():
            async with asyncio.timeout(block_ms / 1000 + _GRACE_S):
                answer: Any = await self._reader.xread({self._key: to_id(after)}, count=_READ_MAX, block=block_ms or None)
        found: list[FeedEntry] = []
        for stream_id, fields in _stream_entries(answer):
            try:
                found.append(from_fields(from_id(stream_id), fields))
            except (ValueError, KeyError, TypeError):
                continue
        return found

    async def ping(self) -> None:
        """Raises CarrierUnavailable if Redis does not answer within about a second."""
        with _as_carrier():
            async with asyncio.timeout(_SEND_TIMEOUT_S + _GRACE_S):
                await cast("Any", self._sender).ping()

    async def close(self) -> None:
        for client in (self._sender, self._reader):
            await client.aclose()


def _client(url: str, socket_timeout_s: float) -> redis.asyncio.Redis:
    # No retries inside: the feed's reader polls the table meanwhile, and the projector never waits for Redis.
    return redis.asyncio.Redis.from_url(  # pyright: ignore[reportUnknownMemberType] -- redis-py types its keyword arguments loosely
        url,
        socket_timeout=socket_timeout_s,
        socket_connect_timeout=_SEND_TIMEOUT_S,
        socket_keepalive=True,
        health_check_interval=0,
        retry=Retry(NoBackoff(), 0),
        max_connections=4,
    )


def _stream_entries(answer: Any) -> Iterator[tuple[bytes, dict[bytes, bytes]]]:
    """XREAD's answer is a list of (key, entries) in RESP2 and a mapping in RESP3, whose entries may be nested once more."""
    if not answer:
        return
    streams = cast("Iterable[Any]", answer.items() if isinstance(answer, dict) else answer)
    for _, entries in streams:
        batches = [entries] if not entries or isinstance(entries[0], tuple) else entries
        for batch in batches:
            yield from batch


@contextmanager
def _as_carrier() -> Generator[None]:
    try:
        yield
    except (RedisError, ResponseError, OSError, TimeoutError) as error:
        raise CarrierUnavailable(f"Redis: {type(error).__name__} {error}; readers use the table meanwhile") from error
