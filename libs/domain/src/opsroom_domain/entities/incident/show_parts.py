"""The parts of an incident's row: merges and splits, and the postmortem. What has an order is a list, because a JSON object has none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsroom_domain.decider import Json
from opsroom_domain.entities.incident.state import FollowUp, Incident, MergeInto, Pick, Postmortem, SplitOff, TakenFrom
from opsroom_domain.entities.incident.words import Review, SignalStatus, Status, TakenWhy
from opsroom_domain.ids import EntityId
from opsroom_domain.shared.show import from_time_or_none, time_or_none
from opsroom_domain.shared.words import Standing
from opsroom_domain.times import from_rfc3339, rfc3339


def moves_to_json(state: Incident) -> dict[str, Json]:
    """What went to and came from other incidents."""
    return {
        "merged_into": state.merged_into,
        "merge": None if state.merge is None else _merge_to_json(state.merge),
        "splits": [_split_to_json(into, split) for into, split in state.splits.items()],
        "moved": {name: state.moved[name] for name in sorted(state.moved)},
        "taken_from": [
            {"source": source, "why": taken.why.value, "at": rfc3339(taken.at), "left": taken.left}
            for source, taken in state.taken_from.items()
        ],
    }


def moves_from_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of the state that ``moves_to_json`` showed."""
    return {
        "merged_into": row["merged_into"],
        "merge": None if row["merge"] is None else _merge_from_json(row["merge"]),
        "splits": {split["into"]: _split_from_json(split) for split in row["splits"]},
        "moved": dict(row["moved"]),
        "taken_from": {
            taken["source"]: TakenFrom(why=TakenWhy(taken["why"]), at=from_rfc3339(taken["at"]), left=taken["left"])
            for taken in row["taken_from"]
        },
    }


def postmortem_to_json(known: Postmortem | None) -> Json:
    """The postmortem, or null."""
    if known is None:
        return None
    return {
        "template": known.template,
        "started_at": rfc3339(known.started_at),
        "started_by": known.started_by,
        "sections": [{"name": name, "text": text} for name, text in known.sections.items()],
        "authors": list(known.authors),
        "picks": [{"version": version, "note": pick.note, "by": pick.by} for version, pick in known.picks.items()],
        "follow_ups": [
            {"task_id": task_id, "title": each.title, "standing": each.standing.value, "reason": each.reason}
            for task_id, each in known.follow_ups.items()
        ],
        "review": known.review.value,
        "reviewed_by": known.reviewed_by,
        "reviewed_at": time_or_none(known.reviewed_at),
        "review_note": known.review_note,
    }


def postmortem_from_json(row: Mapping[str, Any] | None) -> Postmortem | None:
    """Inverse of ``postmortem_to_json``."""
    if row is None:
        return None
    return Postmortem(
        template=row["template"],
        started_at=from_rfc3339(row["started_at"]),
        started_by=row["started_by"],
        sections={section["name"]: section["text"] for section in row["sections"]},
        authors=tuple(row["authors"]),
        picks={pick["version"]: Pick(note=pick["note"], by=pick["by"]) for pick in row["picks"]},
        follow_ups={
            EntityId(each["task_id"]): FollowUp(title=each["title"], standing=Standing(each["standing"]), reason=each["reason"])
            for each in row["follow_ups"]
        },
        review=Review(row["review"]),
        reviewed_by=row["reviewed_by"],
        reviewed_at=from_time_or_none(row["reviewed_at"]),
        review_note=row["review_note"],
    )


def _merge_to_json(merge: MergeInto) -> Json:
    return {
        "into": merge.into,
        "standing": merge.standing.value,
        "before": merge.before.value,
        "reason": merge.reason,
        "heard": None if merge.heard is None else merge.heard.value,
    }


def _merge_from_json(merge: Mapping[str, Any]) -> MergeInto:
    return MergeInto(
        into=merge["into"],
        standing=Standing(merge["standing"]),
        before=Status(merge["before"]),
        reason=merge["reason"],
        heard=None if merge["heard"] is None else SignalStatus(merge["heard"]),
    )


def _split_to_json(into: EntityId, split: SplitOff) -> Json:
    return {
        "into": into,
        "title": split.title,
        "standing": split.standing.value,
        "fingerprints": list(split.fingerprints),
        "reason": split.reason,
    }


def _split_from_json(split: Mapping[str, Any]) -> SplitOff:
    return SplitOff(
        title=split["title"],
        standing=Standing(split["standing"]),
        fingerprints=tuple(split["fingerprints"]),
        reason=split["reason"],
    )
