-- Every row of one partition, read in one snapshot with the checkpoints, to be compared with a fold of the log.

-- name: checkpoints
SELECT partition, "offset", term, fence_offset, fold FROM read.checkpoints WHERE topic = $1 ORDER BY partition

-- name: entities
SELECT
    id, kind, version, "offset", state::text, memory::text, tags::text, created_at, updated_at, updated_by,
    title, status, rank, assignee, due_at, to_jsonb(terms)::text AS terms, to_jsonb(keys)::text AS keys
FROM read.entities WHERE partition = $1

-- name: texts
SELECT t.id, t.kind, t.text FROM read.texts t JOIN read.entities e ON e.id = t.id WHERE e.partition = $1

-- name: versions
SELECT
    id, version, kind, "offset", command_id, body_hash, actor, valid_from, nullif(valid_to, 'infinity') AS valid_to, state::text,
    created_at, rank, due_at, to_jsonb(terms)::text AS terms
FROM read.entity_versions WHERE partition = $1

-- name: timeline
SELECT
    id, version, at, type, actor, role, words, diff::text,
    command_id, correlation_id, causation_id, reason, proposal_id, "offset"
FROM read.timeline WHERE partition = $1

-- name: fences
SELECT "offset", term, owner, url, at FROM read.fences WHERE partition = $1

-- name: parked
SELECT entity_id, "offset", reason, behind, parked_at FROM read.parked WHERE partition = $1

-- name: skips
SELECT "offset", entity_id, skipped, version, reason, actor, command_id, body_hash, skipped_command, skipped_hash, at
FROM read.skips WHERE partition = $1

-- name: passed
SELECT entity_id, versions FROM read.passed WHERE partition = $1
