-- The past as the read model holds it. Rows and how far they are final come from one statement, so from one snapshot.
-- complete_before: an event that is not in the rows yet has this time or a later one, because within a partition time never goes back (R8), and
-- because what waits behind a parked record is later than that record. NULL: a partition has no event yet, so nothing is known. (least() takes
-- no notice of NULLs.)

-- name: entity_at
-- The version that was valid at $2, and since when there is such an entity at all. No row: there never was one.
SELECT
    first.valid_from AS created_at, newest.version AS newest_version, now() AS asked_at,
    v.version, v.state, v.actor, v.valid_from, nullif(v.valid_to, 'infinity') AS valid_to,
    CASE WHEN c.last_time IS NOT NULL THEN least(c.last_time, p.parked_at) END AS complete_before
FROM read.entity_versions first
JOIN read.entities newest ON newest.id = first.id
JOIN read.checkpoints c ON c.topic = $4 AND c.partition = first.partition
LEFT JOIN read.parked p ON p.entity_id = first.id
LEFT JOIN LATERAL (
    SELECT * FROM read.entity_versions
    WHERE id = $1 AND valid_from <= $2 AND valid_to > $2
    ORDER BY version DESC LIMIT 1
) v ON true
WHERE first.id = $1 AND first.version = 1 AND first.kind = $3

-- name: entity_version
-- The version $2, and which is the newest.
SELECT
    first.valid_from AS created_at, newest.version AS newest_version, now() AS asked_at,
    v.version, v.state, v.actor, v.valid_from, nullif(v.valid_to, 'infinity') AS valid_to,
    CASE WHEN c.last_time IS NOT NULL THEN least(c.last_time, p.parked_at) END AS complete_before
FROM read.entity_versions first
JOIN read.entities newest ON newest.id = first.id
JOIN read.checkpoints c ON c.topic = $4 AND c.partition = first.partition
LEFT JOIN read.parked p ON p.entity_id = first.id
LEFT JOIN read.entity_versions v ON v.id = $1 AND v.version = $2
WHERE first.id = $1 AND first.version = 1 AND first.kind = $3

-- name: history
-- Versions after $2 as of $3, and the one before them, which the first is compared with.
SELECT
    first.valid_from AS created_at, now() AS asked_at,
    (
        SELECT version FROM read.entity_versions WHERE id = $1 AND valid_from <= $3 AND valid_to > $3 ORDER BY version DESC LIMIT 1
    ) AS newest_version,
    CASE WHEN c.last_time IS NOT NULL THEN least(c.last_time, p.parked_at) END AS complete_before,
    v.*
FROM read.entity_versions first
JOIN read.checkpoints c ON c.topic = $6 AND c.partition = first.partition
LEFT JOIN read.parked p ON p.entity_id = first.id
LEFT JOIN LATERAL (
    SELECT
        e.version, e.state, e.valid_from, CASE WHEN e.valid_to <= $3 THEN nullif(e.valid_to, 'infinity') END AS valid_to,
        t.type, t.actor, t.role, t.words, t.command_id, t.correlation_id, t.causation_id, t.reason, t.proposal_id, t.partition, t."offset"
    FROM read.entity_versions e
    JOIN read.timeline t ON t.id = e.id AND t.version = e.version
    WHERE e.id = $1 AND e.version >= $2 AND e.valid_from <= $3
    ORDER BY e.version LIMIT $5
) v ON true
WHERE first.id = $1 AND first.version = 1 AND first.kind = $4
ORDER BY v.version

-- name: reach
-- Over all partitions; $2 is the beginning of the ids whose parked ones count.
SELECT
    now() AS asked_at,
    CASE WHEN bool_and(last_time IS NOT NULL)
        THEN least(min(last_time), (SELECT min(parked_at) FROM read.parked WHERE starts_with(entity_id, $2)))
    END AS complete_before
FROM read.checkpoints WHERE topic = $1

-- name: activity
SELECT * FROM read.timeline
WHERE at >= $1 AND at < $2 AND (at, partition, "offset") < ($3, $4, $5)
ORDER BY at DESC, partition DESC, "offset" DESC
LIMIT $6

-- name: activity_of_types
-- The newest of each type, merged: as quick for a type that happens once a month as for one that happens all the time.
SELECT t.*
FROM unnest($7::text[]) AS wanted(type)
CROSS JOIN LATERAL (
    SELECT * FROM read.timeline
    WHERE type = wanted.type AND at >= $1 AND at < $2 AND (at, partition, "offset") < ($3, $4, $5)
    ORDER BY at DESC, partition DESC, "offset" DESC
    LIMIT $6
) t
ORDER BY t.at DESC, t.partition DESC, t."offset" DESC
LIMIT $6

-- name: activity_of_actors
SELECT t.*
FROM unnest($7::text[]) AS wanted(actor)
CROSS JOIN LATERAL (
    SELECT * FROM read.timeline
    WHERE actor = wanted.actor AND at >= $1 AND at < $2 AND (at, partition, "offset") < ($3, $4, $5)
      AND ($8::text[] IS NULL OR type = ANY ($8))
    ORDER BY at DESC, partition DESC, "offset" DESC
    LIMIT $6
) t
ORDER BY t.at DESC, t.partition DESC, t."offset" DESC
LIMIT $6

-- name: activity_of_entities
SELECT t.*
FROM unnest($7::text[]) AS wanted(id)
CROSS JOIN LATERAL (
    SELECT * FROM read.timeline
    WHERE id = wanted.id AND at >= $1 AND at < $2 AND (at, partition, "offset") < ($3, $4, $5)
      AND ($8::text[] IS NULL OR type = ANY ($8)) AND ($9::text[] IS NULL OR actor = ANY ($9))
    ORDER BY version DESC
    LIMIT $6
) t
ORDER BY t.at DESC, t.partition DESC, t."offset" DESC
LIMIT $6
