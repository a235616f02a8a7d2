-- name: limits
-- Of one transaction. The commit is durable: an epoch that readers saw is never given again.
SET LOCAL lock_timeout = '700ms';
SET LOCAL idle_in_transaction_session_timeout = '{idle_ms}ms';
SET LOCAL synchronous_commit = 'on'

-- name: view_limits
-- All views together are waited for less than Postgres' deadlock_timeout (1 s): in a circle with a reader of several of them it is the switch
-- that steps back, never the reader.
SET LOCAL statement_timeout = '800ms'

-- name: hold_head
-- The live projector's commits wait from here on. No row (the server was started anew): it cannot commit either, until it finds the new epoch.
SELECT epoch, n FROM feed.head FOR UPDATE
