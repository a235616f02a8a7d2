"""A signal stands in the log as it came, keyed by its fingerprint."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from opsroom_common.contracts.codec import Undecodable, Unencodable, decode, decode_signal, encode_signal
from opsroom_common.contracts.envelope import Envelope
from opsroom_common.contracts.signals import ALERTMANAGER_TYPE, AlertmanagerAlert, SignalRecord
from opsroom_common.log.port import LogRecord
from opsroom_domain.entities.incident import SignalStatus
from opsroom_domain.ids import ActorId

_NOW = datetime(2026, 11, 23, 10, 0, 0, 5, tzinfo=UTC)
_ENVELOPE = Envelope(
    id="019aaef2-d05c-7a3e-8c51-6f0e2b7d9a01", type=ALERTMANAGER_TYPE, source="/command-api", time=_NOW, actor=ActorId("svc_am")
)
_ALERT = AlertmanagerAlert(
    version="4",
    receiver="opsroom",
    group_key='{}:{alertname="TargetDown"}',
    external_url="http://127.0.0.1:9093",
    fingerprint="5f1c0a9be2d34c77",
    status=SignalStatus.FIRING,
    labels={"alertname": "TargetDown", "team": "Zoë's"},
    annotations={"summary": "The target does not answer"},
    starts_at=_NOW,
    ends_at=None,
    generator_url="http://127.0.0.1:9090/graph?g0.expr=up",
)


@pytest.mark.parametrize("alert", [_ALERT, replace(_ALERT, status=SignalStatus.RESOLVED, ends_at=_NOW, labels={}, annotations={})])
def test_an_alert_comes_back_equal(alert: AlertmanagerAlert, in_log: Callable[..., LogRecord]) -> None:
    raw = encode_signal(_ENVELOPE, alert)
    assert raw.key == b"5f1c0a9be2d34c77"
    assert decode_signal(in_log(raw, topic="ops.signals")) == SignalRecord(partition=3, offset=17, envelope=_ENVELOPE, alert=alert)


def test_no_label_lands_in_a_header() -> None:
    assert not [name for name, value in encode_signal(_ENVELOPE, _ALERT).headers if b"Zo" in value or b"TargetDown" in value]


@pytest.mark.parametrize(
    "alert",
    [replace(_ALERT, labels={"a": "nul\x00"}), replace(_ALERT, starts_at=_NOW.replace(tzinfo=None)), replace(_ALERT, labels={"a": 1})],
)
def test_what_would_come_back_different_is_not_written(alert: AlertmanagerAlert) -> None:
    with pytest.raises(Unencodable):
        encode_signal(_ENVELOPE, alert)


def test_what_is_no_alert_is_undecodable(in_log: Callable[..., LogRecord], opened_in_log: LogRecord) -> None:
    good = in_log(encode_signal(_ENVELOPE, _ALERT), topic="ops.signals")
    for broken in (
        opened_in_log,
        replace(good, key=None),
        replace(good, key=b"other"),
        replace(good, value=None),
        replace(good, headers=()),
    ):
        with pytest.raises(Undecodable) as caught:
            decode_signal(broken)
        assert caught.value.entity_id is None
    with pytest.raises(Undecodable):
        decode(good)
