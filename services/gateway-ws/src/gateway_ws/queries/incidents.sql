-- Incidents as the read model holds them. Rows and the feed's position come from one statement, so from one snapshot, on the primary:
-- whoever subscribes from that position misses nothing and needs nothing twice. There is always one row; without a match its id is NULL.

-- name: list_incidents
SELECT
    h.epoch, h.n, now() AS as_of,
    e.id, e.kind, e.version, e.state, e.created_at, e.updated_at, e.updated_by
FROM (SELECT 1) AS one
LEFT JOIN feed.head h ON h.postmaster_started = pg_postmaster_start_time()
LEFT JOIN LATERAL (
    SELECT id, kind, version, state, created_at, updated_at, updated_by
    FROM read.entities
    WHERE kind = 'incident'
      AND ($1::text[] IS NULL OR terms && $1)
      AND ($2::text[] IS NULL OR terms && $2)
      AND ($3::text[] IS NULL OR terms && $3 OR ($4::boolean AND assignee IS NULL))
      AND ($5::text[] IS NULL OR terms @> $5)
      AND ($6::timestamptz IS NULL OR (updated_at, id) < ($6, $7::text))
    ORDER BY updated_at DESC, id DESC
    LIMIT $8
) e ON true
ORDER BY e.updated_at DESC, e.id DESC

-- name: one_incident
SELECT
    h.epoch, h.n, now() AS as_of,
    e.id, e.kind, e.version, e.state, e.created_at, e.updated_at, e.updated_by
FROM (SELECT 1) AS one
LEFT JOIN feed.head h ON h.postmaster_started = pg_postmaster_start_time()
LEFT JOIN read.entities e ON e.kind = 'incident' AND e.id = $1

-- name: timeline
SELECT
    e.version AS entity_version,
    t.version, t.at, t.type, t.actor, t.role, t.words, t.diff, t.command_id, t.correlation_id, t.causation_id, t.reason, t.proposal_id,
    t.partition, t."offset"
FROM read.entities e
LEFT JOIN LATERAL (
    SELECT * FROM read.timeline WHERE id = e.id AND version > $2 ORDER BY version LIMIT $3
) t ON true
WHERE e.kind = 'incident' AND e.id = $1
ORDER BY t.version

-- name: projected_up_to
SELECT "offset" FROM read.checkpoints WHERE topic = $1 AND partition = $2
