-- The board as it was, from the versions and the timeline. Rows and how far they are final come from one statement, so from one snapshot.
-- complete_before: an event that is not in the rows yet has this time or a later one, because within a partition time never goes back (R8), and
-- because what waits behind a parked record is later than that record. NULL: a partition has no event yet, so nothing is known. (least() takes
-- no notice of NULLs.)
-- Braces are filled by store.py and rows.py: with names of their own and with numbered parameters, never with what somebody sent.

-- name: board
-- Every entity as it was at the moment: the columns that a list has of the present one. An index leads to it by valid_from or by terms.
SELECT
    v.id, v.kind, v.version, v.state, v.created_at, v.valid_from AS updated_at, v.actor AS updated_by,
    v.state ->> 'title' AS title, v.state ->> 'assignee' AS assignee, v.rank, v.due_at, v.terms
FROM read.entity_versions v
WHERE v.valid_from <= {moment} AND v.valid_to > {moment}

-- name: reach
SELECT
    now() AS asked_at,
    CASE WHEN bool_and(c.last_time IS NOT NULL)
        THEN least(min(c.last_time), (SELECT min(p.parked_at) FROM read.parked p WHERE starts_with(p.entity_id, {prefix})))
    END AS complete_before
FROM read.checkpoints c WHERE c.topic = {topic}

-- name: of_visible
AND {column} IN (SELECT e.id FROM read.entities e WHERE true {visible})

-- name: list
-- There is always one row; without a match its id is NULL.
SELECT r.asked_at, r.complete_before, e.*
FROM ({reach}) r
LEFT JOIN LATERAL (
    {rows}
) e ON true
ORDER BY e.key IS NULL, e.key {direction}, e.id {direction}

-- name: newest_first
-- Walks back from the moment: near it, most versions are still the valid ones.
SELECT 0 AS matching, e.id, e.kind, e.version, e.state, e.created_at, e.updated_at, e.updated_by, e.updated_at AS key
FROM ({board}) e
WHERE e.kind = {kind} {conditions}
ORDER BY e.updated_at DESC, e.id DESC
LIMIT {limit}

-- name: newest_first_so_far
-- The same, but it looks at no more than {steps} versions: what many rows pass fills a page with these, whatever the planner expects.
SELECT 0 AS matching, e.id, e.kind, e.version, e.state, e.created_at, e.updated_at, e.updated_by, e.updated_at AS key
FROM (
    SELECT
        v.id, v.kind, v.version, v.state, v.created_at, v.valid_from AS updated_at, v.actor AS updated_by,
        v.state ->> 'title' AS title, v.state ->> 'assignee' AS assignee, v.rank, v.due_at, v.terms, v.valid_to
    FROM read.entity_versions v
    WHERE v.kind = {kind} AND v.valid_from <= {moment} {from_there}
    ORDER BY v.valid_from DESC, v.id DESC
    LIMIT {steps}
) e
WHERE e.valid_to > {moment} {conditions}
ORDER BY e.updated_at DESC, e.id DESC
LIMIT {limit}

-- name: in_another_order
-- The past has no index for every order: what matches is sorted, up to a limit, and its number is told.
SELECT m.matching, e.id, e.kind, e.version, v.state, e.created_at, e.updated_at, e.updated_by, e.key
FROM (
    SELECT matching.*, matching.{key} AS key FROM (
        SELECT count(*) OVER () AS matching, found.*
        FROM (
            SELECT e.id, e.kind, e.version, e.created_at, e.updated_at, e.updated_by, e.title, e.rank, e.due_at
            FROM ({board}) e
            WHERE e.kind = {kind} {conditions}
            ORDER BY e.updated_at DESC, e.id DESC
            LIMIT {most}
        ) found
    ) matching
) e
CROSS JOIN LATERAL (SELECT e.matching) m
JOIN read.entity_versions v ON v.id = e.id AND v.version = e.version
WHERE true {behind}
ORDER BY e.key IS NULL, e.key {direction}, e.id {direction}
LIMIT {limit}

-- name: facet
-- Over the newest {most} that pass: exact if there are fewer.
WITH passing AS MATERIALIZED (
    SELECT e.terms FROM ({board}) e
    WHERE e.kind = {kind} {conditions}
    ORDER BY e.updated_at DESC, e.id DESC
    LIMIT {most}
)
SELECT r.asked_at, r.complete_before, (SELECT count(*) FROM passing) AS rows, found.value, found.count
FROM ({reach}) r
LEFT JOIN LATERAL (
    SELECT substr(term, length({tag}) + 2) AS value, count(*) AS count
    FROM passing, unnest(passing.terms) AS term
    WHERE starts_with(term, {tag} || ':')
    GROUP BY term
    ORDER BY count(*) DESC, term
    LIMIT {values}
) found ON true
ORDER BY found.count DESC, found.value

