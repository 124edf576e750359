-- Which process leaves an integration alone, and until when, so that the others can say so. Each judges by its own calls: a
-- row binds nobody. One whose time has passed says nothing any more; its process may have ended.
CREATE TABLE breaker_rests (
    integration_id UUID NOT NULL REFERENCES integrations ON DELETE CASCADE,
    -- Another one after each start.
    process_id UUID NOT NULL,
    -- "worker on attic (process 71)".
    process TEXT NOT NULL,
    -- The integration's when the calls failed: another address or secret is another service.
    revision INTEGER NOT NULL,
    -- In a row.
    failures INTEGER NOT NULL CHECK (failures > 0),
    rests_until TIMESTAMPTZ NOT NULL,
    -- Why the last call failed, as a sentence.
    reason TEXT NOT NULL,
    PRIMARY KEY (integration_id, process_id)
);
