DROP TABLE run_log;
DROP TABLE runs;
DROP TABLE job_definitions;
