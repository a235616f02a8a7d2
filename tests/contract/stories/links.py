"""The two halves of links, told of every kind that has them: settled, refused, and taken because the other one linked."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from opsroom_domain.ids import ActorId, EntityId
from opsroom_domain.shared import commands as s

from .telling import START

_PROCESS = ActorId("svc_processes")
_ONE = EntityId("inc_01kaqf5m2s8v6t4r0q9p7n3k1h")
_GONE = EntityId("inc_01kaqf5m2s8v6t4r0q9p7n3k2j")


def story(*beginnings: Callable[[], Iterator[tuple[str, EntityId, Any]]]) -> Iterator[tuple[str, EntityId, Any]]:
    """One entity of each kind, as the kind's own story makes it, and its links. ``beginnings``: stories whose first command makes an entity."""
    later = START + timedelta(hours=1)
    for number, told in enumerate(beginnings):
        kind, entity_id, made = next(told())
        yield kind, entity_id, made
        common: dict[str, Any] = {"at": later + timedelta(seconds=number), "by": _PROCESS}
        for command in (
            s.Link(target=_ONE, relation="blocks", **common),
            s.SettleLink(target=_ONE, relation="blocks", **common),
            s.Link(target=_GONE, relation="related", **common),
            s.SettleLink(target=_GONE, relation="related", reason="there is no such incident", **common),
            s.LinkBack(target=_GONE, relation="child", **common),
            s.UnlinkBack(target=_GONE, relation="child", **common),
        ):
            yield kind, entity_id, command
