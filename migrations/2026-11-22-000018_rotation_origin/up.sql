-- Whose rotation the newest token came from: the one before, within its grace time, should come from there too.
ALTER TABLE sessions
    ADD COLUMN rotated_address TEXT,
    ADD COLUMN rotated_user_agent TEXT;
