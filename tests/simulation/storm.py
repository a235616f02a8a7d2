"""What happens to a world: each method is an event that a profile can name."""

from __future__ import annotations

import random
from collections.abc import Callable

from opsroom_common.log.port import RawRecord

from .loop import SimLoop
from .profiles import Profile
from .read_side import ReadSide
from .replica import Replica
from .truth import Truth

Land = Callable[[int, list[RawRecord]], int]


class Storm:
    """Draws events, and knows how to make good again what they break."""

    def __init__(
        self,
        loop: SimLoop,
        chance: random.Random,
        profile: Profile,
        replicas: list[Replica],
        reading: ReadSide | None,
        truth: Truth,
        land: Land,
        say: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._chance = chance
        self._profile = profile
        self._replicas = replicas
        self._reading = reading
        self._truth = truth
        self._land = land
        self._say = say
        self._over = False
        self._owners = [chance.randrange(len(replicas)) for _ in range(profile.partitions)]

    def begin(self) -> None:
        for replica in self._replicas:
            replica.start(self._hint(replica))
        if self._reading is not None:
            self._reading.start()

    def strike(self) -> None:
        """One of the profile's events happens."""
        events = self._profile.events
        if events:
            name = self._chance.choices(list(events), list(events.values()))[0]
            self._say(f"{self._loop.time():9.3f} {name.replace('_', ' ')}")
            getattr(self, name)()

    def heal(self) -> None:
        """The end of all trouble: from here on only what was broken before can be wrong."""
        self._say(f"{self._loop.time():9.3f} healed")
        self._over = True
        for replica in self._replicas:
            replica.process.thaw()
            replica.start(self._hint(replica))
            replica.own(self._hint(replica))
        if self._reading is not None:
            self._reading.tables.away = self._reading.carrier.away = self._reading.refuses = False
            if self._reading.judge.stale:
                self._reading.rebuild()
            for host in (*self._reading.projectors, *self._reading.gateways):
                host.process.thaw()
                host.start()

    # -- command-api -------------------------------------------------------------------------------------------------------------

    def freeze(self) -> None:
        """SIGSTOP, and SIGCONT up to 4 s later: perhaps after a successor has taken over."""
        process = self._chance.choice(self._replicas).process
        process.freeze()
        self._loop.outside(self._chance.random() * 4.0, process.thaw)

    def usurp(self) -> None:
        """An owner is frozen, others are told to own its partitions; when it wakes up, nobody has told it."""
        number = self._chance.randrange(len(self._replicas))
        process = self._replicas[number].process
        process.freeze()
        self._owners = [(owner + 1) % len(self._replicas) if owner == number else owner for owner in self._owners]
        for other in self._replicas:
            if other.process is not process:
                self._loop.outside(self._chance.random() * 0.3, lambda other=other: other.own(self._hint(other)))
        self._loop.outside(1.0 + self._chance.random() * 2.0, process.thaw)
        self._loop.outside(3.0 + self._chance.random() * 3.0, lambda: self._replicas[number].own(self._hint(self._replicas[number])))

    def crash(self) -> None:
        """kill -9, and a new start up to 2 s later."""
        replica = self._chance.choice(self._replicas)
        if replica.process.alive:
            replica.crash()
            self._loop.outside(self._chance.random() * 2.0, lambda: replica.start(self._hint(replica)))

    def move(self) -> None:
        """Other owners; each replica hears of it at another time."""
        self._owners = [self._chance.randrange(len(self._replicas)) for _ in self._owners]
        for replica in self._replicas:
            self._loop.outside(self._chance.random(), lambda replica=replica: replica.own(self._hint(replica)))

    def disputed(self) -> str | None:
        """Which partition is not served by its owner alone; None if each is."""
        for partition, owner in enumerate(self._owners):
            serving = [replica.name for replica in self._replicas if replica.engine is not None and replica.engine.serves(partition)]
            if serving != [self._replicas[owner].name]:
                return f"partition {partition} is served by {serving}, its owner is {self._replicas[owner].name}"
        return None

    def _hint(self, replica: Replica) -> list[int]:
        if self._profile.duel and not self._over:
            return list(range(self._profile.partitions))
        return [p for p, owner in enumerate(self._owners) if self._replicas[owner] is replica]

    # -- the read side -----------------------------------------------------------------------------------------------------------

    def lose_commits(self) -> None:
        """Postgres is killed: the last commits were not on disk. It is back at once, or after a while."""
        tables = self._read_side.tables
        tables.crash(self._chance.randint(0, tables.losable))
        tables.away = True
        self._loop.outside(self._chance.random() * self._chance.choice([0.05, 1.0]), lambda: setattr(tables, "away", False))

    def postgres_away(self) -> None:
        tables = self._read_side.tables
        tables.away = True
        self._loop.outside(self._chance.random() * 3.0, lambda: setattr(tables, "away", False))

    def retry(self) -> None:
        """The server is mended for a while, and somebody has all parked entities tried again."""
        side = self._read_side
        side.refuses = False
        side.retry(sorted(side.tables.tables["parked"]))
        self._loop.outside(self._chance.random() * 2.0, self._refuse_again)

    def _refuse_again(self) -> None:
        self._read_side.refuses = not self._over

    def parked(self) -> list[tuple[str, int]]:
        """What a person sees: the parked entities of the rows, or, without rows, of the log."""
        if self._reading is not None:
            rows = self._reading.tables.tables["parked"]
            return sorted((entity_id, row["offset"]) for entity_id, row in rows.items())
        return sorted((entity_id, story.parked) for entity_id, story in self._truth.stories.items() if story.parked is not None)

    def refused(self) -> str | None:
        """Which entity takes no command although nothing is wrong with it; None if there is none."""
        for replica in self._replicas:
            owned = {} if replica.engine is None else replica.engine._owned
            for writer in (each.writer for each in owned.values() if each.writer is not None):
                held = writer._states._held
                for entity_id in (*held.aside, *held.parked):
                    if self._truth.stories[entity_id].parked is None:
                        return f"{entity_id} is set aside at {replica.name}, and the log has nothing bad"
        return None

    def postgres_restart(self) -> None:
        self._read_side.tables.restart()

    def redis_away(self) -> None:
        carrier = self._read_side.carrier
        carrier.away = True
        self._loop.outside(self._chance.random() * 3.0, lambda: setattr(carrier, "away", False))

    def crash_projector(self) -> None:
        host = self._chance.choice(self._read_side.projectors)
        host.crash()
        self._loop.outside(self._chance.random() * 2.0, host.start)

    def freeze_projector(self) -> None:
        process = self._chance.choice(self._read_side.projectors).process
        process.freeze()
        self._loop.outside(self._chance.random() * 3.0, process.thaw)

    def crash_gateway(self) -> None:
        host = self._chance.choice(self._read_side.gateways)
        host.crash()
        self._loop.outside(self._chance.random() * 1.0, host.start)

    def freeze_gateway(self) -> None:
        process = self._chance.choice(self._read_side.gateways).process
        process.freeze()
        self._loop.outside(self._chance.random() * 3.0, process.thaw)

    def drop_screen(self) -> None:
        self._chance.choice(self._read_side.screens).drop()

    def deploy(self) -> None:
        """The old release's projectors go; their rows are emptied and made again."""
        if self._read_side.judge.stale:
            self._read_side.rebuild()

    @property
    def _read_side(self) -> ReadSide:
        assert self._reading is not None, "the profile has no read side"
        return self._reading

    # -- the log -----------------------------------------------------------------------------------------------------------------

    def poison(self) -> None:
        """A record that nobody can decode, under the valid term: of an entity that exists."""
        lived = sorted(entity_id for entity_id, story in self._truth.stories.items() if story.steps and story.parked is None)
        if not lived:
            return
        entity_id = self._chance.choice(lived)
        partition = self._truth.partition_of(entity_id)
        term = self._truth.lines[partition].term or ""
        headers = (
            ("ce_type", b"opsroom.incident.noted"), ("ce_term", term.encode()), ("ce_id", b"poison"), ("avro-fingerprint", b"0123456789abcdef"),
        )  # fmt: skip
        self._land(partition, [RawRecord(entity_id.encode(), b"\x00poison", headers, 0)])
