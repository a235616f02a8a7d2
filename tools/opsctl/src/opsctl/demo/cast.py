"""Who and what a story is about: people, services and their troubles. All of it is made up."""

from __future__ import annotations

from dataclasses import dataclass

from opsctl.demo.steps import Person
from opsroom_domain.ids import ActorId
from opsroom_domain.roles import Role

ACTOR_PREFIX = "usr_demo_"


def _person(name: str, role: Role = Role.OPERATOR) -> Person:
    return Person(ActorId(ACTOR_PREFIX + name), role)


ADMIN = _person("ada", Role.ADMIN)
OPERATORS = tuple(map(_person, ("maria", "jonas", "li", "omar", "freya")))
HELPDESK = tuple(map(_person, ("nina", "tomas")))
BIDDERS = tuple(map(_person, ("bidder_kato", "bidder_sol", "bidder_wren", "bidder_ines")))
CUSTOMERS = tuple(ActorId(ACTOR_PREFIX + name) for name in ("customer_hill", "customer_ozan", "customer_ruiz", "customer_beck"))
"""Requesters of tickets. The helpdesk brings in what they write."""
MONITORING = _person("monitoring")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that breaks. ``service`` and ``alert`` are names as monitoring has them."""

    service: str
    alert: str
    summary: str
    cause: str
    fix: str
    complaint: str
    severity: str = "warning"


TROUBLES = (
    Trouble(
        "checkout",
        "CheckoutErrors",
        "one payment in five fails",
        "the connection pool of the payment database is used up",
        "doubled the pool and restarted the slowest two instances",
        "My card was refused three times",
        "critical",
    ),
    Trouble(
        "search",
        "SearchSlow",
        "half of all searches take longer than 2 s",
        "a nightly re-index runs by day",
        "moved the re-index back to the night",
        "Search turns for ever",
    ),
    Trouble(
        "mail",
        "MailQueueLong",
        "4,000 mails wait to be sent",
        "the relay refuses us after a certificate expired",
        "renewed the certificate and flushed the queue",
        "The order confirmation never came",
    ),
    Trouble(
        "storage",
        "DiskAlmostFull",
        "the disk of the file store is 94 % full",
        "old exports were never removed",
        "removed exports older than 30 days",
        "Uploading a picture fails",
    ),
    Trouble(
        "login",
        "LoginErrors",
        "some people cannot sign in",
        "two clocks are 40 s apart",
        "set both clocks by one source",
        "I cannot sign in",
        "error",
    ),
)
CHECKS = ("Read the graphs of the last hour", "Ask whoever deployed last", "Look at the slowest queries", "Write down what was tried")
CHORES = (
    "Renew the certificates before the holidays",
    "Try the restore of last night's backup",
    "Write the runbook of the mail relay",
    "Remove the old feature flags",
)
QUESTIONS = (
    "Can I change the address of an order?",
    "Where do I find my invoices?",
    "How do I invite a colleague?",
    "Does the export hold deleted rows?",
)
LOTS = ("A rack of twelve used servers", "Two standing desks", "A label printer with a box of paper", "The old espresso machine")
