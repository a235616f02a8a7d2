"""Signals from outside: taken in as they come (``alertmanager``), then folded into incidents (``consumer``, by the rules of ``correlate``)."""
