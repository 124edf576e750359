-- What was made and what tests found out about it. Which backups there are is for the folder to say.
CREATE TABLE backups (
    -- The file's.
    name TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 255),
    made_at TIMESTAMPTZ NOT NULL,
    size_bytes BIGINT NOT NULL CHECK (size_bytes > 0),
    is_encrypted BOOLEAN NOT NULL,
    -- When everything was last brought back from it.
    proven_at TIMESTAMPTZ,
    -- Why the last test did not bring everything back.
    fault TEXT,
    CHECK (proven_at IS NULL OR fault IS NULL)
);
CREATE INDEX backups_made_at ON backups (made_at);
