"""Rules taken away, one at a time: each is a small change of the real code, and names the faults under which it is looked for.

A change names the text that it replaces. When the code is changed so that the text is not there any more, the mutation says so and is to be mended.
"""

from __future__ import annotations
import __future__

import importlib
import inspect
import textwrap
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch


@dataclass(frozen=True, slots=True)
class Change:
    """``where``: ``module:function`` or ``module:Class.method``; its text ``old`` becomes ``new``."""

    where: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutation:
    """``rule`` and its ``story``: what goes wrong without it. ``profile``: the mix of faults that brings it out."""

    name: str
    rule: str
    story: str
    profile: str
    changes: tuple[Change, ...]


@contextmanager
def planted(mutation: Mutation) -> Generator[None]:
    """The code with this mutation."""
    with ExitStack() as stack:
        for change in mutation.changes:
            owner, name, changed = _changed(change)
            stack.enter_context(patch.object(owner, name, changed))
        yield


def _changed(change: Change) -> tuple[Any, str, Any]:
    module_name, _, path = change.where.partition(":")
    owner: Any = importlib.import_module(module_name)
    *outer, name = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    function: Callable[..., Any] = getattr(owner, name)
    text = textwrap.dedent(inspect.getsource(function))
    if text.count(change.old) != 1:
        raise LookupError(
            f"{change.where} has {text.count(change.old)} times the text that this mutation replaces; mend the mutation:\n{change.old}"
        )
    code = compile(text.replace(change.old, change.new), f"<mutated {change.where}>", "exec", __future__.annotations.compiler_flag, True)
    made: dict[str, Any] = {}
    exec(code, function.__globals__, made)
    return owner, name, made[name]


_WRITER = "command_api.engine.writer:PartitionWriter"
_AT_ONCE = "asyncio.get_running_loop().create_future()"

