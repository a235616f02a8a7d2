"""Named mixes of faults. A seed draws one; each is a way in which a bad week can be bad."""

from __future__ import annotations

from dataclasses import dataclass, field

from .wire import WireFaults


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What there is, and what goes wrong. Weights of ``events`` are relative; one happens about every ``every_s``."""

    name: str
    replicas: int = 2
    partitions: int = 2
    entities: int = 3
    clients: int = 3
    commands: int = 8
    """Of each client."""
    thinks_s: float = 0.4
    """How long a client thinks at most before its next command."""
    storm_s: float = 12.0
    """After that, at the latest, everything is healed, and has to come to rest."""
    duel: bool = False
    """Every replica believes, all the time, that it owns every partition."""
    wire: WireFaults = field(default_factory=WireFaults)
    trouble: float = 0.0
    """How often a call to a server fails."""
    events: dict[str, float] = field(default_factory=dict[str, float])
    every_s: float = 0.8
    remembered: int = 64
    """K of R6."""
    state_bytes: int = 1 << 30
    """What a replica's states may take in memory; 1 lets everything go that may go."""
    patience_s: float = 1.5
    """Deadline of an attempt."""
    dawdle: float = 0.1
    """How often a client waits for long before it repeats a command."""
    twice: float = 0.1
    """How often an attempt is sent twice, the second on another way, and late."""
    hot: float = 0.0
    """How many of all commands go to one entity beyond its share."""
    projectors: int = 1
    gateways: int = 1
    other_fold: bool = False
    """The rows are made by another release's projector at first."""
    quarrels: float = 0.0
    """How many of the commands do or undo what another one undoes or does: what is refused now is possible a moment later."""
    bitter: float = 0.0
    """How many of all notes are more than the rows' server takes; the writers can handle them."""
    admins: int = 0
    """Persons who have records skipped that entities are parked at."""
    reading: bool = True
    """With a projector, rows, gateway and screens; else the engine alone on the log."""


_WIRE = WireFaults(lose=0.04, lose_ack=0.06, late=0.08, duplicate=0.04, slow=0.1)
_SLOW = WireFaults(slow=0.2, late=0.04, lose_ack=0.02)
_OWNERS = {"freeze": 2.0, "crash": 2.0, "move": 3.0, "usurp": 3.0}
_ROWS = {"lose_commits": 3.0, "postgres_away": 1.0, "postgres_restart": 1.0, "crash_projector": 1.0, "freeze_projector": 1.0}
_SCREENS = {"crash_gateway": 1.0, "freeze_gateway": 1.0, "drop_screen": 3.0, "redis_away": 1.0}

PROFILES = {
    profile.name: profile
    for profile in (
        Profile(name="calm"),
        Profile(name="wire", wire=_WIRE, trouble=0.03, events={"move": 1.0}),
        Profile(name="owners", wire=_SLOW, events=_OWNERS, every_s=0.6, twice=0.2),
        Profile(name="three", replicas=3, wire=_SLOW, events=_OWNERS, every_s=0.6, trouble=0.02),
        Profile(
            name="crowd",
            partitions=1,
            entities=2,
            clients=6,
            commands=6,
            thinks_s=0.1,
            twice=0.4,
            wire=WireFaults(lose=0.06, lose_ack=0.04, slow=0.3),
            events={"move": 0.5},
        ),
        Profile(
            name="quarrel",
            partitions=1,
            entities=1,
            clients=5,
            thinks_s=0.1,
            twice=0.5,
            quarrels=0.8,
            wire=WireFaults(slow=0.3, lose_ack=0.02),
            events={"usurp": 1.0},
            every_s=1.5,
        ),
        Profile(name="duel", wire=_SLOW, duel=True, events={"freeze": 2.0, "crash": 1.0}),
        Profile(name="rows", trouble=0.02, projectors=2, events={**_ROWS, "move": 2.0, "crash": 1.0}, every_s=0.4, state_bytes=1),
        Profile(
            name="memory", wire=_SLOW, remembered=2, entities=2, hot=0.6, dawdle=0.4, twice=0.3, events={"move": 2.0, "lose_commits": 1.0}
        ),
        Profile(name="poison", events={"poison": 1.0, "move": 3.0, "crash": 1.0, "crash_projector": 1.0}, state_bytes=1),
        Profile(
            name="skips",
            projectors=2,
            admins=2,
            bitter=0.15,
            trouble=0.01,
            wire=WireFaults(lose_ack=0.03, late=0.03, slow=0.1),
            events={
                "poison": 1.0,
                "retry": 1.0,
                "move": 1.5,
                "crash": 0.5,
                "crash_projector": 1.0,
                "lose_commits": 1.0,
                "postgres_away": 0.5,
            },
            every_s=0.5,
        ),
        Profile(
            name="skips, from the log",
            admins=2,
            partitions=1,
            events={"poison": 2.0, "move": 3.0, "crash": 1.0},
            every_s=0.6,
            reading=False,
        ),
        Profile(name="screens", trouble=0.03, gateways=2, events={**_SCREENS, "lose_commits": 1.0, "postgres_restart": 0.5}, every_s=0.4),
        Profile(name="release", other_fold=True, events={"move": 4.0, "crash": 2.0, "deploy": 0.5}, state_bytes=1),
        Profile(
            name="everything",
            replicas=3,
            wire=WireFaults(lose=0.02, lose_ack=0.03, late=0.04, duplicate=0.02, slow=0.1),
            trouble=0.02,
            projectors=2,
            gateways=2,
            events={**_OWNERS, **_ROWS, **_SCREENS, "poison": 0.2, "retry": 0.2},
            admins=1,
            bitter=0.02,
            every_s=0.4,
            remembered=3,
            state_bytes=1,
        ),
    )
}
