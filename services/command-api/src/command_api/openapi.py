"""``python -m command_api.openapi``: write the API's description to schemas/openapi/command-api.json (or the path that is given)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from command_api.api.doors import DOORS
from command_api.app import routes

DEFAULT = Path("schemas/openapi/command-api.json")


def description() -> str:
    """The description as it is committed: sorted keys, two spaces, a line feed at the end."""
    app = routes({door.full_name: _nothing for door in DOORS}, _nothing, _nothing, _nothing)
    return json.dumps(app.openapi(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


async def _nothing(request: Request) -> Response:
    del request
    return Response(status_code=204)


def main() -> None:
    """Write the file."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(description(), encoding="utf-8")
    sys.stdout.write(f"wrote {path}\n")


if __name__ == "__main__":
    main()
