COMMENT ON COLUMN failures.dismissed_at IS NULL;
ALTER TABLE failures DROP COLUMN dismissed_count;
DROP INDEX runs_ended;
