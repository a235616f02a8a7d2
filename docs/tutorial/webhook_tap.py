"""A tap in the pipe from Alertmanager to command-api: it notes when each webhook comes and passes the same bytes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Self

import httpx
import orjson

_BODY_BYTES_MAX = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert of a webhook. ``at`` is when the whole webhook had come, in seconds of ``time.perf_counter``."""

    at: float
    fingerprint: str
    name: str
    status: str


class WebhookTap:
    """Serves while the block runs. ``heard`` is called in the tap's thread, before the webhook goes on.

    With ``record`` each body is also added to that file, one a line.
    """

    def __init__(self, port: int, forward_to: str, heard: Callable[[Alert], object], record: Path | None = None) -> None:
        self.url = f"http://127.0.0.1:{port}/"
        http = httpx.Client(timeout=15.0, trust_env=False)

        class Tap(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(min(int(self.headers.get("Content-Length", "0")), _BODY_BYTES_MAX))
                at = time.perf_counter()
                for alert in orjson.loads(body)["alerts"]:
                    heard(Alert(at, alert["fingerprint"], alert["labels"]["alertname"], alert["status"]))
                if record is not None:
                    with record.open("ab") as file:
                        file.write(body.strip() + b"\n")
                try:
                    status = http.post(forward_to, content=body, headers={"Content-Type": "application/json"}).status_code
                except httpx.TransportError:
                    # Alertmanager sends it again.
                    status = 503
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """The story tells what came."""

        self._http = http
        self._server = ThreadingHTTPServer(("127.0.0.1", port), Tap)
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._http.close()
