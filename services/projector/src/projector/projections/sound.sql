-- Whether a projection may be trusted, beside the live one. read_v1 stands for the live one.

-- name: handled_by_live
-- The first of these records that the live projection made a version of.
SELECT v.id, v.partition, v."offset"
FROM unnest($1::text[], $2::bigint[]) AS p(id, "offset")
JOIN read_v1.entity_versions v ON v.id = p.id AND v."offset" = p."offset"
ORDER BY v.id
LIMIT 1

-- name: skips
-- How far the live one is, and whether it knows of any skip.
SELECT c."offset", c.term, c.fence_offset, EXISTS (SELECT FROM read_v1.skips s WHERE s.partition = c.partition) AS skips
FROM read_v1.checkpoints c
WHERE c.topic = $1 AND c.partition = $2

-- name: stand
SELECT "offset" FROM read_v1.checkpoints WHERE topic = $1 AND partition = $2

-- name: hash
-- Of one partition's rows of a table, in any order: two sums of 64-bit hashes of each row's text.
SELECT
    count(*) AS rows,
    coalesce(sum(hashtextextended(t.row, 0)::numeric), 0)::text || ':' || coalesce(sum(hashtextextended(t.row, 1)::numeric), 0)::text AS hash
FROM (SELECT ROW ({columns})::text AS row FROM read_v1.{table} WHERE partition = $1) AS t

-- name: hash_by_entity
-- The same of a table whose rows belong to an entity, which alone knows the partition.
SELECT
    count(*) AS rows,
    coalesce(sum(hashtextextended(t.row, 0)::numeric), 0)::text || ':' || coalesce(sum(hashtextextended(t.row, 1)::numeric), 0)::text AS hash
FROM (
    SELECT ROW ({columns})::text AS row
    FROM read_v1.{table} AS own JOIN (SELECT id AS entity FROM read_v1.entities WHERE partition = $1) AS e ON e.entity = own.id
) AS t

-- name: differing_versions
-- Rows of one entity's version that are not the same in both, at whatever checkpoints they are: a version never changes but for its end.
SELECT coalesce(a.id, b.id) || ' version ' || coalesce(a.version, b.version) AS key
FROM (SELECT id, version, ROW ({columns})::text AS row FROM read_v1.{table} WHERE partition = $1 AND "offset" < $2) AS a
FULL JOIN (SELECT id, version, ROW ({columns})::text AS row FROM {other}.{table} WHERE partition = $1 AND "offset" < $2) AS b
    ON b.id = a.id AND b.version = a.version
WHERE a.row IS DISTINCT FROM b.row
ORDER BY 1
LIMIT $3

-- name: differing_entities
SELECT a.id || ' version ' || a.version AS key
FROM (SELECT id, version, ROW ({columns})::text AS row FROM read_v1.{table} WHERE partition = $1) AS a
JOIN (SELECT id, version, ROW ({columns})::text AS row FROM {other}.{table} WHERE partition = $1) AS b ON b.id = a.id AND b.version = a.version
WHERE a.row <> b.row
ORDER BY 1
LIMIT $2

-- name: parked_here_only
-- read_v1 stands for the one that may be switched in: an entity that it has set aside at a record which the other one handled.
SELECT p.entity_id, p.partition, p."offset", p.reason
FROM read_v1.parked p
JOIN {other}.entity_versions v ON v.id = p.entity_id AND v."offset" = p."offset"
ORDER BY p.entity_id
LIMIT 1
