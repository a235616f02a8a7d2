-- What is set aside, and what was decided about it.

-- name: parked
SELECT
    p.entity_id, p.partition, p."offset", p.reason, p.behind, p.parked_at, e.kind, e.version, e.title, r.asked_at AS retry_asked_at
FROM read.parked p
LEFT JOIN read.entities e ON e.id = p.entity_id
LEFT JOIN feed.retries r ON r.entity_id = p.entity_id
WHERE $1::text IS NULL OR p.entity_id = $1
ORDER BY p.parked_at, p.entity_id
LIMIT $2

-- name: skips
SELECT partition, "offset", skipped, version, reason, actor, at FROM read.skips WHERE entity_id = $1 ORDER BY "offset" LIMIT 100

-- name: ask_retry
INSERT INTO feed.retries (entity_id)
SELECT entity_id FROM read.parked WHERE $1::text IS NULL OR entity_id = $1
ON CONFLICT (entity_id) DO UPDATE SET asked_at = clock_timestamp()
RETURNING entity_id

-- name: retries_left
SELECT entity_id FROM feed.retries WHERE entity_id = ANY($1::text[])

-- name: take_back
DELETE FROM feed.retries WHERE entity_id = ANY($1::text[])

-- name: folded_to
SELECT "offset" FROM read.checkpoints WHERE topic = $1 AND partition = $2
