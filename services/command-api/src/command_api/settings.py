"""The settings of command-api: everything that may differ between two sites. Environment variables only."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from opsroom_domain.entities.incident import Severity

_SECRET = re.compile(r"[!-~]{16,}")


class Settings(BaseSettings):
    """``OPSROOM_COMMAND_API_*`` is this service's own; ``OPSROOM_KAFKA``, ``OPSROOM_POSTGRES``, ``OPSROOM_LOG_LEVEL`` and
    ``OPSROOM_DEV_IDENTITY`` are common to all services.
    """

    model_config = SettingsConfigDict(env_prefix="OPSROOM_COMMAND_API_", extra="ignore", frozen=True, populate_by_name=True)

    kafka: str = Field(validation_alias="OPSROOM_KAFKA", description="Kafka's brokers: ``host:port``, several with commas.")
    postgres: str = Field(
        validation_alias="OPSROOM_POSTGRES", description="The primary's ``postgresql://`` address. It may hold a password.", repr=False
    )
    log_level: str = Field(
        default="INFO", validation_alias="OPSROOM_LOG_LEVEL", description="``DEBUG``, ``INFO``, ``WARNING`` or ``ERROR``."
    )
    dev_identity: str | None = Field(
        default=None,
        validation_alias="OPSROOM_DEV_IDENTITY",
        description="``ACTOR:ROLE`` of everyone, like ``usr_dev:admin``; local development only. "
        "The service refuses to start with it unless it listens on loopback.",
    )

    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(default=8401, ge=0, le=65535, description="The port to listen on; 0 takes a free one.")
    url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/\s]+(/[^/\s]+)*$",
        description="Where other replicas reach this one, without a slash at the end. Not set: ``http://HOST:PORT``.",
    )
    replica: str = Field(default="command-api", description="This replica's name in fences, in ``ops.control`` and in logs: each its own.")
    ownership: Literal["group", "all"] = Field(
        default="group",
        description="``group``: the replicas share the partitions. ``all``: this one owns every partition and asks nobody; for one replica alone.",
    )
    session_timeout_s: float = Field(
        default=6.0, ge=1, le=300, description="How long a killed replica keeps its partitions before the others take them over."
    )
    peer_secret: SecretStr | None = Field(
        default=None,
        description="The same for all replicas, and theirs alone: with it a replica forwards a command to the partition's owner. "
        "Not set: such a command is told 503.",
    )
    command_deadline_s: float = Field(
        default=10.0, gt=0, le=60, description="A command that is not decided by then is dropped and told so: 503, nothing was changed."
    )
    body_bytes_max: int = Field(default=64 * 1024, ge=1024, description="The body of a command; beyond it 413.")
    batch_bytes_max: int = Field(default=1024 * 1024, ge=1024, description="The body of a batch of commands; beyond it 413.")
    webhook_bytes_max: int = Field(default=4 * 1024 * 1024, ge=1024, description="The body of a webhook; beyond it 413.")
    state_bytes_max: int = Field(
        default=256 * 1024 * 1024,
        ge=1024 * 1024,
        description="Memory for entities, estimated, over all partitions of this replica. What does not fit is read again when it is wanted: "
        "from the rows, and while Postgres is away from the log, which is slow.",
    )
    commands_per_second: float = Field(default=10_000.0, gt=0, description="Commands of one actor, sustained; beyond it 429.")
    commands_burst: float = Field(default=10_000.0, ge=1, description="Commands of one actor, at once.")
    severities: dict[str, Severity] | None = Field(
        default=None,
        description='JSON; replaces the table from the label "severity" to ours, e.g. ``{"critical": "sev1"}``. Not set: the built-in one.',
    )
    stall_after_s: float = Field(default=30.0, gt=0, description="Lag without progress for this long makes ``/healthz`` unhealthy.")

    @field_validator("peer_secret")
    @classmethod
    def _fits_a_header(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and not _SECRET.fullmatch(secret.get_secret_value()):
            raise ValueError("16 or more printable ASCII characters, no blanks and no line end: it travels in a header")
        return secret
