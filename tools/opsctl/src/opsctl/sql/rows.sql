-- What opsctl asks the read model. Each statement says with its rows how far the projector is, from one snapshot.

-- name: checkpoints
SELECT partition, "offset", fold, extract(epoch FROM clock_timestamp() - updated_at)::float8 AS age_s
FROM read.checkpoints
WHERE topic = $1
ORDER BY partition

-- name: place
-- The checkpoint, and the last fence before $3: valid as a place to start reading if the checkpoint is not below $3.
SELECT c."offset", c.term, c.fence_offset, f.term AS before_term, f."offset" AS before_offset
FROM read.checkpoints c
LEFT JOIN LATERAL (
    SELECT term, "offset" FROM read.fences WHERE partition = c.partition AND "offset" < $3 ORDER BY "offset" DESC LIMIT 1
) f ON true
WHERE c.topic = $1 AND c.partition = $2

-- name: entity
SELECT
    c."offset" AS at_offset, c.fold,
    p."offset" AS parked_offset, p.reason AS parked_reason, p.behind AS parked_behind,
    e.id AS row_id, e.kind, e.version, e.partition, e."offset", e.state, e.memory, e.tags, e.created_at, e.updated_at, e.updated_by,
    e.title, e.status, e.rank, e.assignee, e.due_at, e.terms, e.keys
FROM read.checkpoints c
LEFT JOIN read.entities e ON e.id = $3
LEFT JOIN read.parked p ON p.entity_id = $3
WHERE c.topic = $1 AND c.partition = $2

-- name: entity_version
SELECT
    c."offset" AS at_offset, c.fold,
    p."offset" AS parked_offset, p.reason AS parked_reason, p.behind AS parked_behind,
    v.id AS row_id, v.kind, v.version, v.partition, v."offset", v.command_id, v.body_hash, v.actor, v.valid_from, v.state
FROM read.checkpoints c
LEFT JOIN read.entity_versions v ON v.id = $3 AND v.version = $4
LEFT JOIN read.parked p ON p.entity_id = $3
WHERE c.topic = $1 AND c.partition = $2

-- name: entity_as_of
SELECT
    c."offset" AS at_offset, c.fold,
    p."offset" AS parked_offset, p.reason AS parked_reason, p.behind AS parked_behind,
    v.id AS row_id, v.kind, v.version, v.partition, v."offset", v.command_id, v.body_hash, v.actor, v.valid_from, v.state
FROM read.checkpoints c
LEFT JOIN read.entity_versions v ON v.id = $3 AND v.valid_from <= $4 AND v.valid_to > $4
LEFT JOIN read.parked p ON p.entity_id = $3
WHERE c.topic = $1 AND c.partition = $2
