-- By which credential: the sign-in or the API key, with the name that the key had then. All NULL = none, or a line from before this
-- was noted. No foreign keys: the log outlives both.
ALTER TABLE audit_log
    ADD COLUMN session_id UUID,
    ADD COLUMN api_key_id UUID,
    ADD COLUMN api_key_name TEXT,
    ADD CONSTRAINT audit_log_one_credential
        CHECK (num_nonnulls(session_id, api_key_id) <= 1 AND (api_key_name IS NULL OR api_key_id IS NOT NULL));
