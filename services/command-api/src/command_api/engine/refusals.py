"""Refused command ids, remembered until every late attempt of them is dead (R7)."""

from __future__ import annotations

from collections import OrderedDict

from command_api.engine.port import CommandIdReused, CommandRefused, CommandRequest, DeadlinePassed, EngineError

BEYOND_S = 30.0
"""How long a refusal is remembered beyond the deadline of the attempt that was told it: other attempts of it began about when that one did."""


class Refusals:
    """A refusal says that *this attempt* changed nothing; another attempt of the same id that was delayed on its way must not undo that."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: OrderedDict[str, tuple[float, str, CommandRefused | EngineError, bool]] = OrderedDict()

    def remember(self, request: CommandRequest, error: CommandRefused | EngineError, *, told: bool = True) -> None:
        """Keep the refusal until ``BEYOND_S`` after the attempt's deadline. The oldest goes when the limit is reached.

        ``told=False``: it is decided, and waits for its ack.
        """
        self._known[request.command_id] = (request.deadline + BEYOND_S, request.body_hash, error, told)
        self._known.move_to_end(request.command_id)
        while len(self._known) > self._limit:
            self._known.popitem(last=False)

    def check(self, request: CommandRequest, now: float) -> CommandRefused | EngineError | None:
        """Raise the same refusal again if this command was refused a moment ago; return it if it still waits for its ack."""
        self._forget(now)
        known = self._known.get(request.command_id)
        if known is None:
            return None
        until, body_hash, error, told = known
        if now > until:
            del self._known[request.command_id]
            return None
        if body_hash != request.body_hash:
            raise reused(request)
        if not told:
            return error
        raise error.with_traceback(None)

    def _forget(self, now: float) -> None:
        """Let the oldest go once they are over, two for each command that comes: an idle limit would hold their entities' states for ever."""
        for _ in range(2):
            if not self._known:
                return
            oldest = next(iter(self._known))
            if now <= self._known[oldest][0]:
                return
            del self._known[oldest]

    def __len__(self) -> int:
        return len(self._known)


def reused(request: CommandRequest) -> CommandIdReused:
    """The error for a known id with another body."""
    return CommandIdReused(f"the command id {request.command_id} was used for another command; take a new id for a new command")


def late() -> DeadlinePassed:
    """The error for an attempt that is past its deadline and not decided (R7)."""
    return DeadlinePassed("the deadline passed before the command was decided; repeat it with the same id")
