"""Judges every answer against the log: a yes by what stands there, a no by the states that were valid between the call and the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from command_api.engine.port import (
    Accepted,
    CommandRefused,
    CommandRequest,
    EngineError,
    EntityParked,
    NotParked,
    OutcomeUnknown,
    RecordSkipped,
    VersionMismatch,
)
from opsroom_common.contracts.envelope import DomainRecord
from opsroom_domain.decider import EditConflict, Refused
from opsroom_domain.registry import KINDS

from .loop import START
from .truth import Step, Story, Truth
from .verdict import Broken


@dataclass(slots=True)
class Attempt:
    """One attempt of one command at one replica. ``known`` is how many valid events the entity had when the replica took it."""

    number: str
    request: CommandRequest
    process: str
    known: int


class Judge:
    """Told of every answer as it leaves a replica."""

    def __init__(self, truth: Truth, broken: Callable[[Broken], None]) -> None:
        self._truth = truth
        self._broken = broken
        self._changed_nothing: dict[str, str] = {}
        """Attempts that were told that they changed nothing, and in which words."""
        self._refused: dict[str, tuple[str | None, object]] = {}
        """Command ids that were refused: under which term, and in which words. The owner repeats them to later attempts (R7)."""
        self._first: dict[tuple[str, str], int] = {}
        """How many valid events the entity had at the first attempt of a command in a process: what was refused then is refused again (R7)."""
        self.counts: dict[str, int] = {}
        truth.watchers.append(self._applied)

    def called(self, number: str, request: CommandRequest, process: str) -> Attempt:
        attempt = Attempt(number, request, process, self._story(request).version)
        self._first.setdefault((request.command_id, process), attempt.known)
        return attempt

    def answered(self, attempt: Attempt, answer: Accepted | Exception) -> str:
        """Judge it; return a word for it: ``applied``, ``nothing to do``, ``refused``, ``parked``, ``not applied`` or ``unknown``."""
        word = _word(attempt.request, answer)
        self.counts[word] = self.counts.get(word, 0) + 1
        try:
            self._judge(word, attempt, answer)
        except Broken as error:
            self._broken(error)
        return word

    def skipped(self, request: CommandRequest, answer: RecordSkipped | Exception) -> str:
        """Judge what a skip was told; return a word for it."""
        word = "skipped" if isinstance(answer, RecordSkipped) else _word(request, answer)
        self.counts[word] = self.counts.get(word, 0) + 1
        try:
            self._judge_skip(request, answer)
        except Broken as error:
            self._broken(error)
        return word

    def _judge_skip(self, request: CommandRequest, answer: RecordSkipped | Exception) -> None:
        stands = self._truth.skips.get(request.command_id)
        if isinstance(answer, RecordSkipped):
            if stands != (answer.partition, answer.offset, answer.version):
                raise Broken("acknowledged", f"the skip {request.command_id} was told {answer}, the log has {stands}")
        elif isinstance(answer, NotParked):
            if stands is not None:
                raise Broken("no means no", f"the skip {request.command_id} was refused, and stands at {stands}")
            self._truth.unskipped.add(request.command_id)
        elif not isinstance(answer, EngineError):
            raise Broken("unexpected error", f"the skip {request.command_id}: {answer!r}")

    def _judge(self, word: str, attempt: Attempt, answer: Accepted | Exception) -> None:
        if isinstance(answer, Accepted):
            self._true_state(attempt, answer.entity)
            if word == "applied":
                self._in_the_log(attempt, answer)
            else:
                self._nothing(word, attempt, lambda _, state: _decided(state, attempt.request) == [])
        elif isinstance(answer, CommandRefused):
            if answer.entity is not None:
                self._true_state(attempt, answer.entity)
            said = _sentence(answer.refusal)
            self._refuse(attempt, said, lambda version, state: _decided(state, attempt.request) == said)
        elif isinstance(answer, VersionMismatch):
            wrong = {0, attempt.request.expected_version}
            self._refuse(attempt, "version mismatch", lambda version, state: version not in wrong)
        elif isinstance(answer, EntityParked):
            if not self._story(attempt.request).suspect:
                raise Broken(
                    "truthful no", f"{attempt.number}: told that {attempt.request.entity_id} is parked, but every record of it is fine"
                )
            self._no_effect(word, attempt)
        elif isinstance(answer, EngineError) and answer.applied is False:
            self._no_effect(f"{word} ({answer.code})", attempt)
        elif not isinstance(answer, EngineError):
            raise Broken("unexpected error", f"{attempt.number}: {answer!r}")

    def _in_the_log(self, attempt: Attempt, answer: Accepted) -> None:
        steps = self._truth.applied.get(attempt.request.command_id)
        if not steps:
            raise Broken("acknowledged", f"{attempt.number}: told done at version {answer.version}, but no valid event of it is in the log")
        stands = (steps[-1].version, steps[-1].offset)
        if stands != (answer.version, answer.offset):
            raise Broken("acknowledged", f"{attempt.number}: told version and offset {answer.version, answer.offset}, the log has {stands}")

    def _true_state(self, attempt: Attempt, entity: Any) -> None:
        """What a caller is shown is a state that was valid at that version: void means, in no state."""
        story = self._story(attempt.request)
        if entity.state not in story.shown.get(entity.version, ()):
            raise Broken("void in a state", f"{attempt.number}: shown version {entity.version} of {entity.id}, which is not the log's")

    def _refuse(self, attempt: Attempt, said: object, holds: Callable[[int, Any], bool]) -> None:
        known = self._refused.get(attempt.request.command_id)
        if known is not None and known[1] == said:
            self._no_effect("refused", attempt)
            return
        since = self._first[attempt.request.command_id, attempt.process]
        self._nothing("refused", attempt, holds, since)
        partition = self._truth.partition_of(attempt.request.entity_id)
        self._refused[attempt.request.command_id] = (self._truth.lines[partition].term, said)

    def _nothing(self, word: str, attempt: Attempt, holds: Callable[[int, Any], bool], since: int | None = None) -> None:
        """A no is true if it holds of a state that was valid at some moment of the attempt, and in which the command had not been applied."""
        self._no_effect(word, attempt)
        if not any(holds(version, state) for version, state in self._window(attempt, since)):
            raise Broken("truthful no", f"{attempt.number}: told {word}, which was true of no state between the call and the answer")

    def _window(self, attempt: Attempt, since: int | None) -> Iterator[tuple[int, Any]]:
        story = self._story(attempt.request)
        last = story.version
        applied = self._truth.applied.get(attempt.request.command_id)
        if applied:
            last = applied[0].version - 1
        for version in range(attempt.known if since is None else since, last + 1):
            for state in story.shown[version]:
                yield version, state

    def _no_effect(self, word: str, attempt: Attempt) -> None:
        if attempt.number in self._truth.attempts:
            raise Broken("no means no", f"{attempt.number}: told {word}, but this very attempt is in the log")
        self._changed_nothing[attempt.number] = word

    def _applied(self, event: DomainRecord, step: Step) -> None:
        word = self._changed_nothing.get(step.attempt or "")
        if word is not None:
            raise Broken("no means no", f"{step.attempt}: told {word}, and applied afterwards")
        refused = self._refused.get(event.command_id)
        if refused is not None and refused[0] == step.term:
            raise Broken("refusal is final", f"{step.attempt}: command {event.command_id} was refused, and applied later in the same term")

    def _story(self, request: CommandRequest) -> Story:
        return self._truth.stories.get(request.entity_id) or Story("incident")


def _word(request: CommandRequest, answer: Accepted | Exception) -> str:
    match answer:
        case Accepted():
            return "applied" if answer.replayed or answer.entity.applied(request.command_id) is not None else "nothing to do"
        case CommandRefused() | VersionMismatch():
            return "refused"
        case EntityParked():
            return "parked"
        case OutcomeUnknown():
            return "unknown"
        case EngineError():
            return "not applied"
        case _:
            return "failed"


def _decided(state: Any, request: CommandRequest) -> Any:
    """Events as a list, or the sentence of the refusal."""
    try:
        return list(KINDS[request.kind].decide(state, replace(request.command, at=START)))
    except Refused as refusal:
        return _sentence(refusal)


def _sentence(refusal: Refused) -> tuple[object, ...]:
    conflicts = refusal.conflicts if isinstance(refusal, EditConflict) else ()
    return (type(refusal).__name__, refusal.code, *conflicts)
