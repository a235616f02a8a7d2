"""What the commands on links do. A link has two halves, one in each entity, and each entity decides on its own half.

Whoever links or unlinks decides on this half; a process (``command_api.processes``) then asks the other entity for the other one, and settles.
"""

from __future__ import annotations

from collections.abc import Sequence

from opsroom_domain.decider import Refused
from opsroom_domain.ids import prefix_of
from opsroom_domain.shared.commands import Link, LinkBack, SettleLink, Unlink, UnlinkBack
from opsroom_domain.shared.events import Linked, LinkedBack, LinkSettled, Unlinked
from opsroom_domain.shared.limits import LINKS_MAX, REASON_MAX
from opsroom_domain.shared.state import SharedState
from opsroom_domain.shared.words import INVERSE, Relation, Standing
from opsroom_domain.text import fitted_line


def link(state: SharedState, command: Link) -> Sequence[Linked]:
    """Relate it to another entity, once for each relation. It is pending until that one has its half; a refused link can be tried again."""
    _check(state, command)
    known = state.link(command.target, command.relation)
    if known is not None and known.standing is not Standing.REFUSED:
        return ()
    if known is None:
        _check_room(state)
    return (Linked(at=command.at, by=command.by, target=command.target, relation=command.relation),)


def unlink(state: SharedState, command: Unlink | UnlinkBack) -> Sequence[Unlinked]:
    """Take a link away; one that is not there is no error. The other entity loses its half a moment later."""
    if state.link(command.target, command.relation) is None:
        return ()
    return (Unlinked(at=command.at, by=command.by, target=command.target, relation=command.relation),)


def link_back(state: SharedState, command: LinkBack) -> Sequence[LinkedBack]:
    """Take the other half of a link. Its own half, pending or not, is left as it is: both may have linked at the same time."""
    _check(state, command)
    known = state.link(command.target, command.relation)
    if known is not None and known.standing is not Standing.REFUSED:
        return ()
    if known is None:
        _check_room(state)
    return (LinkedBack(at=command.at, by=command.by, target=command.target, relation=command.relation),)


def unlink_back(state: SharedState, command: UnlinkBack) -> Sequence[Unlinked]:
    """As ``unlink``: the other half is gone already."""
    return unlink(state, command)


def settle_link(state: SharedState, command: SettleLink) -> Sequence[LinkSettled]:
    """Say what became of a pending link. One that was removed meanwhile, or is settled, stays as it is."""
    known = state.link(command.target, command.relation)
    if known is None or known.standing is not Standing.PENDING:
        return ()
    reason = fitted_line(command.reason, REASON_MAX)
    return (LinkSettled(at=command.at, by=command.by, target=command.target, relation=command.relation, reason=reason),)


def _check(state: SharedState, command: Link | LinkBack) -> None:
    if command.target == state.id:
        raise Refused("link-to-itself", f"{state.id} cannot be linked to itself; name another entity")
    if prefix_of(command.target) is None:
        raise Refused("bad-id", "the target is not an entity's id like inc_01k…; name one")
    if command.relation not in INVERSE:
        raise Refused("bad-relation", f"there is no such relation; choose one of {', '.join(Relation)}")


def _check_room(state: SharedState) -> None:
    if len(state.links) >= LINKS_MAX:
        raise Refused("too-many", f"{state.id} has {LINKS_MAX} links already; remove one first")
