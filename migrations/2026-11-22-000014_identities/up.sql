-- Folded to lower case. Only an admin or a provider that verified it enters it, as it can lead to the account.
ALTER TABLE users ADD COLUMN email TEXT UNIQUE CHECK (length(email) BETWEEN 3 AND 254);

-- Who a user is at a single sign-on provider. The subject is the key, never the e-mail.
CREATE TABLE identities (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users ON DELETE CASCADE,
    issuer TEXT NOT NULL CHECK (length(issuer) BETWEEN 1 AND 2000),
    subject TEXT NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
    -- As the provider last gave it; for people to read.
    email TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    last_login_at TIMESTAMPTZ,
    UNIQUE (issuer, subject)
);
CREATE INDEX identities_user_id ON identities (user_id);

-- One row: the one provider.
CREATE TABLE oidc_settings (
    id SMALLINT PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    settings JSONB NOT NULL,
    -- Encrypted.
    client_secret BYTEA,
    updated_at TIMESTAMPTZ NOT NULL,
    updated_by UUID REFERENCES users ON DELETE SET NULL
);

-- Sign-ins that are on their way through the provider. A row is deleted by its use, so that a state counts once.
CREATE TABLE oidc_logins (
    state_hash BYTEA PRIMARY KEY,
    -- Of the cookie that binds the sign-in to one browser.
    browser_hash BYTEA NOT NULL,
    -- Encrypted: nonce and code verifier.
    sealed BYTEA NOT NULL,
    -- The client secret may change on the way, these may not.
    issuer TEXT NOT NULL,
    client_id TEXT NOT NULL,
    return_to TEXT NOT NULL,
    -- The sign-in of somebody who connects their account; NULL: somebody signs in.
    linked_session_id UUID REFERENCES sessions ON DELETE CASCADE,
    -- An address (of IPv6 its /64), or the user who connects: each has room of its own.
    started_by TEXT NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX oidc_logins_expires_at ON oidc_logins (expires_at);
CREATE INDEX oidc_logins_started_by ON oidc_logins (started_by, expires_at);
CREATE INDEX oidc_logins_linked_session_id ON oidc_logins (linked_session_id);
