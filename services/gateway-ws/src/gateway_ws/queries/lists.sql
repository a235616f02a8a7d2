-- Rows of the board as they are now. Rows and the feed's position come from one statement, so from one snapshot, on the primary: whoever
-- subscribes from that position misses nothing and needs nothing twice. There is always one row; without a match its id is NULL.
-- Braces are filled by statement.py: with names and pieces of its own and with numbered parameters, never with what somebody sent.

-- name: answer
SELECT h.epoch, h.n, now() AS as_of, e.*
FROM (SELECT 1) AS one
LEFT JOIN feed.head h ON h.postmaster_started = pg_postmaster_start_time()
LEFT JOIN LATERAL (
    {rows}
) e ON true
ORDER BY e.key IS NULL, e.key {direction}, e.id {direction}

-- name: shown
e.id, e.kind, e.version, e.state, e.created_at, e.updated_at, e.updated_by

-- name: one
SELECT {shown}, e.updated_at AS key
FROM read.entities e
WHERE e.kind = {kind} AND e.id = {id} {visible}

-- name: walk
-- Along the index of the order, filtering on the way.
SELECT {shown}, e.{key} AS key
FROM read.entities e
WHERE e.kind = {kind} {conditions}
ORDER BY e.{key} {direction}, e.id {direction}
LIMIT {limit}

-- name: walk_so_far
-- The same, but it looks at no more than {steps} rows of those that its index holds.
SELECT {shown}, e.{key} AS key
FROM (
    SELECT * FROM read.entities e
    WHERE e.kind = {kind} {along}
    ORDER BY e.{key} {direction}, e.id {direction}
    LIMIT {steps}
) e
WHERE true {conditions}
ORDER BY e.{key} {direction}, e.id {direction}
LIMIT {limit}

-- name: walk_each_status
-- Along the index of status and order, once for each status.
SELECT e.* FROM unnest({statuses}) AS one(status)
CROSS JOIN LATERAL (
    SELECT {shown}, e.{key} AS key
    FROM read.entities e
    WHERE e.kind = {kind} AND e.status = one.status {conditions}
    ORDER BY e.{key} {direction}, e.id {direction}
    LIMIT {limit}
) e
ORDER BY e.key {direction}, e.id {direction}
LIMIT {limit}

-- name: walk_both
-- Rows that have the key, then, only if there are not enough of them, those that have none.
SELECT * FROM (({with_key}) UNION ALL ({without_key})) AS both_parts LIMIT {limit}

-- name: gather
-- All rows that pass, by the indexes of what they pass, then the first of them. Materialised, or the order of the pages would decide the plan.
WITH found AS MATERIALIZED (
    SELECT e.id, e.{key} AS key FROM {tables} WHERE e.kind = {kind} {conditions}
), first_ones AS (
    SELECT id, key FROM found ORDER BY key IS NULL, key {direction}, id {direction} LIMIT {limit}
)
SELECT {shown}, f.key FROM first_ones f JOIN read.entities e ON e.id = f.id

-- name: only_entities
read.entities e

-- name: found_by_text
-- Not flattened: whatever the planner expects, each text that is found leads to its entity by the primary key.
(SELECT t.id FROM read.texts t WHERE t.kind = {kind} AND t.document @@ {query} OFFSET 0) t
    CROSS JOIN LATERAL (SELECT * FROM read.entities one WHERE one.id = t.id OFFSET 0) e

-- name: has_text
(SELECT t.document @@ {query} FROM read.texts t WHERE t.id = e.id)

-- name: count_texts
SELECT count(*) AS texts FROM (SELECT FROM read.texts t WHERE t.kind = {kind} AND t.document @@ {query} LIMIT {limit}) AS counted

-- name: window_end
-- The key of the row that lies so many rows behind the beginning of the page, whatever passes.
SELECT e.{key} AS key FROM read.entities e
WHERE e.kind = {kind} {behind}
ORDER BY e.{key} {direction}, e.id {direction}
OFFSET {steps} LIMIT 1

-- name: query
websearch_to_tsquery('simple', {words})

-- name: query_with_beginning
-- The last word may be the beginning of one: it is still being typed.
regexp_replace(websearch_to_tsquery('simple', {words})::text, '''$', ''':*')::tsquery

-- name: estimate
-- What the planner takes the number of rows for: from its statistics, without reading one.
EXPLAIN (FORMAT JSON) SELECT FROM read.entities e WHERE e.kind = {kind} {conditions}

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

-- name: facet
-- Each value is counted up to {most}.
SELECT one.value, (
    SELECT count(*) FROM (
        SELECT FROM read.entities e WHERE e.kind = {kind} AND {has_value} {conditions} LIMIT {most}
    ) AS counted
) AS count
FROM unnest({values}) AS one(value)

-- name: facet_sample
-- The values of one tag among the first {most} rows that pass: all there are, if no more rows do.
WITH passing AS MATERIALIZED (
    SELECT e.terms FROM {tables} WHERE e.kind = {kind} {conditions} LIMIT {most}
)
SELECT (SELECT count(*) FROM passing) AS rows, found.value, found.count
FROM (SELECT 1) AS one
LEFT JOIN LATERAL (
    SELECT substr(term, length({tag}) + 2) AS value, count(*) AS count
    FROM passing, unnest(terms) AS term
    WHERE starts_with(term, {tag} || ':')
    GROUP BY term
    ORDER BY count(*) DESC, term
    LIMIT {values}
) found ON true
ORDER BY found.count DESC, found.value

-- name: moment
SELECT now() AS as_of

-- name: count
SELECT count(*) AS count FROM (SELECT FROM {tables} WHERE e.kind = {kind} {conditions} LIMIT {most}) AS counted

-- name: export
SELECT {shown}, e.created_at AS key
FROM {tables}
WHERE e.kind = {kind} {conditions}
ORDER BY e.created_at, e.id

-- name: in_index_order
-- A large export is read along its index: sorted first, it would be written to the disk whole before the first row leaves.
SET LOCAL enable_sort = off

-- name: comment_texts
-- The last text of each comment: the events say it, the state only whose it is.
SELECT DISTINCT ON (t.diff->'comment'->>'id') t.diff->'comment'->>'id' AS id, t.diff->'comment'->>'to' AS text
FROM read.timeline t
WHERE t.id = {id} AND t.version <= {version} AND t.type = ANY({types}) AND t.diff->'comment'->>'id' = ANY({comments})
ORDER BY t.diff->'comment'->>'id', t.version DESC

-- name: by_code
SELECT e.id, e.kind, e.title FROM read.texts t JOIN read.entities e ON e.id = t.id
WHERE reverse(t.id) LIKE {tail} AND t.kind = {kind} {visible}
ORDER BY e.id LIMIT {limit}

-- name: parked
SELECT p.entity_id, p.partition, p."offset", p.reason, p.behind, p.parked_at FROM read.parked p
WHERE p.entity_id > {after} ORDER BY p.entity_id LIMIT {limit}
