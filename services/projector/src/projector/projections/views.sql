-- name: columns
SELECT c.relname::text AS relation, a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = $1 AND c.relkind IN ('r', 'v')
ORDER BY c.relname, a.attnum

-- name: view
CREATE OR REPLACE VIEW read."{table}" AS SELECT {columns} FROM read_v1."{table}"
