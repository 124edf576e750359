-- Three of everything that lists show and that can't be had cheaply by a use case; wants and downloads are anna's.
CREATE FUNCTION pg_temp.id(kind INTEGER, n INTEGER) RETURNS UUID LANGUAGE sql AS
    $$ SELECT ('00000000-0000-0000-0000-' || lpad((kind * 100 + n)::TEXT, 12, '0'))::UUID $$;
-- Three weeks old, and thus not as old as what the job that cleans up removes.
CREATE TEMP TABLE three AS
SELECT n, date_trunc('hour', now()) - INTERVAL '22 days' + n * INTERVAL '1 hour' AS at FROM generate_series(1, 3) AS n;

INSERT INTO users (id, username, username_key, password_hash, role, created_at)
SELECT pg_temp.id(10, n), 'reader ' || n, 'reader ' || n, '', 'viewer', at FROM three;
INSERT INTO identities (id, user_id, issuer, subject, created_at)
SELECT pg_temp.id(11, n), users.id, 'https://login.example', n::TEXT, at FROM three, users WHERE username = 'anna';

INSERT INTO integrations (id, kind, name, url, created_at, updated_at)
SELECT pg_temp.id(5, n), 'myanonamouse', 'Tracker ' || n, 'http://127.0.0.1:1', at, at FROM three;
INSERT INTO integrations (id, kind, name, url, is_enabled, created_at, updated_at)
VALUES (pg_temp.id(5, 11), 'audiobookshelf', 'Home', 'http://127.0.0.1:1', FALSE, now(), now());
INSERT INTO account_snapshots (integration_id, taken_at, username) SELECT pg_temp.id(5, n), at, 'anna' FROM three;

INSERT INTO works (id, title, title_key, authors_key, created_at)
SELECT pg_temp.id(2, n), 'Book ' || n, 'book ' || n, 'author ' || n, at FROM three;
INSERT INTO people (id, name, name_key) SELECT pg_temp.id(3, n), 'Author ' || n, 'author ' || n FROM three;
INSERT INTO series (id, name, name_key) SELECT pg_temp.id(4, n), 'Series ' || n, 'series ' || n FROM three;
INSERT INTO books (id, work_id, integration_id, external_id, path, title, title_sort, author_sort, search_text, lacks,
    has_cover, genres, tags, source_updated_ms, synced_at)
SELECT pg_temp.id(1, n), pg_temp.id(2, n), pg_temp.id(5, 11), n::TEXT, '/' || n, 'Book ' || n, 'book ' || n, 'author ' || n,
    'book ' || n, '{}', FALSE, '{}', '{}', n, at FROM three;
INSERT INTO book_people (book_id, person_id, role, position) SELECT pg_temp.id(1, n), pg_temp.id(3, n), 'author', 1 FROM three;
INSERT INTO book_series (book_id, series_id, position) SELECT pg_temp.id(1, n), pg_temp.id(4, n), 1 FROM three;

INSERT INTO wants (id, work_id, target, reason, status, created_at)
SELECT pg_temp.id(9, n), pg_temp.id(2, n), jsonb_build_object('title', 'Book ' || n), 'request', 'open', at FROM three;
INSERT INTO want_people (want_id, user_id, asked_at)
SELECT pg_temp.id(9, n), users.id, at FROM three, users WHERE username = 'anna';
INSERT INTO searches (id, user_id, form, status, started_at)
SELECT pg_temp.id(12, n), users.id, '{"title": "Dune"}', 'done', at FROM three, users WHERE username = 'anna';
INSERT INTO downloads (id, want_id, work_id, state, sentence, created_at, updated_at)
SELECT pg_temp.id(6, n), pg_temp.id(9, n), pg_temp.id(2, n), 'failed', 'It failed.', at, at FROM three;
-- All of one download.
INSERT INTO imports (id, download_id, status, target_path, created_at)
SELECT pg_temp.id(7, n), pg_temp.id(6, 1), 'undone', '/srv/audiobooks/' || n, at FROM three;
INSERT INTO runs (id, kind, status, sentence, started_by, run_at, queued_at, finished_at)
SELECT pg_temp.id(8, n), 'clean_up', 'succeeded', 'Done.', 'anna', at, at, at FROM three;
INSERT INTO failures (id, kind, code, sentence, first_at, last_at, last_run)
SELECT pg_temp.id(13, n), 'clean_up', 'seeded ' || n, 'It failed.', at, at, pg_temp.id(8, n) FROM three;
INSERT INTO backups (name, made_at, size_bytes, is_encrypted)
SELECT 'seeded ' || n, at, n, FALSE FROM three;
