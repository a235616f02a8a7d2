-- Rows of the board as they are now. Rows and the feed's position come from one statement, so from one snapshot, on the primary: whoever
-- subscribes from that position misses nothing and needs nothing twice. There is always one row; without a match its id is NULL.
-- Braces are filled by statement.py: with column names of its own and with numbered parameters, never with what somebody sent.

-- name: answer
SELECT h.epoch, h.n, now() AS as_of, e.*
FROM (SELECT 1) AS one
LEFT JOIN feed.head h ON h.postmaster_started = pg_postmaster_start_time()
LEFT JOIN LATERAL (
    {rows}
) e ON true
ORDER BY e.key IS NULL, e.key {direction}, e.id {direction}

-- name: one
SELECT e.id, e.kind, e.version, e.state, e.created_at, e.updated_at, e.updated_by, e.updated_at AS key
FROM read.entities e
WHERE e.kind = {kind} AND e.id = {id} {visible}

-- name: walk
SELECT e.id, e.kind, e.version, e.state, e.created_at, e.updated_at, e.updated_by, e.{key} AS key
FROM read.entities e
WHERE e.kind = {kind} {conditions}
ORDER BY e.{key} {direction}, e.id {direction}
LIMIT {limit}

-- name: walk_with_key_then_without
SELECT * FROM (
    ({with_key})
    UNION ALL
    ({without_key})
) AS both_parts
LIMIT {limit}

-- name: walk_without_key
SELECT e.id, e.kind, e.version, e.state, e.created_at, e.updated_at, e.updated_by, e.{key} AS key
FROM read.entities e
WHERE e.kind = {kind} AND e.{key} IS NULL {conditions}
ORDER BY e.{key} {direction}, e.id {direction}
LIMIT {limit}

-- name: timeline
SELECT
    e.version AS entity_version,
    t.version, t.at, t.type, t.actor, t.role, t.words, t.diff, t.command_id, t.correlation_id, t.causation_id, t.reason, t.proposal_id,
    t.partition, t."offset"
FROM read.entities e
LEFT JOIN LATERAL (
    SELECT * FROM read.timeline WHERE id = e.id AND version > {after} ORDER BY version LIMIT {limit}
) t ON true
WHERE e.kind = {kind} AND e.id = {id} {visible}
ORDER BY t.version

-- name: projected_up_to
SELECT "offset" FROM read.checkpoints WHERE topic = {topic} AND partition = {partition}
