"""The page of settings is made of the settings classes, and no program reads a variable that is not on it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import Field
from pydantic_settings import BaseSettings

from devstack.table import SERVER_PORTS, SERVICES
from opsroom import settings_reference
from opsroom.settings_reference import TOOLS, page

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "reference" / "settings.md"
PREFIXES = {"OPSROOM_COMMAND_API_", "OPSROOM_PROJECTOR_", "OPSROOM_GATEWAY_", "OPSROOM_"}
_VARIABLE = re.compile(r"\b(?:OPSROOM|OPSCTL)_[A-Z_]+|(?<=environ\.get\(\")\w+|(?<=environ\[\")\w+")
SOURCES = (
    "libs/*/src/**/*.py",
    "services/*/src/**/*.py",
    "services/*/tests/**/*.py",
    "tools/*/src/**/*.py",
    "docs/**/*.py",
    "bench/*.py",
    "conftest.py",
)


def test_the_page_is_made_of_the_settings_classes() -> None:
    assert PAGE.read_text("utf-8") == page(), "write it anew: python -m opsroom.settings_reference > docs/reference/settings.md"


def test_every_variable_that_is_read_anywhere_is_on_the_page() -> None:
    named = set(re.findall(r"^\| `(\w+)` \|", page(), re.MULTILINE))
    files = {path for pattern in SOURCES for path in ROOT.glob(pattern)} - {Path(settings_reference.__file__)}
    read = {word: path for path in files for word in _VARIABLE.findall(path.read_text("utf-8"))}
    ours = {word: path for word, path in read.items() if word not in PREFIXES | {"HOME", "PATH", "PGOPTIONS"}}
    assert len(ours) > 15
    assert {word: str(path) for word, path in ours.items() if word not in named} == {}


def test_the_ports_of_the_tools_are_the_stacks() -> None:
    told = {setting.variable: setting.default for setting in TOOLS}
    for port in (*SERVER_PORTS, *(service.port for service in SERVICES)):
        assert told[port.variable] == f"`{port.default}`"


class NoMeaning(BaseSettings):
    depth: int = Field(default=1, ge=1)


class OneMeaning(BaseSettings):
    kafka: str = Field(validation_alias="OPSROOM_KAFKA", description="Another meaning.")


@pytest.mark.parametrize(("settings", "words"), [(NoMeaning, "depth has no meaning"), (OneMeaning, "OPSROOM_KAFKA is told differently")])
def test_a_setting_without_a_meaning_or_with_two_is_refused(
    monkeypatch: pytest.MonkeyPatch, settings: type[BaseSettings], words: str
) -> None:
    monkeypatch.setattr(settings_reference, "SERVICES", (*settings_reference.SERVICES, ("other", settings)))
    with pytest.raises(ValueError, match=words):
        page()
