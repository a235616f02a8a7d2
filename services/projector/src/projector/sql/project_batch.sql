-- The batches of one or more partitions, as one statement in one message: a statement has a price of its own, some 0.3 ms of CPU, whatever is in it.
-- No answer row: nothing was written, because a checkpoint has moved (another projector is ahead: this one is a zombie) or because the
-- projection's part has changed (see the two kinds of locks). What is said of each partition comes as parallel arrays: $2 to $5 where it stands,
-- $7 to $9 and $77 where it will.
-- Rows come as parallel arrays. Measured on Postgres 18, 500 rows of entity_versions, CPU a row of client and server together: unnest 19 us,
-- jsonb_to_recordset 33 us, json_to_recordset 40 us.


-- name: live_locks
-- Of the projection that readers see: in this feed epoch only. The order of the locks is checkpoints, head; the head's is held until the commit,
-- so the order of commits is the order of positions.
held AS (
    SELECT c.partition FROM read_v1.checkpoints c
    JOIN unnest($2::int[], $3::bigint[], $4::text[], $5::bigint[]) AS b(partition, "offset", term, fence_offset) ON b.partition = c.partition
    WHERE c.topic = $1 AND c."offset" = b."offset"
      AND c.term IS NOT DISTINCT FROM b.term AND c.fence_offset IS NOT DISTINCT FROM b.fence_offset AND c.fold = $6
    ORDER BY c.partition
    FOR UPDATE OF c
), checkpoint AS (
    SELECT FROM held HAVING count(*) = cardinality($2::int[])
), head AS (
    UPDATE feed.head SET n = n + $12
    WHERE one AND epoch = $10 AND projection = $11 AND postmaster_started = pg_postmaster_start_time()
      AND EXISTS (SELECT FROM checkpoint)
    RETURNING epoch, n - $12 AS base, clock_timestamp() AS at
)

-- name: quiet_locks
-- Of one that nobody sees: no head, no feed entries. A switch locks the projection's row first, so this one waits for it, and then writes nothing.
projection AS (
    SELECT FROM feed.projections WHERE name = $11 AND state IN ('building', 'ready', 'old') FOR SHARE
), held AS (
    SELECT c.partition FROM read_v1.checkpoints c
    JOIN unnest($2::int[], $3::bigint[], $4::text[], $5::bigint[]) AS b(partition, "offset", term, fence_offset) ON b.partition = c.partition
    WHERE c.topic = $1 AND c."offset" = b."offset"
      AND c.term IS NOT DISTINCT FROM b.term AND c.fence_offset IS NOT DISTINCT FROM b.fence_offset AND c.fold = $6
      AND EXISTS (SELECT FROM projection)
    ORDER BY c.partition
    FOR UPDATE OF c
), checkpoint AS (
    SELECT FROM held HAVING count(*) = cardinality($2::int[])
), head AS (
    SELECT $10::bigint AS epoch, $12::bigint AS base, clock_timestamp() AS at FROM checkpoint
)

