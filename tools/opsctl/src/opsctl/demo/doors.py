"""The addresses of the commands that the story uses. A test holds them against command-api's own doors."""

from __future__ import annotations

from collections.abc import Mapping

from opsctl.demo.steps import Command
from opsroom_domain.registry import KINDS

ALERTMANAGER = "/v1/signals/alertmanager"
BATCH = "/v1/commands:batch"
_CREATES = frozenset({"open", "create", "schedule"})
_LAST: Mapping[str, str] = {
    "incident.acknowledge": "acknowledge",
    "incident.change_severity": "severity",
    "incident.change_status": "status",
    "incident.add_note": "notes",
    "incident.merge": "merge",
    "incident.change_services": "services",
    "incident.change_duty": "duties",
    "incident.start_postmortem": "postmortem",
    "incident.edit_postmortem": "postmortem",
    "incident.pick_event": "postmortem/picks",
    "incident.ask_review": "postmortem/ask-review",
    "incident.review_postmortem": "postmortem/review",
    "incident.escalate": "escalate",
    "incident.resolve": "resolve",
    "task.change_status": "status",
    "task.complete": "complete",
    "task.change_priority": "priority",
    "task.add_item": "checklist",
    "task.tick_item": "checklist/tick",
    "ticket.reply": "replies",
    "ticket.add_note": "notes",
    "ticket.change_status": "status",
    "ticket.solve": "solve",
    "ticket.change_priority": "priority",
    "auction.open": "open",
    "auction.place_bid": "bids",
    "auction.close": "close",
}
_OF_ALL_KINDS: Mapping[str, str] = {
    "edit": "",
    "assign": "assign",
    "change_labels": "labels",
    "change_watchers": "watchers",
    "link": "links",
    "add_comment": "comments",
}


def address(command: Command) -> tuple[str, str]:
    """Method and path of its single door. Raises KeyError for a command that no story uses."""
    kind, _, verb = command.name.partition(".")
    collection = f"/v1/{KINDS[kind].collection}"
    if verb in _CREATES and command.name not in _LAST:
        return "POST", collection
    last = _LAST[command.name] if command.name in _LAST else _OF_ALL_KINDS[verb]
    method = "PATCH" if verb.startswith("edit") else "POST"
    return method, f"{collection}/{command.entity}/{last}".rstrip("/")
