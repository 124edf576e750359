ALTER TABLE job_definitions DROP COLUMN scheduled_since;