-- name: project_batch
WITH {locks}, moved AS (
    UPDATE read_v1.checkpoints c SET
        "offset" = a."offset", term = a.term, fence_offset = a.fence_offset, last_time = greatest(c.last_time, a.last_time),
        updated_at = clock_timestamp()
    FROM unnest($2::int[], $7::bigint[], $8::text[], $9::bigint[], $77::timestamptz[]) AS a(partition, "offset", term, fence_offset, last_time)
    WHERE c.topic = $1 AND c.partition = a.partition AND EXISTS (SELECT FROM head)
), entities AS (
    INSERT INTO read_v1.entities (
        id, kind, version, partition, "offset", state, memory, tags, created_at, updated_at, updated_by,
        title, status, rank, assignee, due_at, terms, keys
    )
    SELECT
        e.id, e.kind, e.version, e.partition, e."offset", e.state::jsonb, e.memory::jsonb, e.tags::jsonb, e.created_at, e.updated_at, e.updated_by,
        e.title, e.status, e.rank, e.assignee, e.due_at, e.terms::text[], e.keys::text[]
    FROM unnest(
        $13::text[], $14::text[], $15::int[], $16::bigint[], $17::text[], $18::text[], $19::text[],
        $20::timestamptz[], $21::timestamptz[], $22::text[],
        $23::text[], $24::text[], $25::int[], $26::text[], $27::timestamptz[], $28::text[], $29::text[],
        $81::int[]
    ) AS e(
        id, kind, version, "offset", state, memory, tags, created_at, updated_at, updated_by,
        title, status, rank, assignee, due_at, terms, keys,
        partition
    )
    WHERE EXISTS (SELECT FROM head)
    ON CONFLICT (id) DO UPDATE SET
        version = excluded.version, "offset" = excluded."offset", state = excluded.state, memory = excluded.memory, tags = excluded.tags,
        updated_at = excluded.updated_at, updated_by = excluded.updated_by,
        title = excluded.title, status = excluded.status, rank = excluded.rank, assignee = excluded.assignee,
        due_at = excluded.due_at, terms = excluded.terms, keys = excluded.keys
), texts AS (
    INSERT INTO read_v1.texts (id, kind, text)
    SELECT t.id, t.kind, t.text
    FROM unnest($78::text[], $79::text[], $80::text[]) AS t(id, kind, text)
    WHERE EXISTS (SELECT FROM head)
    ON CONFLICT (id) DO UPDATE SET text = excluded.text
), closed AS (
    UPDATE read_v1.entity_versions v SET valid_to = c.valid_to
    FROM unnest($30::text[], $31::int[], $32::timestamptz[]) AS c(id, version, valid_to)
    WHERE v.id = c.id AND v.version = c.version AND EXISTS (SELECT FROM head)
), versions AS (
    INSERT INTO read_v1.entity_versions (
        id, version, kind, partition, "offset", command_id, body_hash, actor, valid_from, valid_to, state, created_at, rank, due_at, terms
    )
    SELECT
        v.id, v.version, v.kind, v.partition, v."offset", v.command_id, v.body_hash, v.actor, v.valid_from, coalesce(v.valid_to, 'infinity'),
        v.state::jsonb, v.created_at, v.rank, v.due_at, v.terms::text[]
    FROM unnest(
        $33::text[], $34::int[], $35::text[], $36::bigint[], $37::text[], $38::text[], $39::text[],
        $40::timestamptz[], $41::timestamptz[], $42::text[], $82::int[], $87::timestamptz[], $88::int[], $89::timestamptz[], $90::text[]
    ) AS v(id, version, kind, "offset", command_id, body_hash, actor, valid_from, valid_to, state, partition, created_at, rank, due_at, terms)
    WHERE EXISTS (SELECT FROM head)
), timeline AS (
    INSERT INTO read_v1.timeline (
        id, version, at, type, actor, role, words, diff, command_id, correlation_id, causation_id, reason, proposal_id, partition, "offset"
    )
    SELECT
        t.id, t.version, t.at, t.type, t.actor, t.role, t.words, t.diff::jsonb,
        t.command_id, t.correlation_id, t.causation_id, t.reason, t.proposal_id, t.partition, t."offset"
    FROM unnest(
        $43::text[], $44::int[], $45::timestamptz[], $46::text[], $47::text[], $48::text[], $49::text[], $50::text[],
        $51::text[], $52::text[], $53::text[], $54::text[], $55::text[], $56::bigint[],
        $83::int[]
    ) AS t(
        id, version, at, type, actor, role, words, diff, command_id, correlation_id, causation_id, reason, proposal_id, "offset", partition
    )
    WHERE EXISTS (SELECT FROM head)
), fences AS (
    INSERT INTO read_v1.fences (partition, "offset", term, owner, url, at)
    SELECT f.partition, f."offset", f.term, f.owner, f.url, f.at
    FROM unnest($57::bigint[], $58::text[], $59::text[], $60::text[], $61::timestamptz[], $84::int[]) AS f("offset", term, owner, url, at, partition)
    WHERE EXISTS (SELECT FROM head)
), parked AS (
    INSERT INTO read_v1.parked AS known (entity_id, partition, "offset", reason, behind, parked_at)
    SELECT p.entity_id, p.partition, p."offset", p.reason, p.behind, p.parked_at
    FROM unnest($62::text[], $63::bigint[], $64::text[], $65::int[], $66::timestamptz[], $85::int[])
        AS p(entity_id, "offset", reason, behind, parked_at, partition)
    WHERE EXISTS (SELECT FROM head)
    ON CONFLICT (entity_id) DO UPDATE SET behind = known.behind + excluded.behind
), entries AS (
    INSERT INTO feed.entries (
        n, kind, entity_id, version, topic, partition, "offset", actor, event_types, was, now, row, event_at, projected_at
    )
    SELECT
        head.base + f.position, f.kind, f.entity_id, f.version, $1, f.partition, f."offset", f.actor, f.event_types::text[],
        f.was::jsonb, f.now::jsonb, f.row, f.event_at, head.at
    FROM head, unnest(
        $67::text[], $68::text[], $69::int[], $70::bigint[], $71::text[], $72::text[], $73::text[], $74::text[], $75::text[], $76::timestamptz[],
        $86::int[]
    ) WITH ORDINALITY AS f(kind, entity_id, version, "offset", actor, event_types, was, now, row, event_at, partition, position)
)
SELECT epoch, base, at FROM head
