-- What the rows of the projector say, always with the checkpoint in the same statement (R5, R6). On the primary only.

-- name: checkpoint
SELECT "offset", term, fence_offset, fold, last_time
FROM read.checkpoints
WHERE topic = $1 AND partition = $2

-- name: load_row
SELECT
    c."offset" AS at_offset, c.term, c.fence_offset, c.fold,
    p.reason AS parked, p."offset" AS parked_offset, x.versions AS passed,
    e.id, e.kind, e.version, e.partition, e."offset", e.state, e.memory, e.created_at, e.updated_at, e.updated_by
FROM read.checkpoints c
LEFT JOIN read.entities e ON e.id = $3
LEFT JOIN read.parked p ON p.entity_id = $3
LEFT JOIN read.passed x ON x.entity_id = $3
WHERE c.topic = $1 AND c.partition = $2

-- name: find_command
-- The last event of the command: its version is the entity's version right after the command. A command that skipped a record, and the one
-- whose record was skipped, are in the log too (R10).
SELECT
    c."offset" AS at_offset, c.term, c.fence_offset,
    p.reason AS parked,
    v.version, v."offset", v.body_hash
FROM read.checkpoints c
LEFT JOIN read.parked p ON p.entity_id = $3
LEFT JOIN LATERAL (
    SELECT version, "offset", body_hash FROM read.entity_versions WHERE id = $3 AND command_id = $4
    UNION ALL
    SELECT version, "offset", body_hash FROM read.skips WHERE entity_id = $3 AND command_id = $4
    UNION ALL
    SELECT version, skipped, skipped_hash FROM read.skips WHERE entity_id = $3 AND skipped_command = $4
    ORDER BY version DESC
    LIMIT 1
) v ON true
WHERE c.topic = $1 AND c.partition = $2

-- name: parked
-- One row at least, if there is a checkpoint.
SELECT c."offset" AS at_offset, c.term, c.fence_offset, c.fold, p.entity_id, p."offset", p.reason
FROM read.checkpoints c
LEFT JOIN LATERAL (
    SELECT entity_id, "offset", reason FROM read.parked WHERE partition = $2 ORDER BY entity_id LIMIT $3
) p ON true
WHERE c.topic = $1 AND c.partition = $2

-- name: parked_entities
SELECT entity_id, "offset", reason, behind, parked_at
FROM read.parked
WHERE partition = $1
ORDER BY entity_id
LIMIT $2
