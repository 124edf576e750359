-- Failed guesses, one row each, for the sliding windows of the sign-in guard. A row is written before the check and
-- removed when the guess was right, so that guesses made at the same time count too.
CREATE TABLE login_attempts (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('login', 'password', 'setup', 'refresh', 'api_key')),
    -- A digest of the name that was typed, as that may be a password in the wrong field. Empty where there is no name.
    subject TEXT NOT NULL,
    -- IPv6 addresses by their /64.
    address TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL
);
CREATE INDEX login_attempts_subject ON login_attempts (kind, address, subject, at DESC);
CREATE INDEX login_attempts_address ON login_attempts (kind, address, at DESC);
CREATE INDEX login_attempts_at ON login_attempts (at);
