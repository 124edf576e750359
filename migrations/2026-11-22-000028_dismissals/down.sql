COMMENT ON COLUMN failures.dismissed_count IS NULL;
COMMENT ON COLUMN failures.dismissed_at IS
    'A person has seen it: not shown until its count has doubled, it fails 7 days later, or it worked once and failed again.';
ALTER TABLE failures DROP COLUMN last_dismissed_at;
