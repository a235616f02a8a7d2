-- A large board, made by Postgres itself: rows as the projector writes them, with filters that are common, rare, and bound to a row's age.
-- Everything follows from the number of a row, so that every run has the same rows.

-- name: dice
-- A number in [0, 1) for each row and purpose.
CREATE OR REPLACE FUNCTION dice(row_number bigint, purpose int) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashint8extended(row_number, purpose) & 1048575) / 1048576.0

-- name: entities
-- $1 kind, $2 prefix, $3 rows, $4 state, $5 statuses from the first to the last, $6 has ranks, $7 has due dates, $8 names of the other choices
-- $9 their words (arrays as JSON), $10 and $11 the first and the last row to make now. The newest tenth of the rows is live; "legacy" is only on the older half.
INSERT INTO read_v1.entities (
    id, kind, version, partition, "offset", state, memory, tags, created_at, updated_at, updated_by,
    title, status, rank, assignee, due_at, terms, keys
)
SELECT
    id, $1, 1 + (dice(i, 1) * 9)::int, i % 12, i,
    $4::jsonb || jsonb_build_object('id', id, 'title', title, 'assignee', assignee, 'labels', labels, 'team', team)
        || CASE WHEN $4::jsonb ? 'status' THEN jsonb_build_object('status', status) ELSE '{}' END,
    '{}', '{}', created_at, created_at + interval '10 day' * power(dice(i, 2), 8), 'usr_' || (dice(i, 3) * 500)::int,
    title, status, CASE WHEN $6 THEN 1 + (5 * sqrt(dice(i, 4)))::int END, assignee,
    CASE WHEN $7 AND dice(i, 5) < 0.7 THEN created_at + interval '30 day' * dice(i, 6) END,
    array_remove(
        ARRAY['status:' || status, 'assignee:' || assignee, 'team:' || team, 'visibility:everyone', 'live:' || live,
              'firing:' || (live AND dice(i, 7) < 0.5), 'source:' || CASE WHEN dice(i, 8) < 0.8 THEN 'alertmanager' ELSE 'person' END,
              'escalation_level:0', 'opened_by:usr_' || (dice(i, 9) * 500)::int]
        || ARRAY(SELECT 'labels:' || label FROM unnest(labels) AS label)
        || ARRAY(
            SELECT name || ':' || (words->>((jsonb_array_length(words) * sqrt(dice(i, 20 + n::int)))::int % jsonb_array_length(words)))
            FROM unnest($8::text[], $9::text[]) WITH ORDINALITY AS choices(name, text, n), LATERAL (SELECT text::jsonb AS words) AS w
        ),
        NULL
    ),
    ARRAY[md5(i::text)]
FROM generate_series($10::bigint, $11::bigint) AS i,
LATERAL (
    SELECT
        $2 || '_0' || lpad(to_hex(i), 9, '0') || left(md5($1 || i), 16) AS id,
        timestamptz '2026-01-01 00:00+00' + interval '25 second' * i * (1000000.0 / $3) AS created_at,
        i > 0.9 * $3 AS live,
        CASE WHEN dice(i, 10) < 0.3 THEN NULL ELSE 'usr_' || (500 * power(dice(i, 11), 2))::int END AS assignee,
        'team-' || (20 * power(dice(i, 12), 2))::int AS team
) AS a,
LATERAL (
    SELECT
        ($5::text[])[CASE WHEN live THEN 1 + floor(dice(i, 13) * (cardinality($5::text[]) - 2))::int
                          ELSE cardinality($5::text[]) - (dice(i, 13) < 0.05)::int END] AS status,
        array_remove(ARRAY[
            CASE WHEN dice(i, 14) < 0.4 THEN 'env=prod' ELSE 'env=staging' END,
            'service=' || (1000 * dice(i, 15))::int,
            'region=' || (5 * dice(i, 16))::int,
            CASE WHEN dice(i, 17) < 0.01 THEN 'tier=gold' END,
            CASE WHEN i < 0.5 * $3 AND dice(i, 18) < 0.6 THEN 'legacy' END,
            CASE WHEN i % 20000 = 7 THEN 'customer=rare' END
        ], NULL) AS labels,
        (ARRAY['High latency', 'Disk almost full', 'Errors above the threshold', 'Queue grows', 'Certificate expires'])[1 + (dice(i, 19) * 4)::int]
            || ' on node-' || (5000 * dice(i, 20))::int AS title
) AS b

-- name: texts
INSERT INTO read_v1.texts (id, kind, text)
SELECT
    id, kind,
    title || E'\n' || 'The alert says that ' || lower(title) || ' since some minutes; see the runbook of service '
        || (1000 * dice("offset", 15))::int || ', and ask the team on call before anything is restarted. Case '
        || substr(md5(id), 1, 8) || CASE WHEN dice("offset", 30) < 0.001 THEN ' zookeeper' ELSE '' END
        || E'\n' || array_to_string(ARRAY(SELECT substr(term, 8) FROM unnest(terms) AS term WHERE term LIKE 'labels:%'), E'\n')
FROM read_v1.entities WHERE kind = $1

-- name: timeline
INSERT INTO read_v1.timeline (id, version, at, type, actor, role, words, diff, command_id, partition, "offset")
SELECT id, 1, created_at, 'opsroom.' || kind || '.opened', updated_by, 'operator', 'Opened', '{}', id, partition, "offset"
FROM read_v1.entities WHERE kind = $1

-- name: feed
INSERT INTO feed.head (epoch, n, postmaster_started, projection) VALUES (1, 1, pg_postmaster_start_time(), 'read_v1')
ON CONFLICT (one) DO UPDATE SET postmaster_started = excluded.postmaster_started

-- name: indexes
SELECT indexdef FROM pg_indexes
WHERE schemaname = 'read_v1' AND tablename IN ('entities', 'texts', 'timeline') AND indexname NOT LIKE '%\_pkey'

-- name: drop_indexes
DO $$
DECLARE one record;
BEGIN
    FOR one IN
        SELECT indexname FROM pg_indexes
        WHERE schemaname = 'read_v1' AND tablename IN ('entities', 'texts', 'timeline') AND indexname NOT LIKE '%\_pkey'
    LOOP
        EXECUTE format('DROP INDEX read_v1.%I', one.indexname);
    END LOOP;
END $$
