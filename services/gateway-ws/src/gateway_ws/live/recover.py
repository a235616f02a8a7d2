"""Whether a client that comes back can be given exactly what it missed."""

from __future__ import annotations

from enum import StrEnum

from gateway_ws.live.protocol import RecoverFrom
from gateway_ws.permissions import client_epoch
from opsroom_common.auth.identity import Role
from opsroom_common.feed.port import Position

_EPOCH_DIGITS_MAX = 19


class Verdict(StrEnum):
    RECOVERED = "recovered"
    AHEAD = "ahead"
    """The client has seen more than this gateway: read the head first, then judge again."""
    OTHER_EPOCH = "other epoch"
    TOO_OLD = "too old"


def judge(asked: RecoverFrom, role: Role, floor: int, head: Position) -> Verdict:
    """Recovered if and only if the epoch is equal and floor <= offset <= head."""
    if asked.epoch != client_epoch(head.epoch, role):
        return Verdict.AHEAD if _later(asked.epoch, head.epoch) else Verdict.OTHER_EPOCH
    if asked.offset > head.n:
        return Verdict.AHEAD
    return Verdict.RECOVERED if asked.offset >= floor else Verdict.TOO_OLD


def _later(asked: str, feed_epoch: int) -> bool:
    """Epochs only grow: a greater one may be a new one that this gateway has not heard of yet."""
    number = asked.partition(".")[0]
    return number.isascii() and number.isdigit() and len(number) <= _EPOCH_DIGITS_MAX and int(number) > feed_epoch
