"""HTTP queries: lists, details and timelines, each with the feed position that holds for its rows."""
