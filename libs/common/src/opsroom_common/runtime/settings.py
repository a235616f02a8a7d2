"""Settings come from environment variables only; what does not fit is said in one line."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

_S = TypeVar("_S", bound=BaseSettings)


class SettingsInvalid(Exception):
    """Values are missing or wrong; the message names all of them."""


def load_settings(cls: type[_S]) -> _S:
    """Read ``cls`` from the environment. Raises SettingsInvalid."""
    try:
        return cls()
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors(include_url=False))
        raise SettingsInvalid(f"the settings do not fit: {wrong}; set these environment variables (make servers prints them)") from error
