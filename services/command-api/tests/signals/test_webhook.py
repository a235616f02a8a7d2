"""202 means that every alert is in the log; anything else means that Alertmanager should send again, or says what is wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from opsroom_common.contracts.codec import decode_signal
from opsroom_common.contracts.signals import AlertmanagerAlert
from opsroom_common.log.port import RawRecord, TooLarge, Unavailable
from opsroom_domain.entities.incident import SignalStatus

from ..house import WEBHOOK_MAX, House, fields, house, is_problem
from .webhooks import alert, at, webhook

PATH = "/v1/signals/alertmanager"


@pytest.fixture
async def room() -> AsyncIterator[House]:
    async with house() as h:
        yield h


def taken(room: House) -> list[AlertmanagerAlert]:
    return [decode_signal(record).alert for p in range(room.signals.partitions) for record in room.signals.records(p)]


async def test_every_alert_of_the_webhook_is_in_the_log_before_the_202(room: House) -> None:
    sent = webhook(alert("f1"), alert("f2", 1, 5), alert("f3"))
    answer = await room.http.post(PATH, json=sent)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 3})
    found = {a.fingerprint: a for a in taken(room)}
    assert set(found) == {"f1", "f2", "f3"}
    assert (found["f1"].status, found["f1"].starts_at, found["f1"].ends_at) == (SignalStatus.FIRING, at(0), None)
    assert (found["f2"].status, found["f2"].ends_at) == (SignalStatus.RESOLVED, at(5))
    assert found["f1"].labels["instance"] == "db-1:9100"
    assert found["f1"].group_key == '{}:{alertname="DiskFull"}'


async def test_no_idempotency_key_is_asked_of_alertmanager_and_no_command_is_made(room: House) -> None:
    await room.http.post(PATH, json=webhook(alert()))
    assert room.events() == []


async def test_unknown_fields_of_their_format_are_left_alone(room: House) -> None:
    sent = webhook(alert() | {"new": {"a": 1}}) | {"newField": [1, 2], "notificationReason": "x"}
    assert (await room.http.post(PATH, json=sent)).status_code == 202


async def test_a_webhook_without_alerts_is_fine(room: House) -> None:
    assert (await room.http.post(PATH, json=webhook())).json() == {"accepted": 0}


@pytest.mark.parametrize("version", ["3", "5", ""])
async def test_another_version_is_422_and_says_what_is_supported(room: House, version: str) -> None:
    body = is_problem(await room.http.post(PATH, json=webhook(alert(), version=version)), 422, "webhook-version")
    assert body["supported"] == ["4"]
    assert taken(room) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"version": 4}, "version"),
        ({"version": None}, "version"),
        ({"alerts": {}}, "alerts"),
        ({"alerts": [alert() | {"labels": {"a": 1}}]}, "alerts[0].labels.a"),
        ({"alerts": [alert(), alert() | {"startsAt": "yesterday"}]}, "alerts[1].startsAt"),
        ({"alerts": [alert() | {"startsAt": 5}]}, "alerts[0].startsAt"),
        ({"alerts": [alert() | {"startsAt": "2026-11-22T11:00:00"}]}, "alerts[0].startsAt"),
        ({"alerts": [alert() | {"startsAt": "0001-01-01T00:00:00+14:00"}]}, "alerts[0].startsAt"),
        ({"alerts": [alert() | {"startsAt": "9999-12-31T23:59:59-14:00"}]}, "alerts[0].startsAt"),
        ({"alerts": [alert("f1", 1, 5) | {"endsAt": "9999-12-31T23:59:59-14:00"}]}, "alerts[0].endsAt"),
        ({"alerts": [alert() | {"fingerprint": ""}]}, "alerts[0].fingerprint"),
        ({"alerts": [alert() | {"status": "broken"}]}, "alerts[0].status"),
        ({"groupKey": 5}, "groupKey"),
    ],
)
async def test_wrong_types_are_400_and_named_and_nothing_is_taken(room: House, change: dict[str, Any], field: str) -> None:
    answer = await room.http.post(PATH, json=webhook(alert()) | change)
    assert fields(is_problem(answer, 400, "invalid-request")) == [field]
    assert taken(room) == []


async def test_what_is_no_json_or_too_large_is_refused(room: House) -> None:
    headers = {"content-type": "application/json"}
    is_problem(await room.http.post(PATH, content=b"{", headers=headers), 400, "malformed-json")
    is_problem(await room.http.post(PATH, content=b" " * (WEBHOOK_MAX + 1), headers=headers), 413, "body-too-large")
    is_problem(await room.http.post(PATH, content=b"[]", headers=headers), 400, "invalid-request")


async def test_a_viewer_may_not_send_signals(room: House) -> None:
    is_problem(await room.http.post(PATH, json=webhook(alert()), headers={"X-Dev-Role": "viewer"}), 403, "role-missing")


class FailingTopic:
    def __init__(self, error: Exception) -> None:
        self._error = error

    async def append(self, records: Sequence[RawRecord]) -> None:
        raise self._error

    async def close(self) -> None:
        pass


async def test_without_the_ack_of_the_log_it_is_503_and_alertmanager_sends_again() -> None:
    async with house(signals=FailingTopic(Unavailable("no ack"))) as room:
        answer = await room.http.post(PATH, json=webhook(alert()))
        is_problem(answer, 503, "signals-unavailable")
        assert answer.headers["retry-after"] == "1"


async def test_an_alert_above_a_batch_is_413() -> None:
    async with house(signals=FailingTopic(TooLarge("1 MB"))) as room:
        is_problem(await room.http.post(PATH, json=webhook(alert())), 413, "signal-too-large")


async def test_alerts_that_alertmanager_left_out_are_counted(room: House) -> None:
    await room.http.post(PATH, json=webhook(alert()) | {"truncatedAlerts": 7})
    assert 'opsroom_signals_cut_total{source="alertmanager"} 7.0' in (await room.http.get("/metrics")).text
