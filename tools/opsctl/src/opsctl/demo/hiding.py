"""Hides what demos made, and brings it back: one command for each entity, found through the gateway's lists. The log keeps everything."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from opsctl.demo.cast import ADMIN
from opsctl.demo.scene import LABEL, run_label, text_of
from opsctl.demo.steps import Command
from opsctl.demo.talking import Api, Gone
from opsctl.exits import Exit, Stop
from opsctl.screen import Screen
from opsroom_domain.decider import Json
from opsroom_domain.ids import EntityId
from opsroom_domain.registry import KINDS

PAGE = 200
ROUNDS_MAX = 20
"""Looks at one list: rows may still arrive while it is worked on."""


async def put_away(api: Api, run: str | None, screen: Screen, *, hide: bool) -> Exit:
    """Archive, or restore, everything of this run, or of all. Raises Stop."""
    verb = "archive" if hide else "restore"
    counts: dict[str, int] = {}
    refused: dict[str, int] = {}
    try:
        await api.check()
        for kind in KINDS.values():
            if verb in kind.commands:
                counts[kind.name] = await _kind(api, kind.name, verb, run, refused)
        await api.settled(ADMIN, "incidents")
    except Gone as error:
        raise Stop(Exit.AWAY, f"{error}; {sum(counts.values())} are done, give the command again for the rest") from error
    total = sum(counts.values())
    done = "hidden" if hide else "shown again"
    if screen.json:
        screen.object({"hidden" if hide else "shown": total, "kinds": counts, "refused": refused})
    else:
        parts = ", ".join(f"{count} of {kind}" for kind, count in counts.items() if count)
        screen.line(f"{total} {done}{f': {parts}' if parts else ''}")
        for code, count in sorted(refused.items()):
            screen.line(f"{count} refused: {code}")
    return Exit.FINDING if refused else Exit.OK


async def _kind(api: Api, kind: str, verb: str, run: str | None, refused: dict[str, int]) -> int:
    seen: set[str] = set()
    done = 0
    for _ in range(ROUNDS_MAX):
        found = [entity for entity in await _marked(api, kind, run, archived=verb == "restore") if entity not in seen]
        if not found:
            return done
        seen.update(found)
        for part in _parts(found):
            commands = [Command(f"{kind}.{verb}", EntityId(entity), {}) for entity in part]
            for answer in await api.batch(ADMIN, commands):
                if answer.code is None:
                    done += 1
                else:
                    refused[answer.code] = refused.get(answer.code, 0) + 1
    raise Stop(Exit.FINDING, f"the list of {kind} grows faster than it is worked on: stop the demo, then give the command again")


async def _marked(api: Api, kind: str, run: str | None, *, archived: bool) -> list[str]:
    """The ids of everything that has the label, page by page, the oldest first."""
    asked: dict[str, str | list[str]] = {
        "label": [LABEL] if run is None else [LABEL, run_label(run)],
        "sort": "created",
        "limit": str(PAGE),
    }
    if archived:
        asked["archived"] = "true"
    found: list[str] = []
    while True:
        page = await api.read(ADMIN, f"/v1/{KINDS[kind].collection}", asked)
        found.extend(text_of(row, "id") for row in cast("list[dict[str, Json]]", page["items"]))
        following = page["next"]
        if not isinstance(following, str):
            return found
        asked["cursor"] = following


def _parts(found: list[str]) -> Iterable[list[str]]:
    return (found[at : at + PAGE] for at in range(0, len(found), PAGE))
