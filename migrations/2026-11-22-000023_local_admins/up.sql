-- Whether anybody knows the password. Those whom single sign-on made have a random one until an admin gives them another.
ALTER TABLE users ADD COLUMN has_password BOOLEAN NOT NULL DEFAULT true;

UPDATE users SET has_password = false
WHERE EXISTS (
    SELECT 1 FROM audit_log AS made
    WHERE made.action = 'create_user' AND made.user_id = users.id AND made.detail ->> 'by' = 'single sign-on'
) AND NOT EXISTS (
    SELECT 1 FROM audit_log AS given
    WHERE (given.action = 'change_password' AND given.user_id = users.id)
        OR (given.action = 'reset_password' AND given.subject = users.username AND given.at >= users.created_at)
);
