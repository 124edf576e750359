ALTER TABLE users DROP COLUMN has_password;
