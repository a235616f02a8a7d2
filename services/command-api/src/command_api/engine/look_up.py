"""An id older than an entity's memory: what the versions table says of it, and whether that can be believed (R6)."""

from __future__ import annotations

from command_api.engine.dedupe import Memory, recognise
from command_api.engine.held import Slot
from command_api.engine.port import Accepted, CommandRequest, OutcomeUnknown
from command_api.engine.refusals import reused
from opsroom_common.log.entity import Entity
from opsroom_common.log.state_source import FoundCommand


def unknown() -> OutcomeUnknown:
    """Nobody can tell of this id yet."""
    return OutcomeUnknown("this command id is older than the entity's memory and the read model cannot tell yet; repeat it later")


def judge(found: FoundCommand | None, request: CommandRequest, slot: Slot, partition: int, term: str) -> Accepted | Entity:
    """The answer of a command that was applied, or the state on which it certainly was not.

    Raises OutcomeUnknown, and CommandIdReused for another body.
    """
    if found is None or slot.confirmed is None or slot.speculative is None:
        raise unknown()
    if found.applied is not None:
        if recognise(found.applied, request.body_hash).memory is Memory.OTHER_BODY:
            raise reused(request)
        return Accepted(slot.confirmed, partition, found.applied.offset, found.applied.version, replayed=True)
    # What was forgotten stands before the oldest remembered command. The rows tell of it if that one is confirmed (an expected offset proves
    # nothing), if they have read this term's fence (so they are of this log) and up to there, and if nothing of the entity is set aside.
    oldest = slot.speculative.recent[0]
    confirmed = slot.confirmed.applied(oldest.command_id) is not None
    covered = found.checkpoint.term == term and found.checkpoint.offset >= oldest.offset
    if found.parked is not None or not confirmed or not covered:
        raise unknown()
    return slot.speculative
