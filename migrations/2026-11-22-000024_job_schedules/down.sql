ALTER TABLE job_definitions
    DROP COLUMN schedule,
    DROP COLUMN custom_schedule,
    DROP COLUMN time_zone;
