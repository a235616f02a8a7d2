"""Runs seeds."""

from __future__ import annotations

import random
from unittest.mock import patch

import structlog
from structlog.typing import EventDict, WrappedLogger

from opsroom_common.log import entity as entity_module

from .loop import PROCESS
from .profiles import PROFILES, Profile
from .world import Found, World

_SILENT = 50


def profile_of(seed: int) -> Profile:
    """Each seed has its profile."""
    return PROFILES[random.Random(f"{seed}/profile").choice(sorted(PROFILES))]


def simulate(seed: int, profile: Profile | None = None, *, trace: bool = False) -> Found:
    """One run, from the seed alone: the same seed and profile give the same run, to the last turn.

    ``trace``: what the processes log is told too.
    """
    chosen = profile or profile_of(seed)
    before = structlog.get_config()
    with patch.object(entity_module, "REMEMBERED_COMMANDS", chosen.remembered):
        world = World(seed, chosen)
        try:
            if trace:
                structlog.configure(processors=[_into(world)], wrapper_class=structlog.make_filtering_bound_logger(0))
            else:
                structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(_SILENT))
            return world.run()
        finally:
            structlog.configure(**before)


def _into(world: World) -> structlog.typing.Processor:
    def add(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        words = " ".join(f"{name}={value}" for name, value in event.items() if name not in {"event", "exc_info"})
        who = PROCESS.get(None)
        world.trace.append(f"{world.loop.time():9.3f}   {who.name if who else '-'} {method}: {event['event']} {words}"[:300])
        raise structlog.DropEvent

    return add
