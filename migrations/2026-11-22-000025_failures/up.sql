-- What jobs could not do: one row for a job, the thing it was about, and why.
CREATE TABLE failures (
    id UUID PRIMARY KEY,
    kind TEXT NOT NULL,
    -- Id of the download or integration; NULL = of the job as a whole.
    item UUID,
    code TEXT NOT NULL,
    -- The newest one.
    sentence TEXT NOT NULL,
    count BIGINT NOT NULL DEFAULT 1 CHECK (count > 0),
    first_at TIMESTAMPTZ NOT NULL,
    last_at TIMESTAMPTZ NOT NULL,
    last_run UUID REFERENCES runs ON DELETE SET NULL,
    -- A person has seen it: not shown until it worked once and failed again.
    dismissed_at TIMESTAMPTZ
);
-- NULLs are told apart by unique indexes of PostgreSQL 14.
CREATE UNIQUE INDEX failures_one_per_item ON failures (kind, COALESCE(item, '00000000-0000-0000-0000-000000000000'), code);
CREATE INDEX failures_newest ON failures (last_at DESC, id DESC) WHERE dismissed_at IS NULL;
CREATE INDEX failures_run ON failures (last_run) WHERE last_run IS NOT NULL;
CREATE INDEX failures_item ON failures (item) WHERE item IS NOT NULL;
