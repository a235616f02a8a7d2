"""The demo target: a shop that tells Prometheus how many orders it took. Run as ``python demo_shop.py PORT``."""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_METRICS = b"# HELP demo_shop_orders_total Orders that the shop took.\n# TYPE demo_shop_orders_total counter\ndemo_shop_orders_total 42\n"


class Shop(BaseHTTPRequestHandler):
    """Answers every GET with the metrics."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(_METRICS)))
        self.end_headers()
        self.wfile.write(_METRICS)

    def log_message(self, *_: object) -> None:
        """Be quiet: Prometheus asks every second."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Shop).serve_forever()
