-- Answers to writes that a program may send again: kept for a day under the caller's key.
CREATE TABLE idempotency_keys (
    user_id UUID NOT NULL REFERENCES users ON DELETE CASCADE,
    route TEXT NOT NULL,
    key TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
    -- SHA-256 of what was asked for.
    request_hash BYTEA NOT NULL CHECK (length(request_hash) = 32),
    -- Absent while the first request runs.
    answer JSONB,
    started_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, route, key)
);
CREATE INDEX idempotency_keys_started_at ON idempotency_keys (started_at);
