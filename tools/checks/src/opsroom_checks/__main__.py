"""``python -m opsroom_checks``."""

from opsroom_checks.main import run

run()
