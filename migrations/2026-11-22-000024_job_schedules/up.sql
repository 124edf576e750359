-- `schedule` is what the program says ("every 300 seconds", a cron expression), `custom_schedule` an admin's own, which counts
-- when it is there. `every_seconds` and `daily_at_seconds` are left to processes of the version before, which read and write
-- only those: during a deploy they start a job by the schedule that they know.
ALTER TABLE job_definitions
    ADD COLUMN schedule TEXT,
    ADD COLUMN custom_schedule TEXT,
    -- The product's, of which cron expressions speak; written with the setting.
    ADD COLUMN time_zone TEXT NOT NULL DEFAULT 'UTC';
