-- The table of the alternative "Postgres is the log".

-- name: install
CREATE TABLE IF NOT EXISTS bench_log (
    partition int NOT NULL, "offset" bigint NOT NULL, key bytea, value bytea NOT NULL, headers bytea NOT NULL, at bigint NOT NULL,
    PRIMARY KEY (partition, "offset")
)

-- name: append
INSERT INTO bench_log (partition, "offset", key, value, headers, at)
SELECT $1::int, $2::bigint + n - 1, key, value, headers, at
FROM unnest($3::bytea[], $4::bytea[], $5::bytea[], $6::bigint[]) WITH ORDINALITY AS r(key, value, headers, at, n)

-- name: read
SELECT "offset", key, value, headers, at FROM bench_log WHERE partition = $1 AND "offset" >= $2 ORDER BY "offset" LIMIT $3

-- name: end
SELECT coalesce(max("offset") + 1, 0) AS next FROM bench_log WHERE partition = $1
