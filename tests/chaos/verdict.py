"""What a run proved: the final log, read as every reader reads it, against what callers were told."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from opsroom_common.contracts.codec import decode
from opsroom_common.contracts.envelope import DomainRecord
from opsroom_common.log.entity import Entity, fold
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.log.port import Checkpoint, RecordClass
from opsroom_common.rows import row
from tests.linear.history import Attempt, Done, NotApplied, Refused, by_entity, falsehood
from tests.linear.incident import Shown, decide
from tests.linear.search import GaveUp

from .recorder import shown_of

EXAMPLES_MAX = 5
READ_S_MAX = 120.0


@dataclass(slots=True)
class Log:
    """The valid events of ``ops.events``, by entity, and how many records there are besides."""

    events: dict[str, list[DomainRecord]] = field(default_factory=dict[str, list[DomainRecord]])
    classes: Counter[str] = field(default_factory=Counter[str])

    def shown(self, entity: str) -> list[Shown]:
        """The entity after each of its events; the first one is before all. Raises VersionGap if a version is missing or comes twice."""
        found, now = [Shown(0, "", "", "", 0)], None
        for event in self.events.get(entity, ()):
            now = fold(now, event)
            found.append(_shown(now))
        return found


def _shown(entity: Entity) -> Shown:
    return shown_of(row(entity))


async def read_log(log: KafkaEventLog) -> Log:
    """Read all of it with the reader that voids what does not count (R1)."""
    ends = {partition: await log.end_offset(partition) for partition in range(log.partitions)}
    reader = await log.reader({partition: Checkpoint() for partition in ends})
    found = Log()
    try:
        async with asyncio.timeout(READ_S_MAX):
            while any(reader.position(partition).offset < end for partition, end in ends.items()):
                for items in (await reader.poll(2_000, 1.0)).values():
                    for item in items:
                        found.classes[item.what.name.lower()] += 1
                        record = decode(item.record) if item.what is RecordClass.EVENT else None
                        if isinstance(record, DomainRecord):
                            found.events.setdefault(record.entity_id, []).append(record)
    finally:
        await reader.close()
    return found


@dataclass(slots=True)
class Verdict:
    """All but ``acknowledged`` and ``refused`` must be 0."""

    acknowledged: int = 0
    """Commands that were told yes."""
    refused: int = 0
    lost: int = 0
    """Told yes, and neither in the log nor already so at the version that was told."""
    duplicated: int = 0
    """In the log more than once."""
    falsely_acknowledged: int = 0
    """In the log at another version than was told; or told yes where nobody could know."""
    falsely_refused: int = 0
    """Only ever told no, and in the log."""
    not_linearisable: int = 0
    """Incidents whose history no order explains."""
    examples: list[str] = field(default_factory=list[str])

    @property
    def bad(self) -> int:
        return self.lost + self.duplicated + self.falsely_acknowledged + self.falsely_refused + self.not_linearisable

    def example(self, text: str) -> None:
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append(text)


def judge(attempts: Sequence[Attempt], log: Log, silences: Sequence[tuple[float, float]] = ()) -> Verdict:
    """Compare what was told with what is there. ``silences``: nothing sent in one of these times may have been told yes before its end."""
    verdict = Verdict()
    _count_events(verdict, log)
    for entity, history in by_entity(attempts).items():
        states = log.shown(entity)
        at: dict[str, int] = {event.command_id: event.version for event in log.events.get(entity, ())}
        _compare(verdict, history, states, at)
        try:
            found = falsehood(history, states[-1])
        except GaveUp as error:
            verdict.not_linearisable += 1
            verdict.example(f"{entity}: {error}")
        else:
            if found is not None:
                verdict.not_linearisable += 1
                verdict.example(f"{entity}: {found.why}")
    for since, until in silences:
        for each in attempts:
            # A retry of what was acknowledged before is told so from confirmed state, at once (R4).
            if isinstance(each.answer, Done) and not each.answer.replayed and since <= each.invoked and each.returned < until:
                verdict.falsely_acknowledged += 1
                verdict.example(f"told yes while two brokers were away: {each}")
    return verdict


def _count_events(verdict: Verdict, log: Log) -> None:
    # Every command that chaos sends gives one event at most.
    counted = Counter(event.command_id for events in log.events.values() for event in events)
    twice = [command for command, count in counted.items() if count > 1]
    ids = Counter(event.envelope.id for events in log.events.values() for event in events)
    twice += [record for record, count in ids.items() if count > 1]
    verdict.duplicated = len(twice)
    for each in twice:
        verdict.example(f"{each} is in the log twice")


def _compare(verdict: Verdict, history: Sequence[Attempt], states: Sequence[Shown], at: Mapping[str, int]) -> None:
    commands: dict[str, list[Attempt]] = {}
    for each in history:
        commands.setdefault(each.command_id, []).append(each)
    for command, attempts in commands.items():
        told = [each for each in attempts if isinstance(each.answer, Done)]
        verdict.acknowledged += bool(told)
        verdict.refused += any(isinstance(each.answer, Refused) for each in attempts)
        if not told and command in at and all(isinstance(each.answer, Refused | NotApplied) for each in attempts):
            verdict.falsely_refused += 1
            verdict.example(f"told no, and in the log at version {at[command]}: {attempts}")
        for each in told:
            assert isinstance(each.answer, Done)
            version = each.answer.version
            if command in at and at[command] != version and not already_so(states, version, each):
                verdict.falsely_acknowledged += 1
                verdict.example(f"in the log at version {at[command]}: {each}")
            if command not in at and not already_so(states, version, each):
                verdict.lost += 1
                verdict.example(f"not in the log: {each}")


def already_so(states: Sequence[Shown], version: int, attempt: Attempt) -> bool:
    """There was nothing to do for it at the version that it was told."""
    return 0 < version < len(states) and decide(states[version], attempt.ask) == states[version]
