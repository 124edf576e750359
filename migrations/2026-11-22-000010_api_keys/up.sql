-- Keys of programs. Secrets are 32 random bytes, stored as SHA-256 only.
CREATE TABLE api_keys (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    scope TEXT NOT NULL CHECK (scope IN ('read', 'request', 'manage', 'admin')),
    secret_hash BYTEA NOT NULL UNIQUE CHECK (length(secret_hash) = 32),
    -- The secret from before the last rotation, good for a grace time.
    previous_secret_hash BYTEA CHECK (length(previous_secret_hash) = 32),
    previous_until TIMESTAMPTZ,
    requests_per_minute INTEGER CHECK (requests_per_minute BETWEEN 1 AND 10000),
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ,
    rotated_at TIMESTAMPTZ,
    revoked_at TIMESTAMPTZ,
    last_used_at TIMESTAMPTZ,
    last_used_address TEXT,
    CHECK ((previous_secret_hash IS NULL) = (previous_until IS NULL))
);
CREATE INDEX api_keys_user_id ON api_keys (user_id, created_at);
-- A person tells their keys apart by name.
CREATE UNIQUE INDEX api_keys_name ON api_keys (user_id, name) WHERE revoked_at IS NULL;
