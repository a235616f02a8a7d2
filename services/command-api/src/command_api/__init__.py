"""The write door: decides commands and is the only writer of ops.events."""
