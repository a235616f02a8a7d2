-- A projection's tables, and what all projections share. Nothing here is a source of truth: dropped and rebuilt from ops.events at any time.
-- Each section runs as one script in one transaction, whenever it has changed (projections/install.py); the whole file makes a first database.
-- read_v1 stands for the name of the projection at hand, here and in every statement of this folder: each is a schema of its own.
-- Raise the layout's number with every change of the section "projection" that is more than one more index: a projector only writes rows of its
-- own layout, and waits while the live ones are of another.
-- layout: 3

-- name: projection
CREATE SCHEMA IF NOT EXISTS read_v1;

CREATE TABLE IF NOT EXISTS read_v1.checkpoints (
    topic         text   NOT NULL,
    partition     int    NOT NULL,
    "offset"      bigint NOT NULL,           -- every record below it is folded
    term          text,                      -- of the last fence below it
    fence_offset  bigint,
    fold          text   NOT NULL,           -- fingerprint of the fold that made the rows
    updated_at    timestamptz NOT NULL DEFAULT clock_timestamp(),   -- when the rows last moved, or were last known to be current
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);
-- The newest event time below the checkpoint: the next owner of the partition stamps no earlier one (R8).
ALTER TABLE read_v1.checkpoints ADD COLUMN IF NOT EXISTS last_time timestamptz;

CREATE TABLE IF NOT EXISTS read_v1.fences (
    partition int NOT NULL, "offset" bigint NOT NULL, term text NOT NULL, owner text NOT NULL, url text NOT NULL, at timestamptz NOT NULL,
    PRIMARY KEY (partition, "offset")
);

