CREATE TABLE users (
    id UUID PRIMARY KEY,
    username TEXT NOT NULL CHECK (length(username) BETWEEN 1 AND 64),
    -- Case-folded, so that "Anna" and "anna" are one person.
    username_key TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'user', 'manager', 'admin')),
    is_active BOOLEAN NOT NULL DEFAULT TRUE,
    created_at TIMESTAMPTZ NOT NULL,
    last_login_at TIMESTAMPTZ
);

-- A session is a family of refresh tokens; the newest is the only valid one.
CREATE TABLE sessions (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users ON DELETE CASCADE,
    refresh_hash BYTEA NOT NULL UNIQUE,
    -- The token before this one: presented again, it proves theft or a lost answer.
    previous_refresh_hash BYTEA,
    rotated_at TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ,
    address TEXT,
    user_agent TEXT
);
CREATE INDEX sessions_user_id ON sessions (user_id);

-- Small values of the installation itself: the setup token's hash, the signing key, runtime settings.
CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value JSONB NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    updated_by UUID REFERENCES users ON DELETE SET NULL
);

CREATE TABLE integrations (
    id UUID PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('audiobookshelf', 'qbittorrent', 'myanonamouse', 'prowlarr', 'torznab')),
    name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 80),
    url TEXT NOT NULL,
    is_enabled BOOLEAN NOT NULL DEFAULT TRUE,
    priority INTEGER NOT NULL DEFAULT 0,
    options JSONB NOT NULL DEFAULT '{}',
    -- Encrypted: password, API key or mam_id as the admin entered it.
    secret BYTEA,
    -- Encrypted: what the service gave us since (rotated cookie, login cookie); forgotten when the secret changes.
    session_secret BYTEA,
    -- Counts edits of address or secret; a refused login is not tried again until it moves.
    revision INTEGER NOT NULL DEFAULT 1,
    refused_revision INTEGER,
    health TEXT NOT NULL DEFAULT 'unknown' CHECK (health IN ('unknown', 'ok', 'warning', 'failing')),
    health_sentence TEXT,
    checked_at TIMESTAMPTZ,
    version TEXT,
    is_sandbox BOOLEAN NOT NULL DEFAULT FALSE,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

-- One row an integration and day: the request counter that is on screen, and the time of the last request.
CREATE TABLE request_budgets (
    integration_id UUID NOT NULL REFERENCES integrations ON DELETE CASCADE,
    day DATE NOT NULL,
    requests INTEGER NOT NULL DEFAULT 0,
    last_request_at TIMESTAMPTZ,
    -- The service asked for a pause, or refused us.
    paused_until TIMESTAMPTZ,
    pause_sentence TEXT,
    PRIMARY KEY (integration_id, day)
);

CREATE TABLE account_snapshots (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    integration_id UUID NOT NULL REFERENCES integrations ON DELETE CASCADE,
    taken_at TIMESTAMPTZ NOT NULL,
    username TEXT,
    class TEXT,
    ratio DOUBLE PRECISION,
    uploaded_bytes BIGINT,
    downloaded_bytes BIGINT,
    points BIGINT,
    wedges BIGINT,
    vip_until TIMESTAMPTZ,
    unsatisfied_count BIGINT,
    unsatisfied_limit BIGINT,
    connectable TEXT
);
CREATE INDEX account_snapshots_newest ON account_snapshots (integration_id, taken_at DESC);

CREATE TABLE audit_log (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL,
    -- No foreign key: the log outlives the user.
    user_id UUID,
    actor TEXT NOT NULL,
    address TEXT,
    action TEXT NOT NULL,
    subject TEXT,
    detail JSONB NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_log_at ON audit_log (at DESC);
