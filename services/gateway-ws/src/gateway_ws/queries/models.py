"""What the queries take and answer, as pydantic models: they check the parameters and make the OpenAPI description."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from opsroom_domain.entities.incident import Review, Severity, SignalStatus, Standing, Status, TakenWhy, Visibility

PAGE_MAX = 200
UNASSIGNED = "none"
_FILTER_VALUES_MAX = 50
_Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
_Values = Annotated[list[_Text], Field(max_length=_FILTER_VALUES_MAX)]
_LogPosition = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,5}:[0-9]{1,18}$")]


class _Parameters(BaseModel):
    """An unknown parameter is refused: a misspelt filter would show the wrong list."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ReadAfter(_Parameters):
    """Read your writes."""

    wait_for: Annotated[
        _LogPosition | None, Field(description="PARTITION:OFFSET of a command's answer: wait until the rows include it")
    ] = None


class ListParameters(ReadAfter):
    status: Annotated[list[Status], Field(max_length=_FILTER_VALUES_MAX, description="any of these")] = []
    severity: Annotated[list[Severity], Field(max_length=_FILTER_VALUES_MAX, description="any of these")] = []
    assignee: Annotated[_Values, Field(description=f"any of these actors; {UNASSIGNED!r} finds the unassigned")] = []
    label: Annotated[_Values, Field(description="all of these")] = []
    live: Annotated[bool | None, Field(description="true: neither resolved nor merged; false: one of them")] = None
    cursor: Annotated[str | None, Field(max_length=2000, description="next of the page before")] = None
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = 50


class TimelineParameters(ReadAfter):
    after: Annotated[int, Field(ge=0, le=2**31 - 1, description="only later versions")] = 0
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = 100


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Position(_Answer):
    """Subscribe from here and nothing is missed. Opaque: do not compare or compute."""

    epoch: str
    offset: int


class SignalShown(_Answer):
    status: SignalStatus
    starts_at: datetime
    ends_at: datetime | None
    name: str
    summary: str
    source_url: str


class LinkShown(_Answer):
    """``standing``: whether the target shows its half too; ``reason``: why it does not, if it refused."""

    target: str
    relation: str
    standing: Standing
    reason: str


class NoteShown(_Answer):
    id: str
    hash: str


class NotesShown(_Answer):
    count: int
    recent: list[NoteShown]


class FieldChangeShown(_Answer):
    by: str
    at: datetime


class CommentShown(_Answer):
    """The texts are in the timeline."""

    id: str
    by: str
    at: datetime
    hash: str
    edited_at: datetime | None


class MergeShown(_Answer):
    """The last attempt to merge it. ``before``: what its status was, and is again if it was refused."""

    into: str
    standing: Standing
    before: Status
    reason: str
    heard: SignalStatus | None


class SplitShown(_Answer):
    into: str
    title: str
    standing: Standing
    fingerprints: list[str]
    reason: str


class TakenShown(_Answer):
    """``left``: how many things found no room."""

    source: str
    why: TakenWhy
    at: datetime
    left: int


class SectionShown(_Answer):
    name: str
    text: str


class PickShown(_Answer):
    version: int
    note: str
    by: str


class FollowUpShown(_Answer):
    task_id: str
    title: str
    standing: Standing
    reason: str


class PostmortemShown(_Answer):
    template: str
    started_at: datetime
    started_by: str
    sections: list[SectionShown]
    authors: list[str]
    picks: list[PickShown]
    follow_ups: list[FollowUpShown]
    review: Review
    reviewed_by: str | None
    reviewed_at: datetime | None
    review_note: str


class IncidentRow(_Answer):
    """An incident, whole: the same bytes here, in the change feed and on a socket."""

    id: str
    code: Annotated[str, Field(description="what people call it by")]
    kind: Literal["incident"]
    version: int
    created_at: datetime
    updated_at: datetime
    updated_by: str | None
    title: str
    description: str
    severity: Severity
    status: Status
    assignee: str | None
    visibility: Visibility
    viewers: list[str]
    team: str | None
    comments: list[CommentShown]
    source: str
    labels: list[str]
    watchers: list[str]
    signals: dict[str, SignalShown]
    links: list[LinkShown]
    notes: NotesShown
    escalation_level: int
    merged_into: str | None
    merge: MergeShown | None
    splits: list[SplitShown]
    moved: Annotated[dict[str, str], Field(description="signals that a split took away, and to which incident")]
    taken_from: list[TakenShown]
    services: list[str]
    commander: str | None
    communications: str | None
    postmortem: PostmortemShown | None
    event_count: int
    opened_at: datetime
    opened_by: str
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None
    resolved_by: str | None
    resolution: str | None
    resolved_automatically: bool
    field_changes: dict[str, FieldChangeShown]


class IncidentList(_Answer):
    items: list[IncidentRow]
    next: Annotated[str | None, Field(description="cursor of the next page; null on the last one")]
    position: Annotated[Position | None, Field(description="holds for these rows; null while there is no change feed: ask again")]
    as_of: datetime


class IncidentDetail(_Answer):
    item: IncidentRow
    version: int
    position: Annotated[Position | None, Field(description="holds for this row; null while there is no change feed: ask again")]
    as_of: datetime


class LogPlace(_Answer):
    partition: int
    offset: int


class TimelineItem(_Answer):
    version: int
    at: datetime
    type: str
    actor: str | None
    role: str | None
    words: str
    diff: dict[str, object]
    command_id: str
    correlation_id: str | None
    causation_id: str | None
    reason: str | None
    proposal_id: str | None
    log: LogPlace


class Timeline(_Answer):
    items: list[TimelineItem]
    version: Annotated[int, Field(description="the incident's present version")]
    next: Annotated[int | None, Field(description="after of the next page; null when this one reaches the present version")]


class ProblemAnswer(BaseModel):
    """RFC 9457; switch on ``code``."""

    type: str
    code: str
    title: str
    status: int
    detail: str
