"""The past over HTTP: an entity as of a moment or at a version, its history with diffs, and who did what across entities."""
