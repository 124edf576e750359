-- A work that somebody wants. At most one open want a work; others join it.
CREATE TABLE wants (
    id UUID PRIMARY KEY,
    work_id UUID NOT NULL REFERENCES works,
    -- A recording is asked for: types::search::SearchForm.
    target JSONB NOT NULL,
    reason TEXT NOT NULL CHECK (reason IN ('request', 'series_gap', 'author_gap', 'list', 'upgrade', 'manual')),
    status TEXT NOT NULL CHECK (status IN ('open', 'fulfilled', 'cancelled')),
    created_at TIMESTAMPTZ NOT NULL,
    closed_at TIMESTAMPTZ
);
CREATE UNIQUE INDEX wants_one_open_per_work ON wants (work_id) WHERE status = 'open';

CREATE TABLE want_people (
    want_id UUID NOT NULL REFERENCES wants ON DELETE CASCADE,
    user_id UUID NOT NULL REFERENCES users ON DELETE CASCADE,
    asked_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (want_id, user_id)
);

CREATE TABLE searches (
    id UUID PRIMARY KEY,
    want_id UUID REFERENCES wants ON DELETE CASCADE,
    user_id UUID REFERENCES users ON DELETE SET NULL,
    form JSONB NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('running', 'done', 'failed')),
    -- Vec<types::search::IndexerOutcome>
    outcomes JSONB NOT NULL DEFAULT '[]',
    sentence TEXT NOT NULL DEFAULT '',
    started_at TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ
);
CREATE INDEX searches_want ON searches (want_id, started_at DESC);

-- What an indexer offered. The same offer found again updates its row.
CREATE TABLE releases (
    id UUID PRIMARY KEY,
    integration_id UUID NOT NULL REFERENCES integrations ON DELETE CASCADE,
    -- MAM id, or indexer id + guid.
    external_id TEXT NOT NULL,
    title TEXT NOT NULL,
    -- clients::indexer::FoundRelease without its download address.
    facts JSONB NOT NULL,
    -- Encrypted: download addresses hold keys.
    download_ref BYTEA NOT NULL,
    size_bytes BIGINT,
    info_hash TEXT,
    first_seen_at TIMESTAMPTZ NOT NULL,
    last_seen_at TIMESTAMPTZ NOT NULL,
    UNIQUE (integration_id, external_id)
);

CREATE TABLE candidates (
    id UUID PRIMARY KEY,
    search_id UUID NOT NULL REFERENCES searches ON DELETE CASCADE,
    release_id UUID NOT NULL REFERENCES releases ON DELETE CASCADE,
    rank INTEGER NOT NULL,
    decision TEXT NOT NULL CHECK (decision IN ('accepted', 'review', 'rejected')),
    -- types::search::Verdict
    verdict JSONB NOT NULL,
    UNIQUE (search_id, release_id)
);

-- Never again: by release, or by the content it turned out to have.
CREATE TABLE blocklist (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    release_id UUID REFERENCES releases ON DELETE CASCADE,
    info_hash TEXT,
    reason TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    CHECK (release_id IS NOT NULL OR info_hash IS NOT NULL)
);
CREATE INDEX blocklist_release ON blocklist (release_id);
CREATE INDEX blocklist_hash ON blocklist (info_hash);

