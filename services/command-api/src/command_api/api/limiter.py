"""How often one actor may command: a token bucket each, in bounded memory. A loop that runs wild meets 429 before it meets the log."""

from __future__ import annotations

from collections import OrderedDict

from opsroom_common.runtime.clock import Clock

ACTORS_MAX = 10_000


class ActorLimiter:
    """``per_second`` tokens flow into each actor's bucket, which holds ``burst``. Beyond ACTORS_MAX the longest unseen actor is forgotten."""

    def __init__(self, clock: Clock, per_second: float, burst: float) -> None:
        self._clock = clock
        self._per_second = per_second
        self._burst = burst
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, actor: str) -> float:
        """Take one token. Returns 0 if there was one, else the seconds until there is."""
        now = self._clock.monotonic()
        tokens, at = self._buckets.get(actor, (self._burst, now))
        tokens = min(self._burst, tokens + (now - at) * self._per_second)
        allowed = tokens >= 1
        self._buckets[actor] = (tokens - 1 if allowed else tokens, now)
        self._buckets.move_to_end(actor)
        if len(self._buckets) > ACTORS_MAX:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) / self._per_second