-- One row per entity, as of its last valid record.
CREATE TABLE IF NOT EXISTS read_v1.entities (
    id          text PRIMARY KEY,
    kind        text        NOT NULL,
    version     int         NOT NULL,
    partition   int         NOT NULL,
    "offset"    bigint      NOT NULL,
    state       jsonb       NOT NULL,        -- Kind.to_json, canonical
    memory      jsonb       NOT NULL,        -- commands remembered (R6): {"created": [id, hash, version, offset], "recent": [[...]], "forgotten_mint_ms": n}
    tags        jsonb       NOT NULL,        -- Kind.tags: flat strings that filters match on
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    updated_by  text,
    -- typed columns that lists sort on, and what they filter by: terms are the tags as name:value
    title       text NOT NULL, status text NOT NULL, rank int, assignee text, due_at timestamptz,
    terms       text[] NOT NULL DEFAULT '{}',
    keys        text[] NOT NULL DEFAULT '{}' -- names from outside, such as fingerprints of signals
) WITH (fillfactor = 80);
-- Lists: newest first, a page after the last (updated_at, id) of the page before; and the other orders. Those of rank and due date hold the rows
-- without one, too: they come last in a list.
CREATE INDEX IF NOT EXISTS entities_newest      ON read_v1.entities (kind, updated_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS entities_status      ON read_v1.entities (kind, status, updated_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS entities_assigned    ON read_v1.entities (kind, assignee, updated_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS entities_done        ON read_v1.entities (kind, updated_at DESC, id DESC) WHERE terms @> '{live:false}';
CREATE INDEX IF NOT EXISTS entities_by_creation ON read_v1.entities (kind, created_at, id);
CREATE INDEX IF NOT EXISTS entities_by_title    ON read_v1.entities (kind, title, id);
CREATE INDEX IF NOT EXISTS entities_by_rank     ON read_v1.entities (kind, rank, id);
CREATE INDEX IF NOT EXISTS entities_by_due      ON read_v1.entities (kind, due_at, id);
DROP INDEX IF EXISTS read_v1.entities_rank, read_v1.entities_due, read_v1.entities_assignee;
CREATE INDEX IF NOT EXISTS entities_terms    ON read_v1.entities USING gin (terms);
CREATE INDEX IF NOT EXISTS entities_keys     ON read_v1.entities USING gin (keys);

-- What a search finds an entity by; written only when its texts change.
CREATE TABLE IF NOT EXISTS read_v1.texts (
    id text PRIMARY KEY, kind text NOT NULL, text text NOT NULL, document tsvector NOT NULL GENERATED ALWAYS AS (to_tsvector('simple', text)) STORED
);
CREATE INDEX IF NOT EXISTS texts_document ON read_v1.texts USING gin (document);
-- Short codes name an entity by the end of its id. It stands here, because these rows are seldom written and every entity has one.
CREATE INDEX IF NOT EXISTS texts_by_code ON read_v1.texts (reverse(id) text_pattern_ops);

CREATE TABLE IF NOT EXISTS read_v1.entity_versions (
    id text NOT NULL, version int NOT NULL, kind text NOT NULL,
    partition int NOT NULL, "offset" bigint NOT NULL,
    command_id text NOT NULL, body_hash text NOT NULL,
    actor text,
    valid_from timestamptz NOT NULL, valid_to timestamptz NOT NULL DEFAULT 'infinity',
    state jsonb NOT NULL,
    -- what lists as of a moment filter and sort by, as in entities
    created_at timestamptz NOT NULL, rank int, due_at timestamptz, terms text[] NOT NULL,
    PRIMARY KEY (id, version)
) WITH (fillfactor = 90);
CREATE INDEX IF NOT EXISTS entity_versions_command ON read_v1.entity_versions (command_id);
-- No index has valid_to: closing a version then stays on its page (a HOT update) and touches no index.
CREATE INDEX IF NOT EXISTS entity_versions_newest ON read_v1.entity_versions (kind, valid_from DESC, id DESC);
CREATE INDEX IF NOT EXISTS entity_versions_terms  ON read_v1.entity_versions USING gin (terms);

CREATE TABLE IF NOT EXISTS read_v1.timeline (
    id text NOT NULL, version int NOT NULL, at timestamptz NOT NULL,
    type text NOT NULL,                      -- ce_type
    actor text, role text, words text NOT NULL, diff jsonb NOT NULL,
    command_id text NOT NULL, correlation_id text, causation_id text, reason text, proposal_id text,
    partition int NOT NULL, "offset" bigint NOT NULL,
    PRIMARY KEY (id, version)
);
-- Activity over all entities, newest first: of everybody, of an actor, of a type of event.
CREATE INDEX IF NOT EXISTS timeline_newest ON read_v1.timeline (at DESC, partition DESC, "offset" DESC);
CREATE INDEX IF NOT EXISTS timeline_actor  ON read_v1.timeline (actor, at DESC, partition DESC, "offset" DESC);
CREATE INDEX IF NOT EXISTS timeline_type   ON read_v1.timeline (type, at DESC, partition DESC, "offset" DESC);

-- Entities set aside: the record that could not be handled, and how many wait behind it. parked_at is the record's time.
CREATE TABLE IF NOT EXISTS read_v1.parked (
    entity_id text PRIMARY KEY, partition int NOT NULL, "offset" bigint NOT NULL, reason text NOT NULL,
    behind int NOT NULL DEFAULT 0, parked_at timestamptz NOT NULL
);

-- Persons' decisions that a record does not count (R10): the record at "skipped", by the one at "offset".
CREATE TABLE IF NOT EXISTS read_v1.skips (
    partition int NOT NULL, "offset" bigint NOT NULL, entity_id text NOT NULL, skipped bigint NOT NULL, version int NOT NULL,
    reason text NOT NULL, actor text, command_id text NOT NULL, body_hash text NOT NULL,
    skipped_command text, skipped_hash text, at timestamptz NOT NULL,
    PRIMARY KEY (partition, "offset")
);
CREATE INDEX IF NOT EXISTS skips_entity ON read_v1.skips (entity_id);

-- Entities of which versions were passed before the first one that counts.
CREATE TABLE IF NOT EXISTS read_v1.passed (entity_id text PRIMARY KEY, partition int NOT NULL, versions int NOT NULL);

-- name: feed
CREATE SCHEMA IF NOT EXISTS feed;

-- What operators ask of the running projector. Not derived from the log, and of no use to anybody once it is done.
CREATE TABLE IF NOT EXISTS feed.retries (entity_id text PRIMARY KEY, asked_at timestamptz NOT NULL DEFAULT clock_timestamp());

-- The projections that there are. Readers see the live one, through the views in read.
CREATE TABLE IF NOT EXISTS feed.projections (
    name        text PRIMARY KEY,
    state       text NOT NULL CHECK (state IN ('building', 'ready', 'live', 'old', 'failed')),
    fold        text NOT NULL,               -- fingerprint of the fold that makes its rows
    layout      int  NOT NULL,               -- of its tables
    script      text NOT NULL,               -- digest of the script that made its tables
    made_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),   -- of the state
    phase       text NOT NULL DEFAULT 'done' CHECK (phase IN ('load', 'index', 'done')),   -- of a build
    after_load  text[] NOT NULL DEFAULT '{}',    -- what makes the indexes and keys that were put off until the rows are loaded
    sound       boolean,                     -- what the last comparison found
    compared    text,                        -- in words
    error       text                         -- why it failed
);
CREATE UNIQUE INDEX IF NOT EXISTS projections_live ON feed.projections (state) WHERE state = 'live';

-- The change feed. UNLOGGED on purpose: a crash of Postgres empties both, which ends the epoch by itself.
CREATE UNLOGGED TABLE IF NOT EXISTS feed.head (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch bigint NOT NULL, n bigint NOT NULL,
    postmaster_started timestamptz NOT NULL, projection text NOT NULL
) WITH (fillfactor = 10);
CREATE UNLOGGED TABLE IF NOT EXISTS feed.entries (
    n bigint PRIMARY KEY, kind text NOT NULL, entity_id text NOT NULL, version int NOT NULL,
    topic text NOT NULL, partition int NOT NULL, "offset" bigint NOT NULL,
    actor text, event_types text[] NOT NULL, was jsonb, now jsonb NOT NULL, row text NOT NULL,
    event_at timestamptz NOT NULL, projected_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- The last epoch outlives the head, so that epochs grow even when the machine's clock goes back.
CREATE TABLE IF NOT EXISTS feed.last_epoch (one boolean PRIMARY KEY DEFAULT true CHECK (one), epoch bigint NOT NULL);

-- name: views
-- What readers name: views, so that a rebuilt projection is switched in by one transaction. These are the first database's; a switch and a
-- change of the layout make them anew from the tables that there are (projections/views.py).
CREATE SCHEMA IF NOT EXISTS read;
CREATE OR REPLACE VIEW read.checkpoints     AS SELECT * FROM read_v1.checkpoints;
CREATE OR REPLACE VIEW read.fences          AS SELECT * FROM read_v1.fences;
CREATE OR REPLACE VIEW read.entities        AS SELECT * FROM read_v1.entities;
CREATE OR REPLACE VIEW read.texts           AS SELECT * FROM read_v1.texts;
CREATE OR REPLACE VIEW read.entity_versions AS SELECT * FROM read_v1.entity_versions;
CREATE OR REPLACE VIEW read.timeline        AS SELECT * FROM read_v1.timeline;
CREATE OR REPLACE VIEW read.parked          AS SELECT * FROM read_v1.parked;
CREATE OR REPLACE VIEW read.skips           AS SELECT * FROM read_v1.skips;
CREATE OR REPLACE VIEW read.passed          AS SELECT * FROM read_v1.passed;
