"""``opsctl dead-letters``: signals that could not be handled, and putting them back once they can be.

A letter that was put back is known by a line of ours behind it in the same topic. A signal that comes twice has no second effect: it is known
by what it says (see command-api's ``correlate``).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.table import Table

from opsctl.exits import Exit, Stop
from opsctl.moments import shown
from opsctl.reading import Reading, whole
from opsctl.screen import Screen, one_line
from opsctl.servers import CLIENT, opened_admin
from opsctl.where import Where
from opsroom_common.contracts.codec import Undecodable, decode_signal
from opsroom_common.contracts.topics import DEAD_LETTERS, SIGNALS, load_topics
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.log.port import Headers, LogRecord, RawRecord
from opsroom_common.log.topic import LogTopicWriter
from opsroom_common.runtime.clock import Clock
from opsroom_common.runtime.ids import unix_ms
from opsroom_domain.text import fitted_line

TOPIC = SIGNALS + DEAD_LETTERS
PUT_BACK = "dlq_put_back"
"""Header of our line: the offset of the letter that was put back."""
_OURS = "dlq_"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Letter:
    """One signal that was put aside: the record as it came, where it stood, and why it failed."""

    record: LogRecord
    error: str
    source: str
    at: datetime

    @property
    def signal(self) -> RawRecord:
        """As it came."""
        headers: Headers = tuple(header for header in self.record.headers if not header[0].startswith(_OURS))
        return RawRecord(self.record.key, self.record.value or b"", headers, self.record.timestamp_ms)


@dataclass(frozen=True, slots=True)
class Letters:
    """The topic, and ops.signals to put letters back into."""

    log: KafkaEventLog
    signals: KafkaEventLog

    async def waiting(self, containing: str) -> list[Letter]:
        """Those that were not put back yet and whose error contains this, oldest first. Raises log.port.LogError."""
        found: dict[int, Letter] = {}
        ends = {partition: await self.log.end_offset(partition) for partition in range(self.log.partitions)}
        reading = Reading(self.log, whole(ends, sorted(ends)))
        try:
            async for classified in reading.past():
                record, headers = classified.record, dict(classified.record.headers)
                done = headers.get(PUT_BACK)
                if done is not None:
                    found.pop(int(done), None)
                else:
                    found[record.offset] = _letter(record, headers)
        finally:
            await reading.close()
        return [letter for letter in found.values() if containing in letter.error]


@asynccontextmanager
async def opened_letters(where: Where) -> AsyncGenerator[Letters]:
    """Raises Stop if a topic is missing, log.port.Unavailable."""
    async with opened_admin(where) as admin:
        missing = [topic for topic in (TOPIC, SIGNALS) if topic not in await admin.topics()]
    if missing:
        raise Stop(Exit.AWAY, f"the topic {missing[0]} is not on this broker: make it with devstack topics, or check OPSROOM_KAFKA")
    topics = load_topics()
    log = KafkaEventLog(where.kafka, topics[TOPIC].partitions, topic=TOPIC, client_id=CLIENT)
    signals = KafkaEventLog(where.kafka, topics[SIGNALS].partitions, topic=SIGNALS, client_id=CLIENT)
    try:
        yield Letters(log, signals)
    finally:
        await log.close()
        await signals.close()


async def list_letters(letters: Letters, containing: str, limit: int, screen: Screen) -> Exit:
    """Print those that wait, the oldest first. Raises log.port.LogError."""
    found = await letters.waiting(containing)
    if screen.json:
        for letter in found[:limit]:
            screen.object(_as_object(letter))
    else:
        _print(found[:limit], screen)
    if len(found) > limit:
        screen.note(f"there are {len(found)}: see the rest with --limit")
    return Exit.FINDING if found else Exit.OK


async def replay_letters(letters: Letters, offsets: Sequence[int], containing: str, clock: Clock, screen: Screen) -> Exit:
    """Put these, or all whose error contains this, back into ops.signals. Raises Stop, log.port.LogError."""
    waiting = await letters.waiting(containing)
    known = {letter.record.offset for letter in waiting}
    unknown = [offset for offset in offsets if offset not in known]
    if unknown:
        raise Stop(Exit.NOTHING, f"no letter waits at offset {unknown[0]}: opsctl dead-letters list shows those that do")
    chosen = [letter for letter in waiting if not offsets or letter.record.offset in offsets]
    if not chosen:
        screen.note("no letter waits")
        return Exit.OK
    signals, log = LogTopicWriter(letters.signals), LogTopicWriter(letters.log)
    try:
        for letter in chosen:
            # In this order: a crash between the two puts it back a second time, which changes nothing.
            await signals.append([letter.signal])
            await log.append([RawRecord(letter.record.key, b"", ((PUT_BACK, str(letter.record.offset).encode()),), unix_ms(clock.now()))])
            if screen.json:
                screen.object(_as_object(letter) | {"put_back": True})
            else:
                screen.line(f"put back {letter.record.offset}: {_subject(letter)}")
    finally:
        await signals.close()
        await log.close()
    return Exit.OK


def _letter(record: LogRecord, headers: dict[str, bytes]) -> Letter:
    def said(name: str) -> str:
        return one_line(headers.get(name, b"").decode("utf-8", "replace"))

    source = f"{said('dlq_topic')} {said('dlq_partition')}:{said('dlq_offset')}"
    return Letter(record, said("dlq_error"), source, _EPOCH + timedelta(milliseconds=max(0, record.timestamp_ms)))


def _as_object(letter: Letter) -> dict[str, Any]:
    return {
        "offset": letter.record.offset,
        "at": letter.at,
        "source": letter.source,
        "signal": _subject(letter),
        "error": letter.error,
    }


def _subject(letter: Letter) -> str:
    try:
        alert = decode_signal(letter.record).alert
    except Undecodable:
        return "a signal that cannot be read"
    return one_line(f"{alert.labels.get('alertname', 'an alert')} {alert.status.value}, {alert.fingerprint}")


def _print(letters: Sequence[Letter], screen: Screen) -> None:
    if not letters:
        screen.line("no letter waits")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("offset", "put aside", "signal"):
        table.add_column(name, no_wrap=True)
    table.add_column("error")
    for letter in letters:
        table.add_row(str(letter.record.offset), shown(letter.at), fitted_line(_subject(letter), 60), fitted_line(letter.error, 160))
    screen.out.print(table)
    screen.line("once its entity is back, or what was wrong is mended: opsctl dead-letters replay OFFSET..., or --all")
