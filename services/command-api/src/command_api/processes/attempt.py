"""One try at one cause: its entity is looked at, and the process's steps are submitted, each after the one before is answered."""

from __future__ import annotations

from dataclasses import dataclass

from command_api.engine.port import CommandRefused, CommandRequest, Engine, EngineError, EntityParked, VersionMismatch
from command_api.processes.steps import ACTOR, Begin, NotYet, Outcome, Refusal, Step, Taken, command_id, step_hash
from opsroom_common.contracts.envelope import DomainRecord
from opsroom_common.runtime.clock import Clock
from opsroom_common.runtime.telemetry import Telemetry, inject
from opsroom_domain.permissions import PROCESS

DEADLINE_S = 10.0
UNAVAILABLE = 503


@dataclass(frozen=True, slots=True)
class Attempts:
    """Tries causes on ``engine``, which takes commands of every partition."""

    engine: Engine
    clock: Clock
    telemetry: Telemetry

    async def attempt(self, begin: Begin, cause: DomainRecord) -> int:
        """Carry the process out; returns how many steps it took. Raises NotYet, and EngineError with the status 503: try again later."""
        with self.telemetry.span(f"process {cause.envelope.type}", cause.envelope.traceparent):
            return await self._carry_out(begin, cause)

    async def _carry_out(self, begin: Begin, cause: DomainRecord) -> int:
        try:
            here = await self.engine.current(cause.kind, cause.entity_id, self.clock.monotonic() + DEADLINE_S)
        except TimeoutError as error:
            raise NotYet(f"{cause.entity_id} was not loaded within {DEADLINE_S:.0f} s") from error
        except EntityParked as error:
            raise NotYet(f"{cause.entity_id} is set aside; retry or skip it with opsctl") from error
        if here is None or here.version < cause.version:
            raise NotYet(f"the owner of {cause.entity_id} does not know its version {cause.version} yet")
        process = begin(cause, here)
        taken = 0
        try:
            step = next(process)
            while True:
                outcome = await self._submit(cause, step)
                taken += 1
                step = process.send(outcome)
        except StopIteration:
            return taken
        finally:
            process.close()

    async def _submit(self, cause: DomainRecord, step: Step) -> Outcome:
        """What became of the step. A refusal is an answer; whatever another try could change is raised."""
        try:
            answer = await self.engine.submit(self._request(cause, step))
        except CommandRefused as refused:
            return Refusal(refused.refusal.code, refused.refusal.message, refused.entity)
        except VersionMismatch as mismatch:
            return Refusal(mismatch.code, str(mismatch), mismatch.entity)
        except EngineError as error:
            if error.status == UNAVAILABLE:
                raise
            if step.entity_id == cause.entity_id:
                raise NotYet(f"{step.entity_id} does not take {type(step.command).__name__}: {error.code} {error}") from error
            return Refusal(error.code, str(error) or f"{step.entity_id} does not take it: {error.code}", None)
        return Taken(answer.entity)

    def _request(self, cause: DomainRecord, step: Step) -> CommandRequest:
        return CommandRequest(
            command_id=command_id(cause, step),
            body_hash=step_hash(step),
            kind=step.kind,
            entity_id=step.entity_id,
            command=step.command,
            actor=ACTOR,
            role=PROCESS,
            deadline=self.clock.monotonic() + DEADLINE_S,
            expected_version=step.expected_version,
            correlation_id=cause.envelope.correlation_id or cause.command_id,
            causation_id=cause.envelope.id,
            traceparent=inject(),
        )
