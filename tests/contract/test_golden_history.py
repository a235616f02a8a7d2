"""Golden histories are what old logs hold: they replay for ever, to the rows that were agreed."""

import importlib.util
import json
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import pytest

from opsroom_common.contracts.avro import installed_catalogue
from opsroom_common.contracts.codec import Undecodable, decode
from opsroom_common.contracts.envelope import DomainRecord, Fence, Mark
from opsroom_common.log.fencing import TermFilter
from opsroom_common.log.port import Checkpoint, RecordClass


def _make_golden() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_golden", Path(__file__).with_name("make_golden.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make_golden = _make_golden()
# The digest of each history's records. It is written here by hand, once: a history that changes is no history.
_HISTORIES = {
    "archive-v2": "b41dfc84f505cc2bc68afdd341d88010dc6efdd61d3cf5b0f94afca641d6dd4e",
    "links-v2": "3b78265a8ed893a36890a16a333167d8feeeade31a4d792e69297cd42acd1376",
    "archive-v1": "88455b1120a2556be4e0cf96fce336ce3f716415b8df6070f75806434724484e",
    "history-v1": "48e971491f4fb3d5a60408ba739a4a43311add38c192bf1f062f0b1c10d1b985",
    "history-v2": "0724dd23720c5cc51a4f7314d04ae566efb5376a3730358fa7562698e1524e1d",
    "history-skips-v1": "97757128a8667eaa456b829536c4138f5fd3b08a2abb004a168b2467b342e5f8",
    "history-v3": "fcab6d77ee6e088298edde2c9c4200e028847cc888e0060a70bf2a5365e7aa2e",
    "task-v1": "d6ac1b70fbec4f05a72e50f7018b90048e01186323ca2ba7d888408ad86f0c04",
    "dependencies-v1": "3566131139595c7d832dc9c1cbc4e512777e9890f292b9b2c3246850a0248aaf",
    "ticket-v1": "d644336765e5611cd1c59a5878bd928080b63335d2783362aa2ab6a46ce68e49",
    "policy-v1": "be7ccde32bdaa344257cbdd622db8aa752335e3216804eaf70f99eebeff61079",
    "auction-v1": "5798ac0c2fc3b3b77707fe9f34fd785cd425306d6d1168ada3ad6e06ada61601",
    "organisation-v1": "b8cd4e9a9d2512485d50ad25d507ea7e1364e6b354f1fb3dabc344794fbe68e7",
    "links-v1": "94f2c9c744ee3cf7394df89e8b9d5e73e1790a031ee8db9a293451b9cf4b103d",
    "view-v1": "78f8d643f3686abba561e35c7f33abca6dedc57b25eeb76eef806af6ae179f88",
}
_each = pytest.mark.parametrize("name", _HISTORIES)


@_each
def test_the_records_are_what_they_were(name: str) -> None:
    file = make_golden.GOLDEN / f"{name}.jsonl"
    assert sha256(file.read_bytes()).hexdigest() == _HISTORIES[name], f"{file} was changed; restore it, and make a new history instead"


@_each
def test_a_golden_history_replays_to_the_same_rows(name: str) -> None:
    expected = json.loads((make_golden.GOLDEN / f"{name}.rows.json").read_text("utf-8"))
    assert make_golden.replayed(make_golden.read_history(make_golden.GOLDEN / f"{name}.jsonl")) == expected, (
        f"the rows differ; if a row is meant to show something else now, run make_golden.py {name} --rows and look at the difference"
    )


def test_every_history_is_pinned_and_has_its_rows() -> None:
    assert {file.stem for file in make_golden.GOLDEN.glob("*.jsonl")} == set(_HISTORIES)
    assert {file.name for file in make_golden.GOLDEN.iterdir()} == {
        f"{name}{end}" for name in _HISTORIES for end in (".jsonl", ".rows.json")
    }


def test_every_published_version_of_ops_events_stands_in_a_history() -> None:
    """Publish a new version, and this asks for a history that holds it."""
    held: set[str] = set()
    for name in _HISTORIES:
        held |= {
            dict(record.headers)["avro-fingerprint"].decode() for record in make_golden.read_history(make_golden.GOLDEN / f"{name}.jsonl")
        }
    published = {key: schema.path[0] for key, schema in installed_catalogue().published.items()}
    missing = sorted(name for (name, fingerprint), folder in published.items() if folder in {"events", "log"} and fingerprint not in held)
    assert not missing, f"add a golden history with {missing}: extend tests/contract/make_golden.py and give it the next name"


def test_the_first_history_holds_every_class_of_record() -> None:
    history = make_golden.read_history(make_golden.GOLDEN / "history-v1.jsonl")
    filter_ = TermFilter(Checkpoint())
    assert {filter_.classify(record).what for record in history} == set(RecordClass)
    assert {type(decode(record)) for record in history} == {DomainRecord, Fence, Mark}


def test_an_existing_history_is_never_made_anew(capsys: pytest.CaptureFixture[str]) -> None:
    before = (make_golden.GOLDEN / "history-v1.jsonl").read_bytes()
    assert make_golden.main(["history-v1"]) == 1
    assert "for ever" in capsys.readouterr().err
    assert (make_golden.GOLDEN / "history-v1.jsonl").read_bytes() == before


def test_without_its_upcast_the_history_would_not_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    """The golden file does need what it is there to guard."""
    from opsroom_common.contracts import codec, forms

    history = make_golden.read_history(make_golden.GOLDEN / "history-v1.jsonl")
    plain = forms.Form
    monkeypatch.setattr(codec, "Form", lambda *arguments: plain(*arguments, upcasts=()))
    codec._forms.cache_clear()
    try:
        with pytest.raises(Undecodable, match="Avro"):
            make_golden.replayed(history)
    finally:
        codec._forms.cache_clear()
