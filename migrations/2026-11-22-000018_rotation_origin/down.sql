ALTER TABLE sessions
    DROP COLUMN rotated_address,
    DROP COLUMN rotated_user_agent;
