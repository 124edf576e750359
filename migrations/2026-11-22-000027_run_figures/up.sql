-- Each scrape reads when each kind of job ended last, and ended well.
CREATE INDEX runs_ended ON runs (kind, finished_at DESC);
ALTER TABLE failures
    -- The count when it was dismissed; NULL = it is shown, or was dismissed before this was noted.
    ADD COLUMN dismissed_count BIGINT;
COMMENT ON COLUMN failures.dismissed_at IS
    'A person has seen it: not shown until its count has doubled, it fails 7 days later, or it worked once and failed again.';
