"""``python -m opsroom.settings_reference`` prints ``docs/reference/settings.md``, made from the settings classes; a test compares the two."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

import command_api.settings
import gateway_ws.settings
import projector.settings

SERVICES: tuple[tuple[str, type[BaseSettings]], ...] = (
    ("command-api", command_api.settings.Settings),
    ("projector", projector.settings.Settings),
    ("gateway-ws", gateway_ws.settings.Settings),
)

_HEAD = """# Settings

<!-- Made by `python -m opsroom.settings_reference` from the settings classes of the services. Change it there. -->

Everything is set by environment variables; there is no file of settings. A name says its unit, `S` seconds or `BYTES`, and `MAX` is a limit.
A service that lacks a value, or is given one that does not fit, ends at once with one line that names all of them. `make up` sets what has
no default. `opsroom all` reads the variables of all three services.
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable, in words."""

    variable: str
    readers: str
    default: str
    allowed: str
    meaning: str


# Tools read their variables one by one; a test demands that each is here, and that the ports are devstack's.
TOOLS: tuple[Setting, ...] = (
    Setting("OPSROOM_KAFKA_PORT", "devstack, opsctl", "`9392`", "1 to 65535", "The port of the development stack's Kafka."),
    Setting("OPSROOM_POSTGRES_PORT", "devstack, opsctl", "`5442`", "1 to 65535", "The port of its Postgres."),
    Setting("OPSROOM_REDIS_PORT", "devstack", "`6399`", "1 to 65535", "The port of its Redis."),
    Setting("OPSROOM_COMMAND_API_PORT", "devstack, the tutorial", "`8401`", "1 to 65535", "As above: `make up` starts the service there."),
    Setting("OPSROOM_GATEWAY_PORT", "devstack, the tutorial", "`8402`", "1 to 65535", "As above."),
    Setting("OPSROOM_PROJECTOR_PORT", "devstack", "`8403`", "1 to 65535", "As above."),
    Setting("OPSROOM_DEV_IDENTITY", "devstack", "`usr_dev:admin`", "text", "As above: `make up` gives it to the services."),
    Setting("OPSROOM_KAFKA", "opsctl, devstack topics", "the stack's, for opsctl", "text", "As above."),
    Setting("OPSROOM_POSTGRES", "opsctl", "the stack's", "text", "As above."),
    Setting("OPSROOM_LOG_LEVEL", "opsroom all", "`INFO`", "text", "As above."),
    Setting("OPSROOM_HOME", "devstack", "`.opsroom` in the clone", "path", "The data of `make up`."),
    Setting("OPSROOM_CACHE", "devstack", "`.cache` in the clone", "path", "What was downloaded and can be downloaded again."),
    Setting(
        "OPSROOM_TEST_SERVERS",
        "pytest",
        "not set",
        "path",
        "A file with addresses of running servers; `make test` sets it. Else tests start theirs.",
    ),
    Setting("GATEWAY_SEEDS", "tests of gateway-ws", "not set: 0 to 19", "numbers with commas", "The seeds that its random test runs."),
    Setting("HYPOTHESIS_PROFILE", "pytest", "`default`", "`default`, `deep`", "How long property tests look."),
    Setting("OPSCTL_DEBUG", "opsctl", "not set", "anything", "Adds the adapters' own logs, and the traceback of a fault."),
    Setting("NO_COLOR", "devstack, opsctl", "not set", "anything", "Switches colours off."),
    Setting("PYTHON", "make", "`python3`", "command", "What makes `.venv`."),
    Setting("JSON", "make bench-NAME", "not set", "path", "The benchmark writes its figures there too."),
    Setting("CHECK", "make bench-NAME", "not set", "`1`", "The benchmark fails when a figure misses its floor."),
    Setting("EVENTS", "make bench-projection", "`150000`", "number", "How many events are rebuilt."),
    Setting("ROWS", "make bench-queries", "`1000000`", "number", "How many entities there are."),
    Setting("ENTITIES", "make bench-time-travel", "`100000`", "number", "How many entities there are, with ten versions each."),
)


def page() -> str:
    """The whole page, in Markdown. Raises ValueError if a field has no meaning, or if services tell one variable differently."""
    own = {name: list(_own(name, settings)) for name, settings in SERVICES}
    shared = [setting for settings in own.values() for setting in settings if _is_shared(setting, own)]
    parts = [_HEAD, "## Shared by the services", "", *_table(list(_joined(shared)), readers=True), ""]
    for name, settings in own.items():
        rest = [setting for setting in settings if not _is_shared(setting, own)]
        parts += [f"## {name}", "", *_table(rest, readers=False), ""]
    parts += ["## Tools and tests", "", *_table(list(TOOLS), readers=True)]
    return "\n".join(parts) + "\n"


def _own(service: str, settings: type[BaseSettings]) -> Iterator[Setting]:
    prefix = settings.model_config.get("env_prefix", "")
    limits: dict[str, dict[str, Any]] = settings.model_json_schema(by_alias=False)["properties"]
    for name, field in settings.model_fields.items():
        alias = field.validation_alias
        variable = alias if isinstance(alias, str) else prefix + name.upper()
        if not field.description:
            raise ValueError(f"{service}: {name} has no meaning; write a docstring below the field")
        yield Setting(variable, service, _default(field), _allowed(limits[name]), " ".join(field.description.replace("``", "`").split()))


def _is_shared(setting: Setting, own: dict[str, list[Setting]]) -> bool:
    return sum(setting.variable == other.variable for settings in own.values() for other in settings) > 1


def _joined(settings: list[Setting]) -> Iterator[Setting]:
    by_name: dict[str, list[Setting]] = {}
    for setting in settings:
        by_name.setdefault(setting.variable, []).append(setting)
    for variable, told in by_name.items():
        if len({(each.default, each.allowed, each.meaning) for each in told}) > 1:
            raise ValueError(f"{variable} is told differently by {', '.join(each.readers for each in told)}; give it one meaning")
        first = told[0]
        yield Setting(variable, ", ".join(each.readers for each in told), first.default, first.allowed, first.meaning)


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    if field.default is None:
        return "not set"
    return f"`{field.default}`" if field.default != "" else "empty"


def _allowed(limits: dict[str, Any]) -> str:
    above, low, high = limits.get("exclusiveMinimum"), limits.get("minimum"), limits.get("maximum")
    if "exclusiveMaximum" in limits:
        raise ValueError(f"{limits['title']}: no words for an exclusive maximum yet; add them here")
    if above is None and low is None:
        return "JSON" if any(each.get("type") == "object" for each in limits.get("anyOf", ())) else "text"
    start = f"above {above:g}" if above is not None else f"{low}"
    if high is not None:
        return f"{start}, up to {high:g}" if above is not None else f"{start} to {high}"
    return start if above is not None else f"from {start}"


def _table(settings: list[Setting], *, readers: bool) -> Iterator[str]:
    yield "| variable | read by | default | allowed | meaning |" if readers else "| variable | default | allowed | meaning |"
    yield "|---|---|---|---|---|" if readers else "|---|---|---|---|"
    for each in settings:
        by = f" {each.readers} |" if readers else ""
        yield f"| `{each.variable}` |{by} {each.default} | {each.allowed} | {each.meaning.replace('|', chr(92) + '|')} |"


if __name__ == "__main__":
    print(page(), end="")