CREATE TABLE downloads (
    id UUID PRIMARY KEY,
    want_id UUID NOT NULL REFERENCES wants,
    work_id UUID NOT NULL REFERENCES works,
    search_id UUID REFERENCES searches ON DELETE SET NULL,
    candidate_id UUID REFERENCES candidates ON DELETE SET NULL,
    release_id UUID REFERENCES releases ON DELETE SET NULL,
    client_id UUID REFERENCES integrations ON DELETE SET NULL,
    state TEXT NOT NULL CHECK (state IN ('wanted', 'searching', 'hold', 'review', 'not_found', 'queued', 'sent',
        'downloading', 'downloaded', 'verifying', 'importing', 'imported', 'failed', 'cancelled', 'abandoned',
        'superseded', 'removed_from_tracker')),
    hold_reason TEXT CHECK (hold_reason IN ('vip_risk', 'ratio', 'unsatisfied_slots', 'points', 'no_seeders', 'client_down',
        'disk_low', 'quota', 'approval', 'library_unreadable', 'account_unknown', 'indexer_down')),
    CHECK ((state = 'hold') = (hold_reason IS NOT NULL)),
    sentence TEXT NOT NULL,
    -- Who may be asked to confirm: an owned work was grabbed by a person on purpose.
    is_forced BOOLEAN NOT NULL DEFAULT FALSE,
    info_hash TEXT,
    info_hash_v2 TEXT,
    size_bytes BIGINT,
    progress DOUBLE PRECISION,
    speed_bytes_per_second BIGINT,
    eta_seconds BIGINT,
    seeders INTEGER,
    client_state TEXT,
    content_path TEXT,
    -- Stall ladder: step taken last, and when bytes last moved.
    stall_step INTEGER NOT NULL DEFAULT 0,
    stall_step_at TIMESTAMPTZ,
    completed_bytes BIGINT,
    last_bytes_at TIMESTAMPTZ,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at TIMESTAMPTZ,
    book_id UUID REFERENCES books ON DELETE SET NULL,
    replaces_id UUID REFERENCES downloads ON DELETE SET NULL,
    idempotency_key TEXT UNIQUE CHECK (length(idempotency_key) <= 200),
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
-- Two people, one download.
CREATE UNIQUE INDEX downloads_one_active_per_work ON downloads (work_id)
    WHERE state NOT IN ('imported', 'failed', 'cancelled', 'abandoned', 'superseded', 'removed_from_tracker');
CREATE UNIQUE INDEX downloads_one_per_hash ON downloads (info_hash)
    WHERE info_hash IS NOT NULL AND state NOT IN ('failed', 'cancelled', 'abandoned', 'superseded', 'removed_from_tracker');
CREATE INDEX downloads_state ON downloads (state, updated_at DESC);
CREATE INDEX downloads_want ON downloads (want_id);
CREATE INDEX downloads_newest ON downloads (created_at, id);
CREATE INDEX downloads_candidate ON downloads (candidate_id);

-- What was fetched for a download, before it is handed to a client.
CREATE TABLE download_torrents (
    download_id UUID PRIMARY KEY REFERENCES downloads ON DELETE CASCADE,
    -- Encrypted: it holds the member's passkey.
    torrent BYTEA NOT NULL,
    name TEXT NOT NULL,
    -- [{"path": text, "size_bytes": number}] in the torrent's order.
    files JSONB NOT NULL
);

CREATE TABLE download_events (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    download_id UUID NOT NULL REFERENCES downloads ON DELETE CASCADE,
    at TIMESTAMPTZ NOT NULL,
    -- No foreign key: the history outlives the user.
    user_id UUID,
    actor TEXT NOT NULL,
    from_state TEXT,
    to_state TEXT NOT NULL,
    code TEXT NOT NULL,
    sentence TEXT NOT NULL
);
CREATE INDEX download_events_download ON download_events (download_id, id);

CREATE FUNCTION refuse_change() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END
$$;
CREATE TRIGGER download_events_append_only BEFORE UPDATE ON download_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- One attempt to bring a download's files into the library. All files or none.
CREATE TABLE imports (
    id UUID PRIMARY KEY,
    download_id UUID NOT NULL REFERENCES downloads ON DELETE CASCADE,
    status TEXT NOT NULL CHECK (status IN ('planned', 'linked', 'undone', 'done')),
    target_path TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ
);
CREATE UNIQUE INDEX imports_one_live_per_download ON imports (download_id) WHERE status <> 'undone';
CREATE UNIQUE INDEX imports_one_live_per_target ON imports (target_path) WHERE status <> 'undone';

CREATE TABLE import_files (
    import_id UUID NOT NULL REFERENCES imports ON DELETE CASCADE,
    position INTEGER NOT NULL,
    source TEXT NOT NULL,
    target TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    method TEXT CHECK (method IN ('hardlink', 'reflink', 'copy')),
    PRIMARY KEY (import_id, position)
);
