-- What correlation asks of the read model.

-- name: latest_by_fingerprint
SELECT id, state -> 'signals' -> $1::text ->> 'starts_at' AS starts_at, tags ->> 'live' = 'true' AS live,
       COALESCE(tags ->> 'merged_into', '') <> '' AS merged
  FROM read.entities
 WHERE kind = 'incident' AND keys @> ARRAY[$1::text]
 ORDER BY state -> 'signals' -> $1::text ->> 'starts_at' DESC, id DESC
 LIMIT 1;

-- name: checkpoints
SELECT partition, "offset" FROM read.checkpoints WHERE topic = $1;
