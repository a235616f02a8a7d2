"""Alertmanager's webhook, version 4, as Alertmanager writes it. It is somebody else's format: fields that we do not know are left alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from opsroom_common.contracts.signals import AlertmanagerAlert
from opsroom_domain.entities.incident import SignalStatus

SUPPORTED_VERSION = "4"
ALERTS_MAX = 10_000
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 12, 31, tzinfo=UTC)
"""Later in another zone may be the year 10000 in UTC, which nothing here can hold."""


def _with_zone(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("must say its time zone, like 2026-11-22T12:00:00Z")
    if at > _LATEST:
        raise ValueError("must be before the last day of 9999")
    return at


def _real(at: datetime) -> datetime:
    if _with_zone(at) < _EARLIEST:
        raise ValueError("must be after 1970")
    return at


_Instant = Annotated[datetime, AfterValidator(_with_zone)]
_Fingerprint = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,200}$")]
_Text = Annotated[str, StringConstraints(max_length=100_000)]


class _Theirs(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class WebhookAlert(_Theirs):
    status: Literal["firing", "resolved"]
    labels: dict[str, _Text]
    annotations: dict[str, _Text] = Field(default_factory=dict)
    starts_at: Annotated[datetime, AfterValidator(_real)] = Field(alias="startsAt")
    ends_at: _Instant | None = Field(default=None, alias="endsAt", description="The year 1 while it fires.")
    generator_url: _Text = Field(default="", alias="generatorURL")
    fingerprint: _Fingerprint


class AlertmanagerWebhook(_Theirs):
    """What Alertmanager POSTs (prometheus.io/docs/alerting/latest/configuration, "webhook_config")."""

    version: Literal["4"]
    group_key: _Text = Field(alias="groupKey")
    truncated_alerts: int = Field(default=0, ge=0, alias="truncatedAlerts")
    status: Literal["firing", "resolved"]
    receiver: _Text
    external_url: _Text = Field(default="", alias="externalURL")
    alerts: list[WebhookAlert] = Field(max_length=ALERTS_MAX)


def alerts_of(webhook: AlertmanagerWebhook) -> list[AlertmanagerAlert]:
    """Each alert with what its group says, in the webhook's order."""
    return [
        AlertmanagerAlert(
            version=webhook.version,
            receiver=webhook.receiver,
            group_key=webhook.group_key,
            external_url=webhook.external_url,
            fingerprint=alert.fingerprint,
            status=SignalStatus(alert.status),
            labels=alert.labels,
            annotations=alert.annotations,
            starts_at=alert.starts_at.astimezone(UTC),
            ends_at=_end(alert),
            generator_url=alert.generator_url,
        )
        for alert in webhook.alerts
    ]


def _end(alert: WebhookAlert) -> datetime | None:
    """While an alert fires, Alertmanager writes the year 1, or the time when it would give it up: neither is an end."""
    if alert.status == "firing" or alert.ends_at is None or alert.ends_at < _EARLIEST:
        return None
    return alert.ends_at.astimezone(UTC)
