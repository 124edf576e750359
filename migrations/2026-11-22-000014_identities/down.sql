DROP TABLE oidc_logins;
DROP TABLE oidc_settings;
DROP TABLE identities;
ALTER TABLE users DROP COLUMN email;