-- name: export
-- Along the entities that there are now, the oldest first: each leads to its version of the moment.
SELECT e.id, e.kind, e.version, e.state, e.created_at, e.updated_at, e.updated_by, e.created_at AS key
FROM read.entities n
CROSS JOIN LATERAL (SELECT b.* FROM ({board}) b WHERE b.id = n.id ORDER BY b.version DESC LIMIT 1) e
WHERE n.kind = {kind} AND n.created_at <= {moment} {conditions}
ORDER BY n.created_at, n.id

-- name: reach_of_one
SELECT
    e.id, e.version AS newest_version, e.created_at, now() AS asked_at,
    CASE WHEN c.last_time IS NOT NULL THEN least(c.last_time, p.parked_at) END AS complete_before
FROM read.entities e
JOIN read.checkpoints c ON c.topic = {topic} AND c.partition = e.partition
LEFT JOIN read.parked p ON p.entity_id = e.id
WHERE e.kind = {kind} AND e.id = {id} {visible}

-- name: one_at
-- No row: there never was one. An entity whose version is NULL came later.
SELECT
    r.newest_version, r.created_at, r.asked_at, r.complete_before,
    e.version, e.state, e.updated_at, e.updated_by, nullif(e.valid_to, 'infinity') AS valid_to
FROM ({reach}) r
LEFT JOIN LATERAL (
    SELECT v.id, v.version, v.state, v.valid_from AS updated_at, v.actor AS updated_by, v.valid_to, v.terms, v.state ->> 'assignee' AS assignee
    FROM read.entity_versions v
    WHERE v.id = r.id AND v.valid_from <= {moment} AND v.valid_to > {moment}
    ORDER BY v.version DESC LIMIT 1
) e ON true {visible}

-- name: one_version
SELECT
    r.newest_version, r.created_at, r.asked_at, r.complete_before,
    e.version, e.state, e.updated_at, e.updated_by, nullif(e.valid_to, 'infinity') AS valid_to
FROM ({reach}) r
LEFT JOIN LATERAL (
    SELECT v.id, v.version, v.state, v.valid_from AS updated_at, v.actor AS updated_by, v.valid_to, v.terms, v.state ->> 'assignee' AS assignee
    FROM read.entity_versions v
    WHERE v.id = r.id AND v.version = {version}
) e ON true {visible}

-- name: history
-- The version {after} comes along: the first one behind it is compared with it.
SELECT
    r.created_at, r.asked_at, r.complete_before,
    (
        SELECT n.version FROM read.entity_versions n
        WHERE n.id = r.id AND n.valid_from <= {moment} AND n.valid_to > {moment} ORDER BY n.version DESC LIMIT 1
    ) AS newest_version,
    h.*
FROM ({reach}) r
LEFT JOIN LATERAL (
    SELECT
        v.version, v.state, v.valid_from, CASE WHEN v.valid_to <= {moment} THEN v.valid_to END AS valid_to,
        t.type, t.actor, t.role, t.words, t.command_id, t.correlation_id, t.causation_id, t.reason, t.proposal_id, t.partition, t."offset"
    FROM read.entity_versions v
    JOIN read.timeline t ON t.id = v.id AND t.version = v.version
    WHERE v.id = r.id AND v.version >= {after} AND v.valid_from <= {moment}
    ORDER BY v.version LIMIT {limit}
) h ON true
ORDER BY h.version

-- name: timeline
SELECT
    r.created_at, r.asked_at, r.complete_before,
    (
        SELECT n.version FROM read.entity_versions n
        WHERE n.id = r.id AND n.valid_from <= {moment} AND n.valid_to > {moment} ORDER BY n.version DESC LIMIT 1
    ) AS newest_version,
    t.*
FROM ({reach}) r
LEFT JOIN LATERAL (
    SELECT * FROM read.timeline WHERE id = r.id AND version > {after} AND at <= {moment} ORDER BY version LIMIT {limit}
) t ON true
ORDER BY t.version

-- name: activity
SELECT t.* FROM read.timeline t
WHERE {range} {visible}
ORDER BY t.at DESC, t.partition DESC, t."offset" DESC
LIMIT {limit}

-- name: activity_of
-- The newest of each, merged: as quick for a type that comes once a month as for one that comes all the time.
SELECT t.*
FROM unnest({wanted}) AS wanted(value)
CROSS JOIN LATERAL (
    SELECT t.* FROM read.timeline t
    WHERE t.{column} = wanted.value AND {range} {conditions} {visible}
    ORDER BY t.at DESC, t.partition DESC, t."offset" DESC
    LIMIT {limit}
) t
ORDER BY t.at DESC, t.partition DESC, t."offset" DESC
LIMIT {limit}
