-- Since when the job has had its schedule without being off in between: nothing is late by a schedule that has only just begun.
-- NULL = nobody noted it, as processes of the version before don't.
ALTER TABLE job_definitions ADD COLUMN scheduled_since TIMESTAMPTZ;
