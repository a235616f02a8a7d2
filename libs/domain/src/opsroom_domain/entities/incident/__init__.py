"""An incident: something is wrong, and people make it right.

Read in this order: ``words``, ``events``, ``commands``, ``state``, ``decide`` (the rules), ``signals``, ``evolve``, ``show``, ``describe``.
"""

from __future__ import annotations

from typing import Final

from opsroom_domain.decider import Kind
from opsroom_domain.entities.incident.commands import (
    COMMANDS,
    Acknowledge,
    AddNote,
    ChangeSeverity,
    ChangeStatus,
    Command,
    Escalate,
    Merge,
    Open,
    Reopen,
    ReportSignal,
    Resolve,
)
from opsroom_domain.entities.incident.decide import PREFIX, decide
from opsroom_domain.entities.incident.describe import describe
from opsroom_domain.entities.incident.events import (
    EVENTS,
    Acknowledged,
    Escalated,
    Event,
    Merged,
    Noted,
    Opened,
    Reopened,
    Resolved,
    SeverityChanged,
    SignalAttached,
    StatusChanged,
)
from opsroom_domain.entities.incident.evolve import evolve
from opsroom_domain.entities.incident.show import columns, from_json, tags, to_json
from opsroom_domain.entities.incident.state import LIVE, Incident, NoteSeen, Signal
from opsroom_domain.entities.incident.words import Severity, SignalStatus, Status
from opsroom_domain.shared.commands import (
    AddComment,
    Assign,
    ChangeLabels,
    ChangeTeam,
    ChangeVisibility,
    ChangeWatchers,
    CommandBase,
    DeleteComment,
    Edit,
    EditComment,
    Link,
    Unlink,
)
from opsroom_domain.shared.events import (
    Assigned,
    CommentAdded,
    CommentDeleted,
    CommentEdited,
    Edited,
    EventBase,
    LabelsChanged,
    Linked,
    TeamChanged,
    Unlinked,
    VisibilityChanged,
    WatchersChanged,
)
from opsroom_domain.shared.state import FieldChange, LinkTo
from opsroom_domain.shared.words import Visibility

INCIDENT: Final[Kind[Incident, Command, Event]] = Kind(
    name="incident",
    collection="incidents",
    prefix=PREFIX,
    events=EVENTS,
    commands=COMMANDS,
    decide=decide,
    evolve=evolve,
    to_json=to_json,
    from_json=from_json,
    tags=tags,
    columns=columns,
    describe=describe,
    fold_version=2,
)

__all__ = [
    "COMMANDS",
    "EVENTS",
    "INCIDENT",
    "LIVE",
    "PREFIX",
    "Acknowledge",
    "Acknowledged",
    "AddComment",
    "AddNote",
    "Assign",
    "Assigned",
    "ChangeLabels",
    "ChangeSeverity",
    "ChangeStatus",
    "ChangeTeam",
    "ChangeVisibility",
    "ChangeWatchers",
    "Command",
    "CommandBase",
    "CommentAdded",
    "CommentDeleted",
    "CommentEdited",
    "DeleteComment",
    "Edit",
    "EditComment",
    "Edited",
    "Escalate",
    "Escalated",
    "Event",
    "EventBase",
    "FieldChange",
    "Incident",
    "LabelsChanged",
    "Link",
    "LinkTo",
    "Linked",
    "Merge",
    "Merged",
    "NoteSeen",
    "Noted",
    "Open",
    "Opened",
    "Reopen",
    "Reopened",
    "ReportSignal",
    "Resolve",
    "Resolved",
    "Severity",
    "SeverityChanged",
    "Signal",
    "SignalAttached",
    "SignalStatus",
    "Status",
    "StatusChanged",
    "TeamChanged",
    "Unlink",
    "Unlinked",
    "Visibility",
    "VisibilityChanged",
    "WatchersChanged",
    "columns",
    "decide",
    "describe",
    "evolve",
    "from_json",
    "tags",
    "to_json",
]
