"""What a list shows is made once a batch; if that fails, the first record after which it fails parks the entity."""

from __future__ import annotations

from typing import Any

import pytest

from opsroom_common.contracts.envelope import Fence
from opsroom_common.log.entity import Entity
from projector import fold_batch as folding
from projector.fold_batch import fold_batch
from projector.fold_load import fold_load
from projector.fold_step import shown_of
from projector.known import Absent, Parked

from .log_book import LogBook
from .test_fold_load import items_of


@pytest.mark.parametrize("cut", [4, 2, 1])
def test_the_record_after_which_it_fails_first_parks_the_entity(cut: int, monkeypatch: pytest.MonkeyPatch) -> None:
    book = LogBook(partitions=1)
    sick, well = book.open(), book.open()
    for _ in range(3):
        book.note(sick)

    def fails(entity: Entity) -> Any:
        if entity.id == sick and entity.version >= 3:
            raise ZeroDivisionError("no such tag")
        return shown_of(entity)

    monkeypatch.setattr(folding, "shown_of", fails)
    items = [item for item in items_of(book, 0) if not isinstance(item, Fence)]
    known: dict[Any, Any] = {sick: Absent(), well: Absent()}
    loading, behind, rows = dict(known), 0, dict[str, int]()
    for start in range(0, len(items), cut):
        batch = fold_batch(known, items[start : start + cut])
        loaded = fold_load(loading, {}, items[start : start + cut], 0)
        assert loaded.known == batch.known
        assert (loaded.parked, loaded.newly_parked) == (batch.parked, batch.newly_parked)
        known.update(batch.known)
        loading.update(loaded.known)
        behind += sum(row.behind for row in batch.parked)
        rows.update({row.id: row.version for row in batch.entities})
    third = [item for item in items if item.entity_id == sick][2]
    assert isinstance(known[sick], Parked)
    assert (known[sick].offset, known[sick].reason, behind) == (third.offset, "ZeroDivisionError: no such tag", 1)
    assert rows == {sick: 2, well: 1}
