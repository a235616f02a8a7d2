"""The read door: HTTP queries and live updates over WebSocket."""

from typing import Final

VERSION: Final = "0.1.0"
"""Said to clients in the connect reply."""
