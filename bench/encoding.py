"""The compiled parts of the hot path beside the standard library's: JSON of a row, and an event loop's echo. ``make bench-encoding``."""

from __future__ import annotations

import asyncio
import json
import timeit
from pathlib import Path

import orjson
import uvloop

from bench.report import Row, report

ROWS = Path(__file__).parents[1] / "schemas" / "golden" / "history-v1.rows.json"
ROUNDS = 2_000
ECHOES = 5_000


async def echo() -> float:
    """Microseconds per request and answer of 300 bytes over one loopback connection."""

    served = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            writer.write(data)
        writer.close()
        served.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    loop = asyncio.get_running_loop()
    began = loop.time()
    for _ in range(ECHOES):
        writer.write(b"x" * 300)
        await reader.readexactly(300)
    took = loop.time() - began
    writer.close()
    await served.wait()
    server.close()
    return took / ECHOES * 1e6


def best(run: str, scope: dict[str, object]) -> float:
    """Microseconds per call, the best of five."""
    return min(timeit.repeat(run, globals=scope, number=ROUNDS, repeat=5)) / ROUNDS * 1e6


def main() -> None:
    row = orjson.loads(ROWS.read_bytes())
    text = orjson.dumps(row)
    scope: dict[str, object] = {"orjson": orjson, "json": json, "row": row, "text": text, "flags": orjson.OPT_SORT_KEYS}
    rows = [
        Row(
            "write a row as sorted JSON",
            "us",
            best("orjson.dumps(row, option=flags)", scope),
            best("json.dumps(row, sort_keys=True)", scope),
            "json",
        ),
        Row("read it", "us", best("orjson.loads(text)", scope), best("json.loads(text)", scope), "json"),
        Row("echo of 300 bytes over a socket", "us", uvloop.run(echo()), asyncio.run(echo()), "asyncio"),
    ]
    report("compiled parts of the hot path", rows, [f"the row: {len(text)} bytes of {ROWS.name}"])


if __name__ == "__main__":
    main()
