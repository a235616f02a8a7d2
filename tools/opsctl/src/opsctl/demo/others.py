"""Arcs beside the incidents: a customer's question, a chore with a checklist, and an auction."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from opsctl.demo.cast import ADMIN, BIDDERS, CHECKS, CHORES, CUSTOMERS, HELPDESK, LOTS, OPERATORS, QUESTIONS
from opsctl.demo.scene import Scene, change, latest, text_of
from opsctl.demo.steps import Answer, Arc, Ask, Command, Part, Pause, Person, Row, say
from opsroom_domain.decider import Json
from opsroom_domain.ids import EntityId
from opsroom_domain.times import from_rfc3339, rfc3339

_BIDS_MAX = 12
_LENGTH_S_MIN = 3.0
_CLOSING_TRIES_MAX = 10
_TOO_LATE = ("auction-over", "auction-ended")


def question(scene: Scene) -> Arc:
    """A customer asks, is asked back, answers, and is helped; now and then two of the helpdesk take it at once."""
    first, second = HELPDESK
    ticket = scene.ids.entity_id("tkt")
    asked: dict[str, Json] = {
        "title": scene.one(QUESTIONS),
        "requester": scene.one(CUSTOMERS),
        "channel": scene.one(("web", "email", "chat")),
    }
    targets: list[Json] = [{"priority": "normal", "response_s": 3600, "resolution_s": 86_400}]
    row = (yield from say(first, "ticket.create", ticket, {"id": ticket, **asked, "targets": targets, "labels": scene.labels})).row
    nobody = row["assignee"]
    row = (yield from say(first, "ticket.assign", ticket, change(nobody, first.actor))).row
    if scene.likely(0.5):
        yield from say(second, "ticket.assign", ticket, change(nobody, second.actor), "edit-conflict")
    row = (yield from say(first, "ticket.reply", ticket, {"text": "Gladly. Which order is it about?"})).row
    yield from say(first, "ticket.change_status", ticket, change(row["status"], "pending"))
    yield from say(second, "ticket.add_note", ticket, {"text": "They have asked before; the answer is on the help page."})
    yield from say(second, "ticket.reply", ticket, {"text": "The one of last Tuesday.", "from_requester": True})
    yield from say(first, "ticket.reply", ticket, {"text": "It is done; you will get a mail."})
    yield from say(first, "ticket.solve", ticket, {"resolution": "Explained and done."})
    if scene.likely(0.3):
        yield from say(second, "ticket.reply", ticket, {"text": "One more thing: how do I undo that?", "from_requester": True})
        yield from say(first, "ticket.change_priority", ticket, change(text_of(row, "priority"), "low"))
        yield from say(first, "ticket.reply", ticket, {"text": "With the button below the order."})
        yield from say(first, "ticket.solve", ticket, {"resolution": "Explained."})


def chore(scene: Scene) -> Arc:
    """A task that two people tick off together."""
    who, other = scene.some(OPERATORS, 2)
    task = scene.ids.entity_id("tsk")
    due = rfc3339(scene.after(3 * 86_400))
    body: dict[str, Json] = {"id": task, "title": scene.one(CHORES), "assignee": who.actor, "due_at": due, "labels": scene.labels}
    items = [Command("task.add_item", task, {"item_id": f"item-{number}", "text": text}) for number, text in enumerate(CHECKS)]
    answers = yield Ask(who, (Command("task.create", task, body), *items))
    row = answers[-1].row
    yield from say(who, "task.change_status", task, change(row["status"], "in_progress"))
    for number in range(len(items)):
        yield from say(scene.one((who, other)), "task.tick_item", task, {"item_id": f"item-{number}", "ticked": True})
    if scene.likely(0.4):
        seen = row["priority"]
        yield from say(other, "task.change_priority", task, change(seen, "high"))
        yield from say(who, "task.change_priority", task, change(seen, "low"), "edit-conflict")
    yield from say(other, "task.add_comment", task, {"text": f"@{who.actor} all ticked, will you close it?"})
    yield from say(who, "task.complete", task, {})


def auction(scene: Scene) -> Arc:
    """Bids, some of them too low because the price has moved on; one in the last moment, which moves the end; and the hammer."""
    length_s = min(60.0, max(_LENGTH_S_MIN, scene.seconds * 0.35))
    window_s = max(1, int(length_s / 8))
    lot, ends_at = scene.ids.entity_id("auc"), scene.after(length_s)
    terms: dict[str, Json] = {
        "currency": "EUR",
        "opening_price": "20.00",
        "step": "5.00",
        "reserve": "40.00",
        "starts_at": rfc3339(scene.clock.now()),
        "ends_at": rfc3339(ends_at),
        "extension_window_s": window_s,
        "extension_s": window_s,
        "extensions_max": 2,
    }
    body: dict[str, Json] = {"id": lot, "title": scene.one(LOTS), **terms, "labels": scene.labels}
    row = (yield from say(ADMIN, "auction.schedule", lot, body)).row
    yield from say(ADMIN, "auction.open", lot, {}, "auction-not-started")
    for _ in range(scene.chance.randint(5, _BIDS_MAX)):
        if scene.clock.now() >= ends_at - timedelta(seconds=window_s):
            break
        row = latest((yield from _bid(scene, lot, row)), row)
    yield Pause(ends_at - timedelta(seconds=window_s * 0.6))
    row = latest((yield from _bid(scene, lot, row)), row)
    yield from say(scene.one(BIDDERS), "auction.add_comment", lot, {"text": "At the last moment, really?"})
    yield from _closed(scene, lot, _end_of(row, ends_at))


def _bid(scene: Scene, lot: EntityId, row: Row) -> Part:
    """By anybody who does not lead, and now and then by the leader or below the price."""
    bidder = _bidder(scene, text_of(row, "highest_bidder"))
    least = Decimal(text_of(row, "least_bid") or "20.00")
    amount = least - Decimal("2.50") if scene.likely(0.2) else least + Decimal(5) * scene.chance.randint(0, 3)
    body: dict[str, Json] = {"amount": f"{amount:f}", "currency": "EUR"}
    return (yield from say(bidder, "auction.place_bid", lot, body, "bid-too-low", "already-leading", "auction-not-started", *_TOO_LATE))


def _bidder(scene: Scene, leader: str) -> Person:
    others = [each for each in BIDDERS if each.actor != leader]
    return scene.one(BIDDERS if scene.likely(0.1) else others)


def _closed(scene: Scene, lot: EntityId, ends_at: datetime) -> Arc:
    """The hammer falls when the end has come by the server's clock."""
    for _ in range(_CLOSING_TRIES_MAX):
        yield Pause(max(ends_at, scene.after(0)) + timedelta(seconds=0.2))
        answer: Answer = yield from say(ADMIN, "auction.close", lot, {}, "auction-not-over")
        if answer.code is None:
            return
        ends_at = _end_of(answer.details, ends_at)


def _end_of(row: Row, otherwise: datetime) -> datetime:
    told = text_of(row, "ends_at")
    return from_rfc3339(told) if told else otherwise
