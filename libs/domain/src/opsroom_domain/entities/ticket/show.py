"""A ticket as JSON and as tags. ``to_json`` and ``from_json`` are inverse and canonical: equal tickets give equal JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsroom_domain.decider import Json, ListColumns
from opsroom_domain.entities.ticket.sla import Clock, SlaTarget
from opsroom_domain.entities.ticket.state import Ticket, Written
from opsroom_domain.entities.ticket.words import Channel, Priority, SlaGoal, Status
from opsroom_domain.shared.priority import RANKS
from opsroom_domain.shared.show import FLAGS, from_time_or_none, listed, shared_from_json, shared_tags, shared_to_json, time_or_none
from opsroom_domain.times import from_rfc3339, rfc3339


def to_json(state: Ticket) -> dict[str, Json]:
    """The row's part of the ticket. Every key is always there. The due times follow from the clock and the targets."""
    return {
        **shared_to_json(state),
        "requester": state.requester,
        "channel": state.channel.value,
        "status": state.status.value,
        "priority": state.priority.value,
        "created_at": rfc3339(state.created_at),
        "created_by": state.created_by,
        "targets": [
            {"priority": target.priority.value, "response_s": target.response_s, "resolution_s": target.resolution_s}
            for target in state.targets
        ],
        "clock": {"active_us": state.clock.active_us, "since": time_or_none(state.clock.since)},
        "response_due_at": time_or_none(state.response_due_at),
        "resolution_due_at": time_or_none(state.resolution_due_at),
        "sla_due_at": time_or_none(state.sla_due_at),
        "breached": [goal.value for goal in state.breached],
        "first_response_at": time_or_none(state.first_response_at),
        "replies": {"count": state.reply_count, "recent": _written_to_json(state.recent_replies)},
        "notes": {"count": state.note_count, "recent": _written_to_json(state.recent_notes)},
        "solved_at": time_or_none(state.solved_at),
        "solved_by": state.solved_by,
        "resolution": state.resolution,
        "reopened_count": state.reopened_count,
    }


def from_json(row: Mapping[str, Any]) -> Ticket:
    """The ticket that ``to_json`` showed; other keys are ignored. Raises KeyError or ValueError for anything else."""
    return Ticket(
        **shared_from_json(row),
        requester=row["requester"],
        channel=Channel(row["channel"]),
        status=Status(row["status"]),
        priority=Priority(row["priority"]),
        created_at=from_rfc3339(row["created_at"]),
        created_by=row["created_by"],
        targets=tuple(
            SlaTarget(priority=Priority(each["priority"]), response_s=each["response_s"], resolution_s=each["resolution_s"])
            for each in row["targets"]
        ),
        clock=Clock(active_us=row["clock"]["active_us"], since=from_time_or_none(row["clock"]["since"])),
        breached=tuple(map(SlaGoal, row["breached"])),
        first_response_at=from_time_or_none(row["first_response_at"]),
        reply_count=row["replies"]["count"],
        recent_replies=_written_from_json(row["replies"]["recent"]),
        note_count=row["notes"]["count"],
        recent_notes=_written_from_json(row["notes"]["recent"]),
        solved_at=from_time_or_none(row["solved_at"]),
        solved_by=row["solved_by"],
        resolution=row["resolution"],
        reopened_count=row["reopened_count"],
    )


def tags(state: Ticket) -> dict[str, str]:
    """Flat strings that live filters and indexes match on. The same keys always; "" where there is no value."""
    return {
        **shared_tags(state),
        "status": state.status.value,
        "priority": state.priority.value,
        "channel": state.channel.value,
        "requester": state.requester,
        "live": FLAGS[state.live],
        "responded": FLAGS[state.first_response_at is not None],
        "breached": listed(goal.value for goal in state.breached),
        "has_due": FLAGS[state.sla_due_at is not None],
        "created_by": state.created_by,
    }


def columns(state: Ticket) -> ListColumns:
    """What lists sort by and search in: the most urgent ranks first; due is what the SLA asks for next."""
    return ListColumns(
        title=state.title,
        status=state.status.value,
        rank=RANKS[state.priority],
        assignee=state.assignee,
        due_at=state.sla_due_at,
        text="\n".join((state.title, state.description, *state.labels)),
    )


def _written_to_json(written: tuple[Written, ...]) -> Json:
    return [{"id": each.id, "hash": each.hash} for each in written]


def _written_from_json(written: list[Mapping[str, Any]]) -> tuple[Written, ...]:
    return tuple(Written(id=each["id"], hash=each["hash"]) for each in written)
