"""Two incidents through their whole lives, one event of each kind at least."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from opsroom_domain.changes import Change
from opsroom_domain.entities.incident import (
    Acknowledge,
    AddComment,
    AddNote,
    Assign,
    ChangeLabels,
    ChangeSeverity,
    ChangeStatus,
    ChangeTeam,
    ChangeVisibility,
    ChangeWatchers,
    DeleteComment,
    Edit,
    EditComment,
    Escalate,
    Link,
    Merge,
    Open,
    Reopen,
    ReportSignal,
    Resolve,
    Severity,
    SignalStatus,
    Status,
    Unlink,
    Visibility,
)
from opsroom_domain.ids import EntityId

from .telling import ADA, BO, PROBE, START, clock

KIND = "incident"
_SLOW = EntityId("inc_01kaqf5m2s8v6t4r0q9p7n3k1h")
_DOWN = EntityId("inc_01kaqf5m2s8v6t4r0q9p7n3k2j")


def story() -> Iterator[tuple[str, EntityId, Any]]:
    """Two incidents through their whole lives, one event of each kind at least."""
    common = clock()
    long_text = "Every checkout waits.\n" * 20
    yield KIND, _SLOW, Open(incident_id=_SLOW, title="Payments are slow", description=long_text, labels=("payments", "eu"), **common())
    yield KIND, _SLOW, Acknowledge(**common(BO))
    yield KIND, _SLOW, Assign(seen=None, assignee=BO, **common())
    yield KIND, _SLOW, Escalate(reason="before reasons were asked for", **common())
    yield KIND, _SLOW, Escalate(reason="No one answers: ünanswered", **common())
    yield KIND, _SLOW, ChangeSeverity(seen=Severity.SEV3, severity=Severity.SEV1, **common())
    yield KIND, _SLOW, ChangeStatus(seen=Status.ACKNOWLEDGED, status=Status.INVESTIGATING, **common(BO))
    edits = (
        Change(field="title", seen="Payments are slow", to="Payments fail"),
        Change(field="description", seen=long_text, to="Since nine."),
    )
    yield KIND, _SLOW, Edit(changes=edits, **common(BO))
    yield KIND, _SLOW, AddNote(note_id="note_1", text="Rolled back.\nBetter.", **common(BO))
    yield KIND, _SLOW, ChangeLabels(add=("database",), remove=("eu",), **common())
    yield KIND, _SLOW, ChangeWatchers(add=(ADA, BO), **common())
    yield KIND, _SLOW, ChangeWatchers(remove=(ADA,), **common())
    yield KIND, _SLOW, ChangeTeam(seen=None, team="payments", **common())
    yield KIND, _SLOW, AddComment(comment_id="cmt_1", text="@usr_bo, is it the new release?", **common())
    yield KIND, _SLOW, EditComment(comment_id="cmt_1", seen="@usr_bo, is it the new release?", text="Is it the new release?", **common())
    yield KIND, _SLOW, AddComment(comment_id="cmt_2", text="No.", **common(BO))
    yield KIND, _SLOW, DeleteComment(comment_id="cmt_2", **common(BO))
    yield KIND, _SLOW, ChangeVisibility(seen=Visibility.EVERYONE, visibility=Visibility.NAMED, viewers=(BO, ADA), **common())
    signal = {
        "incident_id": _DOWN,
        "fingerprint": "5f1c0a9be2d34c77",
        "starts_at": START,
        "name": "TargetDown",
        "summary": "The target does not answer",
        "severity": Severity.SEV2,
        "source": "alertmanager",
        "source_url": "http://127.0.0.1:9090/graph?g0.expr=up",
        "labels": ("job:demo",),
    }
    yield KIND, _DOWN, ReportSignal(status=SignalStatus.FIRING, ends_at=None, **signal, **common(PROBE))
    yield KIND, _DOWN, ReportSignal(status=SignalStatus.RESOLVED, ends_at=START + timedelta(seconds=14), **signal, **common(PROBE))
    yield KIND, _DOWN, Reopen(reason="It came back", **common())
    yield KIND, _SLOW, Link(target=_DOWN, **common())
    yield KIND, _SLOW, Unlink(target=_DOWN, **common())
    yield KIND, _SLOW, Resolve(resolution="Rolled back", **common(BO))
    yield KIND, _DOWN, Merge(into=_SLOW, **common())
