"""A record of an old shape comes back in today's, and no one else needs to know."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from opsroom_common.contracts.avro import Catalogue, encode, installed_catalogue, read_schema
from opsroom_common.contracts.codec import decode, encode_event
from opsroom_common.contracts.envelope import DomainRecord, Envelope
from opsroom_common.contracts.forms import Form
from opsroom_common.contracts.upcast import UPCASTS, ChainBroken, Upcast, chain
from opsroom_common.log.port import LogRecord
from opsroom_domain.entities.incident import Escalated
from opsroom_domain.ids import ActorId

_V0 = "9f3ff96832bc9b61"
_NAME = "opsroom.incident.Escalated"


@pytest.fixture
def escalated() -> Escalated:
    return Escalated(at=datetime.fromisoformat("2026-11-23T10:00:00Z"), by=ActorId("usr_1"), level=2, reason="No answer")


def test_an_escalation_from_before_reasons_has_an_empty_one(
    escalated: Escalated, envelope_of: Callable[..., Envelope], in_log: Callable[..., LogRecord]
) -> None:
    raw = encode_event(envelope_of(escalated), "incident", escalated)
    old = replace(
        raw,
        value=encode(installed_catalogue().published[_NAME, _V0], {"level": 2}),
        headers=tuple((name, _V0.encode() if name == "avro-fingerprint" else value) for name, value in raw.headers),
    )
    record = decode(in_log(old))
    assert isinstance(record, DomainRecord)
    assert record.event == replace(escalated, reason="")


def test_every_step_leads_from_a_published_version_to_another() -> None:
    catalogue = installed_catalogue()
    for step in UPCASTS:
        assert (step.name, step.since) in catalogue.published
        assert (step.name, step.to) in catalogue.published


def _version(*names: str, default: str = "") -> str:
    listed = ", ".join(f'{{"name": "{name}", "type": "string"{default if name == "more" else ""}}}' for name in names)
    return f'{{"type": "record", "name": "Thing", "namespace": "opsroom.test", "fields": [{listed}]}}'


def test_steps_are_chained_and_avro_does_the_rest() -> None:
    """Three shapes old: two steps, and a last difference that a default resolves."""
    path = ("events", "test", "Thing")
    one, two, three, four = (
        read_schema(text, path)
        for text in (_version("a"), _version("b"), _version("c"), _version("c", "more", default=', "default": "from Avro"'))
    )
    catalogue = Catalogue({four.name: four}, {(schema.name, schema.fingerprint): schema for schema in (one, two, three, four)})
    steps = (
        Upcast(one.name, one.fingerprint, two.fingerprint, lambda values: {"b": values["a"] + "b"}),
        Upcast(one.name, two.fingerprint, three.fingerprint, lambda values: {"c": values["b"] + "c"}),
    )
    form = Form("opsroom.test.thing", Escalated, four.name, catalogue, upcasts=steps)
    expected = {"c": "abc", "more": "from Avro"}
    assert form.read(one.fingerprint.encode(), encode(one, {"a": "a"})) == expected
    assert form.read(three.fingerprint.encode(), encode(three, {"c": "abc"})) == expected
    assert form.read(four.fingerprint.encode(), encode(four, expected)) == expected


def test_a_chain_that_forks_or_goes_round_is_refused() -> None:
    def same(values: dict[str, object]) -> dict[str, object]:
        return values

    assert chain("x", "1", ()) == ()
    with pytest.raises(ChainBroken):
        chain("x", "1", (Upcast("x", "1", "2", same), Upcast("x", "2", "1", same)))
    with pytest.raises(ChainBroken):
        chain("x", "1", (Upcast("x", "1", "2", same), Upcast("x", "1", "3", same)))
