-- What an entity that was set aside needs beside its batch: in one transaction with it, which holds the checkpoint's row from the start.

-- name: lock_checkpoint
SELECT 1 FROM read_v1.checkpoints
WHERE topic = $1 AND partition = $2 AND "offset" = $3
  AND term IS NOT DISTINCT FROM $4 AND fence_offset IS NOT DISTINCT FROM $5 AND fold = $6
FOR UPDATE

-- name: unpark
DELETE FROM read_v1.parked WHERE entity_id = $1 AND "offset" = $2 RETURNING entity_id

-- name: parked_there
-- Those of the entities that are still parked at these offsets. Whoever had them retried has moved no checkpoint.
SELECT p.entity_id
FROM read_v1.parked p
JOIN unnest($1::text[], $2::bigint[]) AS known(entity_id, "offset") ON known.entity_id = p.entity_id AND known."offset" = p."offset"

-- name: forget_entity
-- It is folded again from its first record: a statement cannot delete and insert the same key.
WITH entities AS (
    DELETE FROM read_v1.entities WHERE id = $1
), texts AS (
    DELETE FROM read_v1.texts WHERE id = $1
), versions AS (
    DELETE FROM read_v1.entity_versions WHERE id = $1
), timeline AS (
    DELETE FROM read_v1.timeline WHERE id = $1
)
DELETE FROM read_v1.passed WHERE entity_id = $1

-- name: end_epoch
-- Versions that screens have seen are other states now: a screen takes a version once, so all of them take a fresh snapshot.
-- The entries go here and not with the new head: who makes that may have looked before this was committed.
WITH head AS (
    DELETE FROM feed.head
)
DELETE FROM feed.entries

-- name: skips
INSERT INTO read_v1.skips (
    partition, "offset", entity_id, skipped, version, reason, actor, command_id, body_hash, skipped_command, skipped_hash, at
)
SELECT $1, s."offset", s.entity_id, s.skipped, s.version, s.reason, s.actor, s.command_id, s.body_hash, s.skipped_command, s.skipped_hash, s.at
FROM unnest(
    $2::bigint[], $3::text[], $4::bigint[], $5::int[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::timestamptz[]
) AS s("offset", entity_id, skipped, version, reason, actor, command_id, body_hash, skipped_command, skipped_hash, at)

-- name: passed
INSERT INTO read_v1.passed (entity_id, partition, versions)
SELECT p.entity_id, $1, p.versions FROM unnest($2::text[], $3::int[]) AS p(entity_id, versions)
ON CONFLICT (entity_id) DO UPDATE SET versions = excluded.versions

-- name: place
SELECT term, "offset" FROM read_v1.fences WHERE partition = $1 AND "offset" < $2 ORDER BY "offset" DESC LIMIT 1

-- name: retries
SELECT entity_id FROM feed.retries ORDER BY asked_at, entity_id LIMIT $1

-- name: retried
DELETE FROM feed.retries WHERE entity_id = $1
