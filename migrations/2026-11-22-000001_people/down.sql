DROP TABLE audit_log;
DROP TABLE account_snapshots;
DROP TABLE request_budgets;
DROP TABLE integrations;
DROP TABLE settings;
DROP TABLE sessions;
DROP TABLE users;
