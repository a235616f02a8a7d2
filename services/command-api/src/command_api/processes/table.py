"""Which event starts which process."""

from __future__ import annotations

from collections.abc import Mapping

from command_api.processes.follow_ups import follow_up_asked
from command_api.processes.links import linked, unlinked
from command_api.processes.merges import merged
from command_api.processes.splits import split_started
from command_api.processes.steps import Begin
from opsroom_common.log.port import LogRecord
from opsroom_domain.registry import KINDS

_OF_ALL_KINDS: Mapping[str, Begin] = {"linked": linked, "unlinked": unlinked}
_OF_INCIDENTS: Mapping[str, Begin] = {"merged": merged, "split_started": split_started, "follow_up_asked": follow_up_asked}
_TYPE = "ce_type"

PROCESSES: Mapping[str, Begin] = {
    **{f"opsroom.{kind.name}.{name}": begin for kind in KINDS.values() for name, begin in _OF_ALL_KINDS.items() if name in kind.events},
    **{f"opsroom.incident.{name}": begin for name, begin in _OF_INCIDENTS.items()},
}
"""By ``ce_type``."""


def process_of(record: LogRecord) -> Begin | None:
    """The process that a record of ``ops.events`` starts, or None: judged by its header alone, so that the others are not even decoded."""
    for name, value in record.headers:
        if name == _TYPE:
            return PROCESSES.get(value.decode("utf-8", "replace"))
    return None
