-- Everything that the projector asks beside a batch.

-- name: new_epoch
-- Changes nothing if the head is valid, or if the projection is not live. This one commit is synchronous: an epoch that readers saw is never
-- given again. The projection's row is locked so that no switch comes between the question and the answer.
WITH durable AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'on', true) AS done
), live AS MATERIALIZED (
    SELECT name FROM feed.projections, durable WHERE name = $1 AND state = 'live' FOR SHARE OF projections
), made AS (
    INSERT INTO feed.head AS known (one, epoch, n, postmaster_started, projection)
    SELECT
        true,
        greatest(
            (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
            coalesce((SELECT epoch FROM feed.last_epoch), 0) + 1,
            coalesce((SELECT epoch FROM feed.head), 0) + 1
        ),
        0, pg_postmaster_start_time(), live.name
    FROM live
    ON CONFLICT (one) DO UPDATE
        SET epoch = greatest(excluded.epoch, known.epoch + 1), n = 0,
            postmaster_started = excluded.postmaster_started, projection = excluded.projection
        WHERE known.postmaster_started <> excluded.postmaster_started OR known.projection <> excluded.projection
    RETURNING epoch
), kept AS (
    INSERT INTO feed.last_epoch (one, epoch) SELECT true, epoch FROM made
    ON CONFLICT (one) DO UPDATE SET epoch = excluded.epoch
), emptied AS (
    DELETE FROM feed.entries WHERE EXISTS (SELECT FROM made)
)
SELECT epoch FROM made

-- name: begin_partitions
INSERT INTO read_v1.checkpoints (topic, partition, "offset", fold)
SELECT $1, p, 0, $3 FROM generate_series(0, $2::int - 1) AS p
ON CONFLICT (topic, partition) DO NOTHING

-- name: open
SELECT h.epoch, c.partition, c."offset", c.term, c.fence_offset, c.fold
FROM read_v1.checkpoints c
CROSS JOIN feed.head h
WHERE c.topic = $1 AND h.projection = $2 AND h.postmaster_started = pg_postmaster_start_time()
ORDER BY c.partition

-- name: checkpoints
SELECT partition, "offset", term, fence_offset, fold
FROM read_v1.checkpoints
WHERE topic = $1
ORDER BY partition

-- name: load_entities
SELECT
    ids.id AS asked, x.versions AS passed, p.reason AS parked_reason, p."offset" AS parked_offset, p.parked_at,
    e.id, e.kind, e.version, e.partition, e."offset", e.state, e.memory, e.created_at, e.updated_at, e.updated_by
FROM unnest($1::text[]) AS ids(id)
LEFT JOIN read_v1.entities e ON e.id = ids.id
LEFT JOIN read_v1.parked p ON p.entity_id = ids.id
LEFT JOIN read_v1.passed x ON x.entity_id = ids.id

-- name: touch
-- These partitions were at the end of the log a moment ago: their rows are current. One that is being written needs no touch.
-- Answers whether the epoch still holds. It is what an idle projector learns of a crash: the commits that it lost must be read again.
WITH head AS (
    SELECT FROM feed.head WHERE epoch = $4 AND projection = $5 AND postmaster_started = pg_postmaster_start_time()
), current AS (
    SELECT k.topic, k.partition
    FROM read_v1.checkpoints k
    JOIN unnest($2::int[], $3::bigint[]) AS t(partition, "offset") ON t.partition = k.partition AND t."offset" = k."offset"
    WHERE k.topic = $1 AND EXISTS (SELECT FROM head)
    ORDER BY k.partition
    FOR UPDATE OF k SKIP LOCKED
), touched AS (
    UPDATE read_v1.checkpoints c SET updated_at = clock_timestamp()
    FROM current
    WHERE c.topic = current.topic AND c.partition = current.partition
)
SELECT EXISTS (SELECT FROM head) AS holds

-- name: quiet_touch
-- The same for a projection that nobody sees.
WITH projection AS (
    SELECT FROM feed.projections WHERE name = $4 AND state IN ('building', 'ready', 'old')
), touched AS (
    UPDATE read_v1.checkpoints c SET updated_at = clock_timestamp()
    FROM unnest($2::int[], $3::bigint[]) AS t(partition, "offset")
    WHERE c.topic = $1 AND c.partition = t.partition AND c."offset" = t."offset" AND EXISTS (SELECT FROM projection)
)
SELECT EXISTS (SELECT FROM projection) AS holds

-- name: trim
-- At most $2 at a time, so that no statement is long.
DELETE FROM feed.entries
WHERE n <= least(
    (SELECT n FROM feed.head) - $1,
    (SELECT min(n) FROM feed.entries) + $2 - 1
)
