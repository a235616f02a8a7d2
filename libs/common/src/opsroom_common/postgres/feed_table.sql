-- The change feed's table. A head counts only if this very run of the server made it: a crash empties UNLOGGED tables, a restart may not.

-- name: head
SELECT epoch, n
FROM feed.head
WHERE postmaster_started = pg_postmaster_start_time()

-- name: read_after
SELECT
    h.epoch, h.n AS head_n,
    coalesce((SELECT min(f.n) FROM feed.entries f), h.n + 1) AS floor,
    e.n, e.kind, e.entity_id, e.version, e.topic, e.partition, e."offset", e.actor, e.event_types, e.was, e.now, e.row,
    e.event_at, e.projected_at
FROM feed.head h
LEFT JOIN LATERAL (SELECT * FROM feed.entries WHERE n > $1 ORDER BY n LIMIT $2) e ON true
WHERE h.postmaster_started = pg_postmaster_start_time()
ORDER BY e.n
