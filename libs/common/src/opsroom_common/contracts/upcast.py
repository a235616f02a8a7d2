"""Old shapes become new ones on read, so that no one else knows that they ever existed.

A version that Avro's own rules can resolve (a field with a default came, say) needs nothing here. An ``Upcast`` is for the rest: it takes
the values of one published version and gives those of a later one. Steps are chained until none is left; if the last is not the current
version, Avro's rules take it from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from opsroom_common.contracts.avro import Values


@dataclass(frozen=True, slots=True)
class Upcast:
    """One step: values of the schema ``name`` in version ``since`` to version ``to`` (both fingerprints of published versions)."""

    name: str
    since: str
    to: str
    apply: Callable[[Values], Values]


class ChainBroken(Exception):
    """The steps go round in a circle, or two begin at one version. The message names them."""


def _escalated_without_reason(values: Values) -> Values:
    """Before a reason was asked for, none was given: the empty one says so."""
    return {**values, "reason": ""}


UPCASTS: tuple[Upcast, ...] = (
    Upcast("opsroom.incident.Escalated", since="9f3ff96832bc9b61", to="568b24436c403b9a", apply=_escalated_without_reason),
)
"""Every step, oldest first. Steps are added, never removed: an old record stays in the log for ever."""


def chain(name: str, fingerprint: str, upcasts: Sequence[Upcast]) -> tuple[Upcast, ...]:
    """The steps from one version of a schema onwards, in order; () if there is none. Raises ChainBroken."""
    steps: list[Upcast] = []
    seen = {fingerprint}
    while True:
        following = [step for step in upcasts if step.name == name and step.since == fingerprint]
        if not following:
            return tuple(steps)
        if len(following) > 1 or following[0].to in seen:
            raise ChainBroken(f"{name}: two steps begin at {fingerprint}, or they go round in a circle; keep one way")
        steps.append(following[0])
        fingerprint = following[0].to
        seen.add(fingerprint)
