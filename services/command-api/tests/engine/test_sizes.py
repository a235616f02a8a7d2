"""What the cache believes to hold, beside what Python really allocates for it."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterable

import pytest

from command_api.engine.budget import Budget
from command_api.engine.held import Held
from opsroom_common.contracts.codec import decode
from opsroom_common.contracts.envelope import DomainRecord
from opsroom_common.log.port import LogRecord
from opsroom_domain.entities import incident
from opsroom_domain.ids import EntityId

from .shapes import IDS, chatty, decoded, noisy, records, wordy

Shape = Callable[[EntityId], Iterable[incident.CommandBase]]
SHAPES: dict[str, tuple[int, Shape]] = {
    "just opened": (1500, lambda id_: chatty(id_, 0)),
    "ten notes": (500, lambda id_: chatty(id_, 10)),
    "more commands than are remembered": (60, lambda id_: chatty(id_, 90)),
    "long text": (500, lambda id_: wordy(id_, "the pump is hot " * 600)),
    "long text beyond Latin": (500, lambda id_: wordy(id_, "ポンプが熱い" * 1000)),
    "one signal": (1000, lambda id_: noisy(id_, 1)),
    "many signals": (50, lambda id_: noisy(id_, 120)),
}
LOW, HIGH = 0.8, 1.7


def read_back(held: Held, history: Iterable[LogRecord]) -> None:
    for raw in history:
        record = decode(raw)
        assert isinstance(record, DomainRecord)
        held.add(record, len(raw.value or b""))


def held_beside_real(histories: Iterable[list[LogRecord]]) -> tuple[int, int]:
    """Bytes as the cache counts them, and as allocated, of the same read-back."""
    counted = Budget(1 << 40, lambda _count, _covered: None)
    gc.collect()
    tracemalloc.start()
    try:
        held = Held(0, counted)
        before = tracemalloc.get_traced_memory()[0]
        for history in histories:
            read_back(held, history)
        gc.collect()
        return counted.held, tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("shape", SHAPES)
def test_the_estimate_of_entities_is_what_they_take(shape: str) -> None:
    count, make = SHAPES[shape]
    counted, real = held_beside_real([records(id_, make(id_)) for id_ in (IDS.entity_id("inc") for _ in range(count))])
    assert LOW <= counted / real <= HIGH, f"{counted / real:.2f}: {counted // count} counted, {real // count} real bytes an entity"


@pytest.mark.parametrize("shape", [name for name in SHAPES if "text" not in name])
def test_the_estimate_of_events_that_wait_for_their_entity_is_what_they_take(shape: str) -> None:
    count, make = SHAPES[shape]
    counted, real = held_beside_real([records(id_, make(id_))[1:] for id_ in (IDS.entity_id("inc") for _ in range(count))])
    assert LOW <= counted / real <= HIGH, f"{counted / real:.2f}"


def test_what_was_counted_in_is_counted_out() -> None:
    budget = Budget(1 << 40, lambda _count, _covered: None)
    held = Held(0, budget)
    for _ in range(50):
        id_ = IDS.entity_id("inc")
        for record in decoded(records(id_, chatty(id_, 20))):
            held.add(record, 40)
    assert budget.held == held.size > 0
    held.let_go(1 << 40)
    assert budget.held == held.size < 50 * 300
    held.close()
    assert budget.held == 0
