-- The table of projections (feed.projections), and what the catalogs say of their schemas.

-- name: all
SELECT name, state, fold, layout, script, phase, made_at, changed_at, after_load, sound, compared, error
FROM feed.projections
ORDER BY length(name), name

-- name: live
SELECT name, state, fold, layout, script, phase, made_at, changed_at, after_load, sound, compared, error
FROM feed.projections
WHERE state = 'live'

-- name: locked
SELECT name, state, fold, layout, script, phase, made_at, changed_at, after_load, sound, compared, error
FROM feed.projections
ORDER BY length(name), name
FOR UPDATE

-- name: register
INSERT INTO feed.projections (name, state, fold, layout, script) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (name) DO UPDATE SET fold = excluded.fold, layout = excluded.layout, script = excluded.script

-- name: put_off
UPDATE feed.projections SET phase = 'load', after_load = $2::text[] WHERE name = $1 AND state = 'building'

-- name: built_first
UPDATE feed.projections SET after_load = after_load[2:] WHERE name = $1 AND state = 'building'

-- name: enter_phase
UPDATE feed.projections SET phase = $2 WHERE name = $1 AND state = 'building'

-- name: change_state
UPDATE feed.projections SET state = $3, changed_at = clock_timestamp()
WHERE name = $1 AND state = ANY ($2::text[])
RETURNING name

-- name: fail
UPDATE feed.projections SET state = 'failed', changed_at = clock_timestamp(), error = $2
WHERE name = $1 AND state <> 'live'

-- name: note_comparison
UPDATE feed.projections SET sound = $2, compared = $3 WHERE name = $1

-- name: forget
DELETE FROM feed.projections WHERE name = $1 AND state <> 'live'

-- name: tables
SELECT c.relname::text AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relkind = 'r'
ORDER BY c.relname

-- name: size
SELECT
    coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint AS rows,
    coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint AS bytes
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relkind = 'r'
