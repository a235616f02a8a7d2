-- A board with a past: stories told by the real code, copied under other ids and times.

-- name: make_stories
DROP SCHEMA IF EXISTS bench CASCADE;
CREATE SCHEMA bench;
CREATE TABLE bench.entities AS SELECT 0 AS story, e.* FROM read_v1.entities e WITH NO DATA;
CREATE TABLE bench.versions AS SELECT 0 AS story, v.* FROM read_v1.entity_versions v WITH NO DATA;
CREATE TABLE bench.timeline AS SELECT 0 AS story, t.* FROM read_v1.timeline t WITH NO DATA;
CREATE TABLE bench.plan (n int, version int, story int, id text, partition int, "offset" bigint, at timestamptz, valid_to timestamptz);

-- name: tell_entities
INSERT INTO bench.entities (
    story, id, kind, version, "offset", state, memory, tags, created_at, updated_at, updated_by, title, status, rank, assignee, due_at, terms, keys
)
SELECT s, id, kind, version, o, state::jsonb, memory::jsonb, tags::jsonb, created_at, updated_at, updated_by, title, status, rank, assignee, due_at, terms::text[], keys::text[]
FROM unnest(
    $1::int[], $2::text[], $3::text[], $4::int[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::timestamptz[], $10::timestamptz[], $11::text[],
    $12::text[], $13::text[], $14::int[], $15::text[], $16::timestamptz[], $17::text[], $18::text[]
) AS e(s, id, kind, version, o, state, memory, tags, created_at, updated_at, updated_by, title, status, rank, assignee, due_at, terms, keys)

-- name: tell_versions
INSERT INTO bench.versions (
    story, id, version, kind, "offset", command_id, body_hash, actor, valid_from, valid_to, state, created_at, rank, due_at, terms
)
SELECT s, id, version, kind, o, command_id, body_hash, actor, valid_from, valid_to, state::jsonb, created_at, rank, due_at, terms::text[]
FROM unnest(
    $1::int[], $2::text[], $3::int[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::timestamptz[], $10::timestamptz[], $11::text[],
    $12::timestamptz[], $13::int[], $14::timestamptz[], $15::text[]
) AS v(s, id, version, kind, o, command_id, body_hash, actor, valid_from, valid_to, state, created_at, rank, due_at, terms)

-- name: tell_timeline
INSERT INTO bench.timeline (
    story, id, version, at, type, actor, role, words, diff, command_id, correlation_id, causation_id, reason, proposal_id, "offset"
)
SELECT s, id, version, at, type, actor, role, words, diff::jsonb, command_id, correlation_id, causation_id, reason, proposal_id, o
FROM unnest(
    $1::int[], $2::text[], $3::int[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[],
    $13::text[], $14::text[], $15::bigint[]
) AS t(s, id, version, at, type, actor, role, words, diff, command_id, correlation_id, causation_id, reason, proposal_id, o)

-- name: plan
INSERT INTO bench.plan
SELECT
    n, version, n % $2::int, 'inc_0' || substr(md5(n::text), 1, 25), n % 8, n::bigint * 10 + version, at, coalesce(lead(at) OVER (PARTITION BY n ORDER BY version), 'infinity')
FROM (
    SELECT n, version, CASE version
        WHEN 1 THEN $3::timestamptz + random() * $4::interval
        ELSE $3::timestamptz + $4::interval + ((version - 2 + random()) / 9) * ($5::interval - $4::interval)
    END AS at
    FROM generate_series(0, $1::int - 1) AS n, generate_series(1, 10) AS version
    ORDER BY 3
) AS events

-- name: write_entities
INSERT INTO read_v1.entities (
    id, kind, version, partition, "offset", state, memory, tags, created_at, updated_at, updated_by, title, status, rank, assignee, due_at, terms, keys
)
SELECT
    p.id, e.kind, e.version, p.partition, p."offset", e.state, e.memory, e.tags, p.created_at, p.at, e.updated_by, e.title, e.status, e.rank, e.assignee,
    e.due_at, e.terms, e.keys
FROM (SELECT *, first_value(at) OVER (PARTITION BY n ORDER BY version) AS created_at FROM bench.plan) p
JOIN bench.entities e ON e.story = p.story
WHERE p.version = 10
ORDER BY p.at

-- name: write_versions
INSERT INTO read_v1.entity_versions (
    id, version, kind, partition, "offset", command_id, body_hash, actor, valid_from, valid_to, state, created_at, rank, due_at, terms
)
SELECT
    p.id, p.version, v.kind, p.partition, p."offset", md5(p."offset"::text), v.body_hash, v.actor, p.at, p.valid_to, v.state,
    p.created_at, v.rank, v.due_at, v.terms
FROM (SELECT *, first_value(at) OVER (PARTITION BY n ORDER BY version) AS created_at FROM bench.plan) p
JOIN bench.versions v ON v.story = p.story AND v.version = p.version
ORDER BY p.at

-- name: write_timeline
INSERT INTO read_v1.timeline (
    id, version, at, type, actor, role, words, diff, command_id, correlation_id, causation_id, reason, proposal_id, partition, "offset"
)
SELECT
    p.id, p.version, p.at, t.type, t.actor, t.role, t.words, t.diff, md5(p."offset"::text), t.correlation_id, t.causation_id, t.reason, t.proposal_id,
    p.partition, p."offset"
FROM bench.plan p
JOIN bench.timeline t ON t.story = p.story AND t.version = p.version
ORDER BY p.at

-- name: write_texts
INSERT INTO read_v1.texts (id, kind, text) SELECT id, kind, title FROM read_v1.entities

-- name: write_checkpoints
INSERT INTO read_v1.checkpoints (topic, partition, "offset", fold, last_time)
SELECT 'ops.events', partition, max("offset") + 1, $1, max(at) FROM bench.plan GROUP BY partition

-- name: drop_stories
DROP SCHEMA bench CASCADE

-- name: feed
INSERT INTO feed.head (epoch, n, postmaster_started, projection) VALUES (1, 1, pg_postmaster_start_time(), 'read_v1')

-- name: indexes
SELECT indexdef FROM pg_indexes WHERE schemaname = 'read_v1' AND indexname NOT LIKE '%\_pkey'

-- name: drop_indexes
-- They are made when the rows are there: that takes a third of the time.
DO $$
DECLARE one record;
BEGIN
    FOR one IN SELECT indexname FROM pg_indexes WHERE schemaname = 'read_v1' AND indexname NOT LIKE '%\_pkey' LOOP
        EXECUTE format('DROP INDEX read_v1.%I', one.indexname);
    END LOOP;
END $$
