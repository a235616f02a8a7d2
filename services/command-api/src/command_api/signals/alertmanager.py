"""The door for Alertmanager: 202 once every alert of the webhook is in ``ops.signals``, on all replicas in sync; else 503, and it retries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

import orjson
from starlette.requests import Request
from starlette.responses import Response

from command_api.signals.metrics import SIGNALS_CUT, SIGNALS_TAKEN
from command_api.signals.webhook import SUPPORTED_VERSION, AlertmanagerWebhook, alerts_of
from opsroom_common.auth.identity import Identities
from opsroom_common.contracts.codec import Unencodable, encode_signal
from opsroom_common.contracts.envelope import Envelope
from opsroom_common.contracts.signals import ALERTMANAGER_TYPE, AlertmanagerAlert
from opsroom_common.http.json import checked, json_response, read_json
from opsroom_common.http.problems import Problem, problem
from opsroom_common.log.port import RawRecord, TooLarge, Unavailable
from opsroom_common.log.topic import TopicWriter
from opsroom_common.runtime.clock import Clock
from opsroom_common.runtime.ids import Ids
from opsroom_common.runtime.logging import get_logger
from opsroom_common.runtime.metrics import Metrics
from opsroom_common.runtime.telemetry import TRACEPARENT, Telemetry, inject
from opsroom_domain.permissions import able, allowed

PATH = "/v1/signals/alertmanager"
SOURCE = "/command-api"
_log = get_logger("signals.alertmanager")


@dataclass(frozen=True, slots=True)
class Ports:
    signals: TopicWriter
    identities: Identities
    clock: Clock
    ids: Ids
    telemetry: Telemetry
    metrics: Metrics


def handler(ports: Ports) -> Callable[[Request], Awaitable[Response]]:
    """The request handler of PATH."""
    taken = ports.metrics.counter(SIGNALS_TAKEN).labels("alertmanager")
    cut = ports.metrics.counter(SIGNALS_CUT).labels("alertmanager")

    async def take_webhook(request: Request) -> Response:
        _check_sender(ports.identities, request)
        body, _ = await read_json(request, request.headers.get("content-type"))
        _check_version(body)
        webhook = checked(AlertmanagerWebhook, body)
        if webhook.truncated_alerts:
            cut.inc(webhook.truncated_alerts)
            _log.warning("Alertmanager left alerts out; raise max_alerts in its webhook_config", left_out=webhook.truncated_alerts)
        with ports.telemetry.span("take webhook", request.headers.get(TRACEPARENT)):
            records = [_record(alert, ports) for alert in alerts_of(webhook)]
            await _append(ports.signals, records)
        taken.inc(len(records))
        return json_response({"accepted": len(records)}, 202)

    return take_webhook


def _check_sender(identities: Identities, request: Request) -> None:
    who = identities.of(request.headers)
    if not allowed(who.role, "incident", "report_signal"):
        roles = able("incident", "report_signal")
        detail = f"{who.actor} is {who.role}; this needs the role {' or '.join(roles)}: ask an admin for it"
        raise problem(403, "role-missing", "Your role does not allow it", detail, roles=roles)


def _check_version(body: bytes) -> None:
    webhook: object = orjson.loads(body)
    version = cast("dict[str, object]", webhook).get("version") if isinstance(webhook, dict) else None
    if isinstance(version, str) and version != SUPPORTED_VERSION:
        detail = f"the webhook says version {version[:20]!r}; this door takes version {SUPPORTED_VERSION}, as Alertmanager 0.16 and later send it"
        raise problem(422, "webhook-version", "This webhook version is not supported", detail, supported=[SUPPORTED_VERSION])


def _record(alert: AlertmanagerAlert, ports: Ports) -> RawRecord:
    envelope = Envelope(id=ports.ids.uuid7(), type=ALERTMANAGER_TYPE, source=SOURCE, time=ports.clock.now(), traceparent=inject())
    try:
        return encode_signal(envelope, alert)
    except Unencodable as error:
        raise problem(400, "invalid-request", "An alert cannot be kept", f"{error}; correct the alert's rule") from error


async def _append(signals: TopicWriter, records: list[RawRecord]) -> None:
    if not records:
        return
    try:
        await signals.append(records)
    except TooLarge as error:
        raise problem(413, "signal-too-large", "An alert is too large", f"{error}; shorten its annotations") from error
    except Unavailable as error:
        _log.warning("webhook not taken", reason=str(error))
        raise _away() from error


def _away() -> Problem:
    detail = "the alerts are not safely in the log; send the webhook again (Alertmanager does): a repeated alert changes nothing"
    return problem(503, "signals-unavailable", "Not now", detail, headers={"Retry-After": "1"})
