-- What a chunk of a load does beside its COPYs, and what ends the load.

-- name: move
-- The first of a chunk's transaction: the projection is still being loaded, and nobody else has loaded this partition further.
WITH projection AS (
    SELECT FROM feed.projections WHERE name = $10 AND state = 'building' AND phase = 'load' FOR SHARE
)
UPDATE read_v1.checkpoints SET "offset" = $7, term = $8, fence_offset = $9, last_time = greatest(last_time, $11::timestamptz),
    updated_at = clock_timestamp()
WHERE topic = $1 AND partition = $2 AND "offset" = $3
  AND term IS NOT DISTINCT FROM $4 AND fence_offset IS NOT DISTINCT FROM $5 AND fold = $6
  AND EXISTS (SELECT FROM projection)
RETURNING partition

-- name: replace_entities
DELETE FROM read_v1.entities WHERE id = ANY ($1::text[])

-- name: replace_texts
DELETE FROM read_v1.texts WHERE id = ANY ($1::text[])

-- name: park
INSERT INTO read_v1.parked AS known (entity_id, partition, "offset", reason, behind, parked_at)
SELECT p.entity_id, $1, p."offset", p.reason, p.behind, p.parked_at
FROM unnest($2::text[], $3::bigint[], $4::text[], $5::int[], $6::timestamptz[]) AS p(entity_id, "offset", reason, behind, parked_at)
ON CONFLICT (entity_id) DO UPDATE SET behind = known.behind + excluded.behind

-- name: open_versions
INSERT INTO read_v1.entity_versions (
    id, version, kind, partition, "offset", command_id, body_hash, actor, valid_from, valid_to, state, created_at, rank, due_at, terms
)
SELECT
    e.id, (last.event ->> 2)::int, e.kind, e.partition, e."offset", last.event ->> 0, last.event ->> 1, e.updated_by, e.updated_at, 'infinity', e.state,
    e.created_at, e.rank, e.due_at, e.terms
FROM read_v1.entities e
CROSS JOIN LATERAL (SELECT coalesce(e.memory -> 'event', e.memory -> 'recent' -> -1) AS event) last
