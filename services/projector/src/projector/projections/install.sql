-- name: lock_schema
-- Several projectors may start at once; the lock goes with the transaction.
SELECT pg_advisory_xact_lock(hashtext('opsroom.projector.schema'))

-- name: installed_feed
SELECT obj_description(oid, 'pg_namespace') AS installed FROM pg_namespace WHERE nspname = 'feed'

-- name: made_by
SELECT fold FROM read_v1.checkpoints ORDER BY topic, partition LIMIT 1

-- name: indexes
-- The keys and indexes of the big tables, as what takes them away and what makes them again. The primary keys of what has one row an entity
-- stay: while rows are loaded an entity that is no longer in memory is looked up by it, and its row is replaced.
SELECT
    CASE WHEN k.oid IS NULL THEN format('DROP INDEX %I.%I', n.nspname, i.relname)
         ELSE format('ALTER TABLE %I.%I DROP CONSTRAINT %I', n.nspname, t.relname, k.conname) END AS undo,
    CASE WHEN k.oid IS NULL THEN pg_get_indexdef(i.oid)
         ELSE format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s', n.nspname, t.relname, k.conname, pg_get_constraintdef(k.oid)) END AS redo
FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_class t ON t.oid = x.indrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
LEFT JOIN pg_constraint k ON k.conindid = i.oid AND k.contype IN ('p', 'u')
WHERE n.nspname = $1
  AND t.relname NOT IN ('checkpoints', 'fences', 'parked', 'skips', 'passed')
  AND NOT (t.relname IN ('entities', 'texts') AND x.indisprimary)
ORDER BY k.oid IS NULL, t.relname, i.relname
