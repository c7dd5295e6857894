-- The queue, the ledger and the reports of one installation. Version 1.

CREATE TABLE job (
    content_id text COLLATE "C" PRIMARY KEY,
    revision integer NOT NULL,
    state text NOT NULL,
    due_at timestamptz NOT NULL,
    saved_at timestamptz NOT NULL DEFAULT now(),
    claims integer NOT NULL DEFAULT 0,          -- claims without a save: one that kills its worker is set aside after a few
    failed_since timestamptz,                   -- when the document began to cause an unexpected error
    document json NOT NULL                      -- json, not jsonb: jsonb refuses \u0000, which a vendor's message may hold
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

ALTER TABLE job ALTER document SET STORAGE MAIN; -- compressed, but in the row; by a statement of its own for PostgreSQL 14 and 15

CREATE INDEX job_due ON job (due_at);

CREATE TABLE job_set_aside (
    name text COLLATE "C" PRIMARY KEY,          -- lake, and lake~2 for a second one
    content_id text COLLATE "C" NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    reason text NOT NULL,
    document json NOT NULL
);

ALTER TABLE job_set_aside ALTER document SET STORAGE MAIN;

CREATE TABLE report (
    name text COLLATE "C" PRIMARY KEY,          -- lake_completion_report.json, lake~1_failure_report.json
    content_id text COLLATE "C" NOT NULL,
    written_at timestamptz NOT NULL DEFAULT now(),
    data bytea NOT NULL
);

ALTER TABLE report ALTER data SET STORAGE MAIN;

CREATE INDEX report_job ON report (content_id);
CREATE INDEX report_time ON report (written_at);

CREATE TABLE report_set_aside (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    reason text NOT NULL,
    data bytea NOT NULL
);

CREATE TABLE vendor_job (
    id bytea PRIMARY KEY,                       -- a hash: what a vendor says never goes into a text column
    content_id text COLLATE "C" NOT NULL
);

CREATE TABLE movement (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    day date NOT NULL,
    entry text NOT NULL,
    reference text COLLATE "C" NOT NULL,
    content_id text NOT NULL,
    service text NOT NULL,
    step text NOT NULL,
    clip integer NOT NULL,
    usd numeric NOT NULL,
    rehearsal boolean NOT NULL,
    facts json NOT NULL
);

CREATE INDEX movement_reference ON movement (reference, number);
CREATE INDEX movement_day ON movement (day, number);

CREATE TABLE budget_day (
    day date NOT NULL,
    rehearsal boolean NOT NULL,
    used numeric NOT NULL,
    PRIMARY KEY (day, rehearsal)
);

CREATE TABLE service_pause (
    service text COLLATE "C" PRIMARY KEY,
    shut_until timestamptz NOT NULL,
    held_until timestamptz NOT NULL
);