MUTATIONS = (
    Mutation(
        "row-went-back",
        "R5",
        "Postgres loses its last commits; the owner, which no longer holds the entity, believes the older row and appends a second version",
        "rows",
        (Change("command_api.engine.states:States._counting_row", " or at.offset < self._held.needed(entity_id)", ""),),
    ),
    Mutation(
        "parked-row",
        "R5",
        "the projector has set the entity aside and gone on; a new owner takes the row before the poison as its state",
        "poison",
        (Change("command_api.engine.states:States._from_row", "if row is not None and row.parked is not None:", "if False:"),),
    ),
    Mutation(
        "torn-read",
        "R5",
        "the row is read, the projector commits, the checkpoint is read: the events between are lost",
        "rows",
        (
            Change(
                "tests.simulation.database:RemoteSource.load",
                "return await self._network.call(lambda: at_once(self._source.load(partition, entity_id)), SourceUnavailable)",
                "from dataclasses import replace\n    import asyncio\n    row = await self._network.call(lambda: at_once(self._source.load(partition, entity_id)), SourceUnavailable)\n"
                "    await asyncio.sleep(0.3)\n    later = await self.checkpoint(partition)\n"
                "    return row if row is None or later is None else replace(row, checkpoint=later[0], fold=later[1])",
            ),
        ),
    ),
    Mutation(
        "two-batches-on-the-wire",
        "R3",
        "of two batches on the wire the first is lost and the second lands: a version without its predecessor",
        "crowd",
        (
            Change(
                f"{_WRITER}.run",
                "            while not self._next.empty:\n                await self._send()\n",
                "            sending = []\n"
                "            while sending or not self._next.empty:\n"
                "                if not self._next.empty:\n"
                "                    sending.append(asyncio.create_task(self._send()))\n"
                "                await asyncio.wait(sending, timeout=0.005)\n"
                "                for sent in [each for each in sending if each.done()]:\n"
                "                    sending.remove(sent)\n"
                "                    await sent\n",
            ),
            Change("opsroom_common.log.memory:MemorySession.append", "if partition in self._in_flight:", "if False:"),
        ),
    ),
    Mutation(
        "yes-from-speculation",
        "R4",
        "a command is on the wire; its retry finds it in the speculative state and is told 200; the batch never lands",
        "crowd",
        (Change("command_api.engine.remembered:Remembered.known", "if entity is slot.confirmed:", "if True:"),),
    ),
    Mutation(
        "refusal-at-once",
        "R4",
        "a paused owner wakes up and says no, from its old memory, about a world that its successor has changed",
        "quarrel",
        (
            Change(
                f"{_WRITER}.refuse",
                "self._refusals.remember(request, error, told=False)\n",
                "if self._on_wire is None and self._next.empty:\n"
                f"        told = {_AT_ONCE}\n        told.set_exception(error)\n        return told\n"
                "    self._refusals.remember(request, error, told=False)\n",
            ),
        ),
    ),
    Mutation(
        "already-so-at-once",
        "R4",
        "the same with 'nothing to do': the successor has undone what the zombie remembers",
        "quarrel",
        (
            Change(
                f"{_WRITER}._decide",
                "return self.wait(lambda _: self._already_so(slot, before))",
                f"told = {_AT_ONCE}\n        told.set_result(self._already_so(slot, before))\n        return told",
            ),
        ),
    ),
    Mutation(
        "dedupe-window-forgotten",
        "R6",
        "newer commands push an id out of the memory, and its slow retry is applied a second time",
        "memory",
        (Change("command_api.engine.writer:recall", "_FORGOTTEN if mint_ms(command_id) <= entity.forgotten_mint_ms else _NEW", "_NEW"),),
    ),
    Mutation(
        "not-applied-before-a-fence",
        "R2",
        "the batch is not in the log when it is looked for; 'not applied' is told; then it lands, and is valid",
        "wire",
        (
            Change(
                f"{_WRITER}.run",
                "self._fail(lost, sent=not isinstance(error, SessionLost))",
                "stands = await self._log.end_offset(self._partition) > self._last + 1\n"
                "        self._fail(lost, sent=not isinstance(error, SessionLost) and (stands or not isinstance(error, AppendUnknown)))",
            ),
        ),
    ),
    Mutation(
        "fence-by-name",
        "R1",
        "a writer takes an earlier fence of its own, whose ack it never got, for the new one: its batches are acknowledged, and void",
        "wire",
        (
            Change(
                "command_api.engine.recovery:Recovery.take_over",
                "    await session.append(partition, [fence])",
                "    self._stands_at = await session.append(partition, [fence])",
            ),
            Change(
                "command_api.engine.recovery:Recovery._read",
                "if item.after.term == recovered.term:\n                            recovered.fence_offset = item.record.offset".replace(
                    "\n    ", "\n"
                ),
                "if self._owner.encode() in item.record.value:\n"
                "                        recovered.term, recovered.fence_offset = item.after.term, self._stands_at",
            ),
        ),
    ),
    Mutation(
        "feed-survives-the-crash",
        "R8",
        "after Postgres' crash the feed still holds what the rows have lost: snapshots have a hole",
        "screens",
        (
            Change(
                "opsroom_common.postgres.memory:MemoryTables.crash",
                "    self.head = None\n    self.entries = []\n    self.run += 1\n",
                "",
            ),
        ),
    ),
    Mutation(
        "hint-disobeyed",
        "R2",
        "a replica that is not named any more keeps the partition, and fences again whenever it finds itself deposed: two take it from each other for ever",
        "owners",
        (Change("command_api.engine.engine:PartitionedEngine._let_go", "if owned.task is None or owned.task.done():", "if True:"),),
    ),
    Mutation(
        "refusal-not-final",
        "R7",
        "an attempt is refused; another attempt of the same command, held up on its way, comes when the state allows it, and is applied",
        "quarrel",
        (Change("command_api.engine.refusals:Refusals.check", "if known is None:", "if True:"),),
    ),
    Mutation(
        "row-of-another-fold",
        "R5",
        "a rolling deploy: the rows were made by another release's fold, and are taken as state",
        "release",
        (
            Change("command_api.engine.states:States._counting_row", "row.fold != self._fold or ", ""),
            Change("command_api.engine.recovery:Recovery._start_from", " or found.fold != self._fold", ""),
        ),
    ),
    Mutation(
        "deposed-owner-keeps-state",
        "R2",
        "an owner is deposed, fences again, and goes on with the confirmed state that its successor has changed",
        "duel",
        (
            Change(
                "command_api.engine.states:States.close",
                "self._held.close()",
                "kept = {entity_id: slot.confirmed for entity_id, slot in self._held._entries.items() if isinstance(slot, Slot)}\n"
                "    self._source.__dict__.setdefault('kept', {})[self._partition] = kept\n"
                "    self._held.close()",
            ),
            Change(
                "command_api.engine.states:States.get",
                "slot = self._held.slot(entity_id)\n",
                "kept = self._source.__dict__.get('kept', {}).get(self._partition, {}).pop(entity_id, None)\n"
                "    if kept is not None:\n"
                "        return self._held.put(entity_id, kept)\n"
                "    slot = self._held.slot(entity_id)\n",
            ),
        ),
    ),
    Mutation(
        "checkpoint-on-valid-events-only",
        "R8",
        "the checkpoint stays behind voids, fences and marks, and whoever waits for it waits for ever",
        "owners",
        (
            Change(
                "projector.session:Session._part",
                "after = records[-1].after",
                "after = next((each.after for each in reversed(records) if each.what == 'event'), self._positions[partition])",
            ),
        ),
    ),
    Mutation(
        "reader-without-a-term",
        "R8",
        "a reader starts in the middle of the log and does not know which term holds there",
        "rows",
        (
            Change(
                "projector.session:Session.run",
                "await self._log.reader(self._positions)",
                "await self._log.reader({partition: Checkpoint(at.offset) for partition, at in self._positions.items()})",
            ),
        ),
    ),
    Mutation(
        "no-contiguity",
        "R2",
        "a batch is taken for valid because it was acknowledged, although a successor's fence stands before it",
        "owners",
        (Change(f"{_WRITER}._send", "if base != self._last + 1:", "if False:"),),
    ),
    Mutation(
        "no-term-check",
        "R1",
        "a reader folds what a deposed writer wrote",
        "owners",
        (Change("opsroom_common.log.fencing:TermFilter._is_of_this_term", "return term is not None and", "return True or"),),
    ),
    Mutation(
        "skip-unseen-by-the-projector",
        "R10",
        "the projector reads a person's skip and leaves the entity where it is: parked for ever",
        "skips",
        (Change("projector.session:Session._around_skip", "if passes(known, skip):", "if False:"),),
    ),
    Mutation(
        "skip-unseen-by-the-next-owner",
        "R10",
        "a new owner reads the log back, finds the record that it cannot handle, and not the skip behind it",
        "skips, from the log",
        (Change("command_api.engine.recovery:Recovered.add", "if isinstance(record, Skip):", "if False:"),),
    ),
    Mutation(
        "skip-without-its-version",
        "R10",
        "the version of the record that does not count is given to the next one too, and what waited behind it is a gap",
        "skips",
        (
            Change(
                "command_api.engine.skipping:passing",
                'if headers.get("ce_entityversion") != str(version + 1).encode():',
                "if True:",
            ),
        ),
    ),
    Mutation(
        "log-folded-without-its-skips",
        "R10",
        "the owner folds an entity from the log and does not know what does not count: it decides on a state that no reader has",
        "skips, from the log",
        (Change("command_api.engine.log_folds:LogFolds._scan", "if again:", "if False:"),),
    ),
)
