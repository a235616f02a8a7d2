"""What can be asked of an incident."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from opsroom_domain.changes import Change
from opsroom_domain.entities.incident.events import SignalCopy
from opsroom_domain.entities.incident.template import DEFAULT_TEMPLATE
from opsroom_domain.entities.incident.words import Duty, Review, Severity, SignalStatus, Status, TakenWhy
from opsroom_domain.ids import ActorId, EntityId
from opsroom_domain.shared.commands import COMMANDS as SHARED_COMMANDS
from opsroom_domain.shared.commands import CommandBase, SharedCommand
from opsroom_domain.shared.state import LinkTo
from opsroom_domain.shared.words import Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class Open(CommandBase):
    incident_id: EntityId
    title: str
    description: str = ""
    severity: Severity = Severity.SEV3
    source: str = "person"
    labels: tuple[str, ...] = ()
    visibility: Visibility = Visibility.EVERYONE
    team: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge(CommandBase):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSeverity(CommandBase):
    seen: Severity
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeStatus(CommandBase):
    """Between acknowledged, investigating and mitigated; resolving and reopening have commands of their own."""

    seen: Status
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class AddNote(CommandBase):
    note_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge(CommandBase):
    into: EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOver(CommandBase):
    """Of a process: take what ``source`` has. ``links`` are its own; those to this incident are left out."""

    source: EntityId
    why: TakenWhy
    signals: tuple[SignalCopy, ...] = ()
    labels: tuple[str, ...] = ()
    watchers: tuple[ActorId, ...] = ()
    services: tuple[str, ...] = ()
    links: tuple[LinkTo, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteMerge(CommandBase):
    """Of a process: ``into`` has everything."""

    into: EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseMerge(CommandBase):
    """Of a process: ``into`` does not take it."""

    into: EntityId
    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Split(CommandBase):
    """Move signals to a new incident. ``into`` is its id, minted by the client."""

    into: EntityId
    title: str
    fingerprints: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSplit(CommandBase):
    """Of a process: open the incident that was split off ``source``. Asked again, it takes what it has not yet of the signals."""

    incident_id: EntityId
    source: EntityId
    title: str
    severity: Severity
    labels: tuple[str, ...]
    services: tuple[str, ...]
    visibility: Visibility
    viewers: tuple[ActorId, ...]
    team: str | None
    signals: tuple[SignalCopy, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteSplit(CommandBase):
    """Of a process: ``into`` has the signals, in these episodes."""

    into: EntityId
    signals: tuple[SignalCopy, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseSplit(CommandBase):
    """Of a process: ``into`` could not be opened."""

    into: EntityId
    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeServices(CommandBase):
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeDuty(CommandBase):
    """Give a duty to somebody, or to nobody."""

    duty: Duty
    seen: ActorId | None
    actor: ActorId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPostmortem(CommandBase):
    template: str = DEFAULT_TEMPLATE


@dataclass(frozen=True, slots=True, kw_only=True)
class EditPostmortem(CommandBase):
    """Change sections, each judged by the text that the editor saw."""

    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PickEvent(CommandBase):
    version: int
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpickEvent(CommandBase):
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AskFollowUp(CommandBase):
    """``task_id`` is derived from the command's id, so that a repeated command makes no second task."""

    task_id: EntityId
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleFollowUp(CommandBase):
    """Of a process: the task exists, or could not be made for ``reason``, if that is not empty."""

    task_id: EntityId
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskReview(CommandBase):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewPostmortem(CommandBase):
    verdict: Review
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalate(CommandBase):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolve(CommandBase):
    resolution: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen(CommandBase):
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSignal(CommandBase):
    """From ingest: opens the incident if it does not exist, attaches the signal, resolves when the last firing one resolves."""

    incident_id: EntityId
    fingerprint: str
    status: SignalStatus
    starts_at: datetime
    ends_at: datetime | None
    name: str
    summary: str
    severity: Severity
    source: str
    source_url: str
    labels: tuple[str, ...] = ()


PostmortemCommand: TypeAlias = StartPostmortem | EditPostmortem | PickEvent | UnpickEvent | AskFollowUp | AskReview | ReviewPostmortem
MovingCommand: TypeAlias = Merge | CompleteMerge | RefuseMerge | TakeOver | Split | OpenSplit | CompleteSplit | RefuseSplit
"""What moves things between two incidents."""

Command: TypeAlias = (
    SharedCommand
    | Open
    | Acknowledge
    | ChangeSeverity
    | ChangeStatus
    | AddNote
    | MovingCommand
    | Escalate
    | Resolve
    | Reopen
    | ReportSignal
    | ChangeServices
    | ChangeDuty
    | PostmortemCommand
    | SettleFollowUp
)
"""Every command of an incident."""

COMMANDS: Mapping[str, type[Command]] = {
    **SHARED_COMMANDS,
    "open": Open,
    "acknowledge": Acknowledge,
    "change_severity": ChangeSeverity,
    "change_status": ChangeStatus,
    "add_note": AddNote,
    "merge": Merge,
    "take_over": TakeOver,
    "complete_merge": CompleteMerge,
    "refuse_merge": RefuseMerge,
    "split": Split,
    "open_split": OpenSplit,
    "complete_split": CompleteSplit,
    "refuse_split": RefuseSplit,
    "change_services": ChangeServices,
    "change_duty": ChangeDuty,
    "start_postmortem": StartPostmortem,
    "edit_postmortem": EditPostmortem,
    "pick_event": PickEvent,
    "unpick_event": UnpickEvent,
    "ask_follow_up": AskFollowUp,
    "settle_follow_up": SettleFollowUp,
    "ask_review": AskReview,
    "review_postmortem": ReviewPostmortem,
    "escalate": Escalate,
    "resolve": Resolve,
    "reopen": Reopen,
    "report_signal": ReportSignal,
}
"""Name in logs, metrics and permissions -> class."""
PROCESS_ONLY = frozenset(
    {
        "take_over",
        "complete_merge",
        "refuse_merge",
        "open_split",
        "complete_split",
        "refuse_split",
        "settle_follow_up",
    }
)
"""Those of a process manager, beside the shared ones."""
