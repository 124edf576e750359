ALTER TABLE audit_log
    DROP COLUMN session_id,
    DROP COLUMN api_key_id,
    DROP COLUMN api_key_name;
