"""The shared events have one shape, whatever the kind."""

from pathlib import Path

import pytest

from opsroom_common.contracts.scaffold import MODEL, in_namespace, main, scaffold
from opsroom_domain.registry import KINDS
from opsroom_domain.shared.events import EVENTS

SCHEMAS = Path(__file__).parents[4] / "schemas"


@pytest.mark.parametrize("kind", KINDS)
def test_a_shared_event_has_the_same_schema_in_each_kind(kind: str) -> None:
    for name, cls in KINDS[kind].events.items():
        if EVENTS.get(name) is cls:
            model = (SCHEMAS / "events" / MODEL / f"{cls.__name__}.avsc").read_text("utf-8")
            assert (SCHEMAS / "events" / kind / f"{cls.__name__}.avsc").read_text("utf-8") == in_namespace(model, kind)


def test_what_is_missing_is_written_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "events" / MODEL
    folder.mkdir(parents=True)
    for cls in EVENTS.values():
        (folder / f"{cls.__name__}.avsc").write_text("{}")
    assert scaffold(tmp_path, MODEL) == ()


def test_an_unknown_kind_is_told_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["volcano"]) == 2
    assert "incident" in capsys.readouterr().err
