-- What made-up requests find, beyond what the tests' own rows (server/tests/it/seed.sql, run before in the same session) hold:
-- candidates, keys and sign-ins, and sixty more of everything that a request may use up.
-- As those, they are younger than what the job that cleans up removes.
CREATE TEMP TABLE spare AS SELECT n, now() - INTERVAL '21 days' + n * INTERVAL '1 minute' AS at FROM generate_series(20, 79) AS n;

INSERT INTO users (id, username, username_key, password_hash, role, created_at)
SELECT pg_temp.id(10, n), 'reader ' || n, 'reader ' || n, '', 'user', at FROM spare;
INSERT INTO identities (id, user_id, issuer, subject, created_at)
SELECT pg_temp.id(11, n), users.id, 'https://login.example', n::TEXT, at FROM spare, users WHERE username = 'anna';
-- Of the viewer "reader 3", so that anna's own key and sign-in stay. Nobody knows what these hashes are of.
INSERT INTO sessions (id, user_id, refresh_hash, rotated_at, created_at, expires_at)
SELECT pg_temp.id(20, n), pg_temp.id(10, 3), sha256(('session ' || n)::BYTEA), at, at, now() + INTERVAL '1 day' FROM spare;
INSERT INTO api_keys (id, user_id, name, scope, secret_hash, created_at, expires_at)
SELECT pg_temp.id(21, n), users.id, 'Key ' || n, 'read', sha256(('key ' || n)::BYTEA), at, now() + INTERVAL '1 day'
FROM spare, users WHERE username = 'anna';

INSERT INTO integrations (id, kind, name, url, is_enabled, created_at, updated_at)
SELECT pg_temp.id(5, n), 'torznab', 'Indexer ' || n, 'http://127.0.0.1:1', FALSE, at, at FROM spare;
UPDATE books SET has_cover = TRUE WHERE id IN (pg_temp.id(1, 1), pg_temp.id(1, 2));

INSERT INTO works (id, title, title_key, authors_key, created_at)
SELECT pg_temp.id(2, n), 'Book ' || n, 'book ' || n, 'author ' || n, at FROM spare;
INSERT INTO wants (id, work_id, target, reason, status, created_at)
SELECT pg_temp.id(9, n), pg_temp.id(2, n), jsonb_build_object('title', 'Book ' || n), 'request', 'open', at FROM spare;
INSERT INTO want_people (want_id, user_id, asked_at)
SELECT pg_temp.id(9, n), users.id, at FROM spare, users WHERE username = 'anna';
INSERT INTO downloads (id, want_id, work_id, state, hold_reason, sentence, created_at, updated_at)
SELECT pg_temp.id(6, n), pg_temp.id(9, n), pg_temp.id(2, n), CASE WHEN n < 50 THEN 'failed' ELSE 'hold' END,
    CASE WHEN n >= 50 THEN 'approval' END, 'It waits or failed.', at, at FROM spare;
INSERT INTO releases (id, integration_id, external_id, title, facts, download_ref, first_seen_at, last_seen_at)
SELECT pg_temp.id(13, n), pg_temp.id(5, 1), n::TEXT, 'Book ' || n, '{}', '', at, at FROM three;
INSERT INTO candidates (id, search_id, release_id, rank, decision, verdict)
SELECT pg_temp.id(14, n), pg_temp.id(12, n), pg_temp.id(13, n), 1, 'accepted',
    '{"decision": "accepted", "band": "same_recording", "summary": "Right.", "findings": [], "ranking": []}' FROM three;

-- Not due for a long while.
INSERT INTO runs (id, kind, status, started_by, run_at, queued_at)
SELECT pg_temp.id(8, n), 'clean_up', 'queued', 'anna', '2100-01-01', at FROM spare;
-- Of integrations that are switched off: a run that goes well takes away what failed at those that it looked at.
INSERT INTO failures (id, kind, item, code, sentence, first_at, last_at)
SELECT pg_temp.id(15, n), 'check_integrations', pg_temp.id(5, n), 'spare', 'It failed.', at, at FROM spare;
