CREATE TABLE job_definitions (
    kind TEXT PRIMARY KEY,
    is_enabled BOOLEAN NOT NULL DEFAULT TRUE,
    -- Seconds between starts; NULL = only on demand.
    every_seconds INTEGER CHECK (every_seconds > 0),
    -- UTC time of day in seconds; with it, the job runs daily.
    daily_at_seconds INTEGER CHECK (daily_at_seconds BETWEEN 0 AND 86399),
    next_at TIMESTAMPTZ,
    CHECK (every_seconds IS NULL OR daily_at_seconds IS NULL)
);

-- One execution of a job, from being queued to its end; the queue is the rows that have not ended.
CREATE TABLE runs (
    id UUID PRIMARY KEY,
    kind TEXT NOT NULL,
    payload JSONB NOT NULL DEFAULT '{}',
    -- While a run with this key is queued, another one is not queued.
    dedupe_key TEXT,
    -- While a run with this key is running, another one waits.
    lock_key TEXT,
    priority INTEGER NOT NULL DEFAULT 0,
    status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'succeeded', 'nothing_to_do', 'failed', 'cancelled', 'lost')),
    sentence TEXT NOT NULL DEFAULT '',
    started_by TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL DEFAULT 4,
    run_at TIMESTAMPTZ NOT NULL,
    queued_at TIMESTAMPTZ NOT NULL,
    started_at TIMESTAMPTZ,
    finished_at TIMESTAMPTZ,
    lease_until TIMESTAMPTZ,
    worker UUID,
    cancel_requested BOOLEAN NOT NULL DEFAULT FALSE,
    progress_done BIGINT NOT NULL DEFAULT 0,
    progress_total BIGINT NOT NULL DEFAULT 0,
    counters JSONB NOT NULL DEFAULT '[]'
);
CREATE UNIQUE INDEX runs_one_queued_per_key ON runs (dedupe_key) WHERE status = 'queued';
CREATE UNIQUE INDEX runs_one_running_per_lock ON runs (lock_key) WHERE status = 'running';
CREATE INDEX runs_queue ON runs (priority DESC, run_at) WHERE status = 'queued';
CREATE INDEX runs_running ON runs (lease_until) WHERE status = 'running';
CREATE INDEX runs_newest ON runs (queued_at DESC, id);
CREATE INDEX runs_kind ON runs (kind, queued_at DESC);

CREATE TABLE run_log (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id UUID NOT NULL REFERENCES runs ON DELETE CASCADE,
    at TIMESTAMPTZ NOT NULL,
    level TEXT NOT NULL CHECK (level IN ('info', 'warning', 'error')),
    sentence TEXT NOT NULL
);
CREATE INDEX run_log_run ON run_log (run_id, id);
