"""How far a build is, and when it will be done at this rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from opsroom_common.runtime.clock import Clock
from projector.projections.load import Loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """``doing`` says what goes on. Records are the log's, of every class; events, rows and bytes are what this run added; rates are since its begin."""

    name: str
    doing: str
    records: int
    records_total: int
    events: int
    rows: int
    bytes: int
    events_per_s: float
    eta_s: float | None
    """Seconds until every record that the log had is in the rows; None while there is no rate."""
    note: str | None = None
    """Something to know, like a server that is waited for."""

    @property
    def percent(self) -> float:
        return 100.0 if self.records_total == 0 else 100.0 * min(1.0, self.records / self.records_total)


Told: TypeAlias = Callable[[Progress], None]


@dataclass(slots=True)
class Meter:
    """Counts, and tells after each count."""

    name: str
    clock: Clock
    told: Told
    doing: str = "begins"
    at: dict[int, int] = field(default_factory=dict[int, int])
    ends: dict[int, int] = field(default_factory=dict[int, int])
    _passed: int = 0
    _events: int = 0
    _rows: int = 0
    _bytes: int = 0
    _began_s: float | None = None

    def begin(self, doing: str, at: Mapping[int, int], ends: Mapping[int, int]) -> None:
        """Something else goes on from now on; the records of ``at`` up to ``ends`` are what there is to do."""
        self.doing = doing
        self.at, self.ends = dict(at), dict(ends)
        if self._began_s is None:
            self._began_s = self.clock.monotonic()
        self.tell()

    def loaded(self, loaded: Loaded) -> None:
        self.at[loaded.partition] = loaded.at
        self._passed += loaded.records
        self._events += loaded.events
        self._rows += loaded.rows
        self._bytes += loaded.bytes
        self.tell()

    def followed(self, at: Mapping[int, int], records: int) -> None:
        self.at = dict(at)
        self._passed += records
        self.tell()

    def tell(self, note: str | None = None) -> None:
        elapsed_s = 0.0 if self._began_s is None else self.clock.monotonic() - self._began_s
        left = sum(max(0, end - self.at.get(partition, 0)) for partition, end in self.ends.items())
        rate = self._passed / elapsed_s if elapsed_s > 0 else 0.0
        total = sum(self.ends.values())
        self.told(
            Progress(
                name=self.name, doing=self.doing, records=total - left, records_total=total,
                events=self._events, rows=self._rows, bytes=self._bytes,
                events_per_s=self._events / elapsed_s if elapsed_s > 0 else 0.0,
                eta_s=0.0 if left == 0 else left / rate if rate > 0 else None, note=note,
            )
        )  # fmt: skip
