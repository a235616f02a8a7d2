"""The settings of command-api: everything that may differ between two sites. Environment variables only."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from opsroom_domain.entities.incident import Severity


class Settings(BaseSettings):
    """``OPSROOM_COMMAND_API_*`` is this service's own; ``OPSROOM_KAFKA``, ``OPSROOM_POSTGRES``, ``OPSROOM_LOG_LEVEL`` and
    ``OPSROOM_DEV_IDENTITY`` are common to all services.
    """

    model_config = SettingsConfigDict(env_prefix="OPSROOM_COMMAND_API_", extra="ignore", frozen=True, populate_by_name=True)

    kafka: str = Field(validation_alias="OPSROOM_KAFKA", description="host:port, several with commas")
    postgres: str = Field(validation_alias="OPSROOM_POSTGRES", description="postgresql:// address of the read model", repr=False)
    log_level: str = Field(default="INFO", validation_alias="OPSROOM_LOG_LEVEL")
    dev_identity: str | None = Field(
        default=None, validation_alias="OPSROOM_DEV_IDENTITY", description="ACTOR:ROLE of everyone; local development only"
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8401, ge=0, le=65535)
    url: str | None = Field(default=None, description="where other replicas reach this one; by default http://HOST:PORT")
    replica: str = Field(default="command-api", description="name of this replica in fences and logs")
    command_deadline_s: float = Field(default=10.0, gt=0, le=60)
    body_bytes_max: int = Field(default=64 * 1024, ge=1024)
    webhook_bytes_max: int = Field(default=4 * 1024 * 1024, ge=1024)
    commands_per_second: float = Field(default=10_000.0, gt=0, description="of one actor, sustained")
    commands_burst: float = Field(default=10_000.0, ge=1, description="of one actor, at once")
    severities: dict[str, Severity] | None = Field(
        default=None, description='JSON, replaces the table of the label "severity", e.g. {"critical": "sev1"}'
    )
    stall_after_s: float = Field(default=30.0, gt=0, description="a consumer with lag that stands still so long is unhealthy")
