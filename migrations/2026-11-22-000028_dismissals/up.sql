ALTER TABLE failures
    -- When it was dismissed last, be it shown again since or not; NULL = never.
    ADD COLUMN last_dismissed_at TIMESTAMPTZ;
UPDATE failures SET last_dismissed_at = dismissed_at WHERE dismissed_at IS NOT NULL;
COMMENT ON COLUMN failures.dismissed_at IS
    'A person has seen it: not shown until it fails again.';
COMMENT ON COLUMN failures.dismissed_count IS
    'The count when it was dismissed last; NULL = never, or before this was noted.';
