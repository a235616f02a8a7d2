-- name: claim
SELECT pg_try_advisory_lock(hashtext('opsroom.projection'), hashtext($1)) AS ours

-- name: claimed_by
SELECT l.pid, a.backend_start AS since
FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
  AND l.classid = (hashtext('opsroom.projection')::bigint & 4294967295)::oid
  AND l.objid = (hashtext($1)::bigint & 4294967295)::oid
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())

-- name: give_back
SELECT pg_advisory_unlock(hashtext('opsroom.projection'), hashtext($1))
