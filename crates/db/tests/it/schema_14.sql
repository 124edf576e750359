-- Rows in every table of the schema up to 2026-11-22-000014, as that version wrote them. Never edited for a newer schema.
CREATE FUNCTION pg_temp.id(n INTEGER) RETURNS UUID LANGUAGE sql AS
    $$ SELECT ('00000000-0000-0000-0000-' || lpad(n::TEXT, 12, '0'))::UUID $$;

INSERT INTO users (id, username, username_key, password_hash, role, is_active, created_at, last_login_at, email) VALUES
    (pg_temp.id(1), 'Anna', 'anna', '$argon2id$x', 'admin', TRUE, '2026-01-01', '2026-11-01 10:00:00.123456+01', 'anna@example.org'),
    (pg_temp.id(2), 'Żółw', 'żółw', '', 'viewer', FALSE, '2026-01-02', NULL, NULL);
INSERT INTO sessions (id, user_id, refresh_hash, previous_refresh_hash, rotated_at, created_at, expires_at, revoked_at, address, user_agent) VALUES
    (pg_temp.id(1), pg_temp.id(1), '\x00ff', '\x01', '2026-11-01', '2026-10-01', '2026-12-01', NULL, '192.0.2.1', 'A browser'),
    (pg_temp.id(2), pg_temp.id(2), '\x02', NULL, '2026-11-01', '2026-10-01', '2026-12-01', '2026-11-02', NULL, NULL);
INSERT INTO settings (name, value, updated_at, updated_by) VALUES
    ('settings', '{"a": 1.10, "b": null, "ä": ["x", {}]}', '2026-11-01', pg_temp.id(1)),
    ('encryption_key_check', '{"sealed": "AAAA"}', '2026-11-01', NULL);
INSERT INTO integrations (id, kind, name, url, is_enabled, priority, options, secret, session_secret, revision, refused_revision,
    health, health_sentence, checked_at, version, is_sandbox, created_at, updated_at) VALUES
    (pg_temp.id(1), 'audiobookshelf', 'Home', 'http://127.0.0.1:1', TRUE, 0, '{"library": "x"}', '\x0102', NULL, 1, NULL, 'ok', 'Fine.', '2026-11-01', '2.36.0', FALSE, '2026-01-01', '2026-02-01'),
    (pg_temp.id(2), 'myanonamouse', 'Tracker', 'http://127.0.0.1:2', FALSE, 5, '{}', NULL, '\x03', 7, 6, 'failing', NULL, NULL, NULL, TRUE, '2026-01-01', '2026-02-01');
INSERT INTO request_budgets (integration_id, day, requests, last_request_at, paused_until, pause_sentence) VALUES
    (pg_temp.id(2), '2026-11-01', 12, '2026-11-01 12:00', '2026-11-01 13:00', 'It asked for a pause.'), (pg_temp.id(2), '2026-11-02', 0, NULL, NULL, NULL);
INSERT INTO account_snapshots (integration_id, taken_at, username, class, ratio, uploaded_bytes, downloaded_bytes, points, wedges, vip_until,
    unsatisfied_count, unsatisfied_limit, connectable) VALUES
    (pg_temp.id(2), '2026-11-01', 'mouse', 'VIP', 2.3333333333333335, 9223372036854775807, 1, 5, 0, '2027-01-01', 3, 100, 'yes'),
    (pg_temp.id(2), '2026-11-02', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO audit_log (at, user_id, actor, address, action, subject, detail) VALUES
    ('2026-11-01', pg_temp.id(1), 'Anna', '192.0.2.1', 'login', NULL, '{}'), ('2026-11-02', NULL, 'schedule', NULL, 'run_now', 'clean_up', '{"run": "x"}');
INSERT INTO people (id, name, name_key) VALUES (pg_temp.id(1), 'Frank Herbert', 'frank herbert'), (pg_temp.id(2), 'Scott Brick', 'scott brick');
INSERT INTO series (id, name, name_key) VALUES (pg_temp.id(1), 'Dune', 'dune'), (pg_temp.id(2), 'Dune Chronicles', 'dune chronicles');
INSERT INTO works (id, title, title_key, authors_key, sequence_key, created_at) VALUES
    (pg_temp.id(1), 'Dune', 'dune', 'frank herbert', '', '2026-01-01'), (pg_temp.id(2), 'Dune Messiah', 'dune messiah', 'frank herbert', '2', '2026-01-01');
INSERT INTO work_authors (work_id, person_id, position) VALUES (pg_temp.id(1), pg_temp.id(1), 1), (pg_temp.id(2), pg_temp.id(1), 1);
INSERT INTO series_entries (work_id, series_id, sequence, sequence_order) VALUES (pg_temp.id(1), pg_temp.id(1), '1', 1), (pg_temp.id(2), pg_temp.id(1), '1.5-2', 1.5);
INSERT INTO external_ids (work_id, kind, value) VALUES (pg_temp.id(1), 'asin', 'B000000001'), (pg_temp.id(2), 'mam', '42');
INSERT INTO books (id, search_text, lacks, title_sort, author_sort, language, published_year, duration_seconds, added_at, missing_since, has_cover, asin, work_id,
    integration_id, external_id, path, title, subtitle, publisher, published_date, isbn, genres, tags, is_abridged, is_explicit, size_bytes, chapters_count,
    source_updated_ms, synced_at) VALUES
    (pg_temp.id(1), 'dune', '{isbn}', 'dune', 'herbert frank', 'English', 1965, 75720, '2026-01-01', NULL, TRUE, 'B000000001', pg_temp.id(1), pg_temp.id(1), 'li_1', '/books/Dune',
        'Dune', 'A "novel", \ with {braces}', 'Ace', '1965-08', NULL, '{"Science Fiction","a,b"}', '{}', FALSE, NULL, 123456789012, 48, 1700000000000, '2026-11-01'),
    (pg_temp.id(2), 'dune messiah', '{}', 'dune messiah', 'herbert frank', NULL, NULL, NULL, NULL, '2026-10-01', FALSE, NULL, pg_temp.id(2), pg_temp.id(1), 'li_2', '/books/Żółw', E'Line\nbreak',
        NULL, NULL, NULL, NULL, '{}', '{}', NULL, TRUE, NULL, NULL, 0, '2026-11-01');
INSERT INTO book_texts (book_id, description) VALUES (pg_temp.id(1), repeat('Spice. ', 2000)), (pg_temp.id(2), '');
INSERT INTO book_files (book_id, position, relative_path, size_bytes, duration_seconds, codec, bitrate_kbps, format) VALUES
    (pg_temp.id(1), 1, 'Dune.m4b', 1, 75720, 'aac', 64, 'M4B'), (pg_temp.id(1), 2, 'Dune 2.m4b', 1, NULL, NULL, NULL, NULL);
INSERT INTO book_people (book_id, person_id, role, position) VALUES (pg_temp.id(1), pg_temp.id(1), 'author', 1), (pg_temp.id(1), pg_temp.id(2), 'narrator', 1);
INSERT INTO book_series (book_id, series_id, position, sequence, sequence_order) VALUES (pg_temp.id(1), pg_temp.id(1), 1, '1', 1), (pg_temp.id(2), pg_temp.id(2), 1, NULL, NULL);
INSERT INTO library_syncs (integration_id, last_full_at, last_success_at, newest_updated_ms, unreadable_since, unreadable_sentence) VALUES
    (pg_temp.id(1), '2026-11-01', '2026-11-02', 1700000000000, '2026-11-03', 'It is down.');
INSERT INTO wants (id, work_id, target, reason, status, created_at, closed_at) VALUES
    (pg_temp.id(1), pg_temp.id(1), '{"title": "Dune"}', 'request', 'fulfilled', '2026-01-01', '2026-01-02'), (pg_temp.id(2), pg_temp.id(2), '{"title": "Dune Messiah"}', 'manual', 'open', '2026-01-01', NULL);
INSERT INTO want_people (want_id, user_id, asked_at) VALUES (pg_temp.id(1), pg_temp.id(1), '2026-01-01'), (pg_temp.id(2), pg_temp.id(2), '2026-01-01');
INSERT INTO searches (id, want_id, user_id, form, status, outcomes, sentence, started_at, finished_at) VALUES
    (pg_temp.id(1), pg_temp.id(1), pg_temp.id(1), '{"title": "Dune"}', 'done', '[{"found": 3}]', 'Found 3.', '2026-01-01', '2026-01-01'), (pg_temp.id(2), NULL, NULL, '{}', 'failed', '[]', '', '2026-01-01', NULL);
INSERT INTO releases (id, integration_id, external_id, title, facts, download_ref, size_bytes, info_hash, first_seen_at, last_seen_at) VALUES
    (pg_temp.id(1), pg_temp.id(2), '1', 'Dune [M4B]', '{"seeders": 5}', '\x0304', 5, 'ab', '2026-01-01', '2026-01-01'), (pg_temp.id(2), pg_temp.id(2), '2', 'Dune', '{}', '', NULL, NULL, '2026-01-01', '2026-01-01');
INSERT INTO candidates (id, search_id, release_id, rank, decision, verdict) VALUES
    (pg_temp.id(1), pg_temp.id(1), pg_temp.id(1), 1, 'accepted', '{"score": 0.9}'), (pg_temp.id(2), pg_temp.id(1), pg_temp.id(2), 2, 'rejected', '{}');
INSERT INTO blocklist (release_id, info_hash, reason, created_at) VALUES (pg_temp.id(2), NULL, 'Damaged.', '2026-01-01'), (NULL, 'cd', 'Damaged.', '2026-01-01');
INSERT INTO downloads (id, want_id, work_id, search_id, candidate_id, release_id, client_id, state, hold_reason, sentence, is_forced, info_hash, info_hash_v2, size_bytes, progress,
    completed_bytes, attempts, next_at, book_id, replaces_id, idempotency_key, created_at, updated_at) VALUES
    (pg_temp.id(1), pg_temp.id(1), pg_temp.id(1), pg_temp.id(1), pg_temp.id(1), pg_temp.id(1), pg_temp.id(2), 'imported', NULL, 'On the shelf.', FALSE, 'ab', NULL, 5, 1, 5, 0, NULL, pg_temp.id(1), NULL, 'key', '2026-01-01', '2026-01-02'),
    (pg_temp.id(2), pg_temp.id(2), pg_temp.id(2), NULL, NULL, NULL, NULL, 'hold', 'ratio', 'Waits for the ratio.', TRUE, NULL, NULL, NULL, NULL, NULL, 3, '2026-11-03', NULL, pg_temp.id(1), NULL, '2026-01-01', '2026-01-02');
INSERT INTO download_torrents (download_id, torrent, name, files, rechecks) VALUES (pg_temp.id(1), decode(repeat('00ff', 5000), 'hex'), 'Dune', '[{"path": "Dune.m4b", "size_bytes": 5}]', 2);
INSERT INTO download_events (download_id, at, user_id, actor, from_state, to_state, code, sentence) VALUES
    (pg_temp.id(1), '2026-01-01', pg_temp.id(1), 'Anna', NULL, 'wanted', 'created', 'Asked for.'), (pg_temp.id(1), '2026-01-02', NULL, 'mamcrawler', 'importing', 'imported', 'imported', 'On the shelf.');
INSERT INTO download_parts (download_id, position, hint, work_id, is_wanted, skipped, book_id) VALUES
    (pg_temp.id(1), 0, 'Dune', pg_temp.id(1), TRUE, NULL, pg_temp.id(1)), (pg_temp.id(1), 1, 'Dune Messiah', pg_temp.id(2), FALSE, 'It is owned.', NULL);
INSERT INTO imports (id, download_id, status, target_path, created_at, finished_at, part, is_former) VALUES
    (pg_temp.id(1), pg_temp.id(1), 'done', '/books/Dune', '2026-01-02', '2026-01-02', 0, FALSE), (pg_temp.id(2), pg_temp.id(1), 'undone', '/books/Old', '2026-01-01', NULL, 1, TRUE);
INSERT INTO import_files (import_id, position, source, target, size_bytes, method) VALUES (pg_temp.id(1), 0, '/torrents/Dune.m4b', 'Dune.m4b', 5, 'hardlink'), (pg_temp.id(1), 1, '/torrents/x', 'x', 0, NULL);
INSERT INTO job_definitions (kind, is_enabled, every_seconds, daily_at_seconds, next_at) VALUES
    ('poll_clients', TRUE, 300, NULL, '2026-11-03'), ('clean_up', FALSE, NULL, 3600, NULL), ('search_want', TRUE, NULL, NULL, NULL);
INSERT INTO runs (id, kind, payload, dedupe_key, lock_key, priority, status, sentence, started_by, attempt, max_attempts, run_at, queued_at, started_at, finished_at,
    lease_until, worker, cancel_requested, progress_done, progress_total, counters) VALUES
    (pg_temp.id(1), 'clean_up', '{}', 'clean_up', 'clean_up', 10, 'succeeded', 'Done.', 'Anna', 1, 4, '2026-11-01', '2026-11-01', '2026-11-01', '2026-11-01', NULL, pg_temp.id(9), FALSE, 1, 1, '[{"name": "read", "value": 5}]'),
    (pg_temp.id(2), 'poll_clients', '{"id": 1}', 'poll_clients', 'poll_clients', 0, 'queued', '', 'schedule', 0, 4, '2026-11-03', '2026-11-03', NULL, NULL, NULL, NULL, FALSE, 0, 0, '[]');
INSERT INTO run_log (run_id, at, level, sentence) VALUES (pg_temp.id(1), '2026-11-01', 'info', 'Read 5.'), (pg_temp.id(1), '2026-11-01', 'error', 'One failed.');
INSERT INTO api_keys (id, user_id, name, scope, secret_hash, previous_secret_hash, previous_until, requests_per_minute, created_at, expires_at, rotated_at, revoked_at, last_used_at, last_used_address) VALUES
    (pg_temp.id(1), pg_temp.id(1), 'Program', 'read', sha256('a'), sha256('b'), '2026-11-03', 60, '2026-01-01', '2027-01-01', '2026-11-01', NULL, '2026-11-02', '192.0.2.2'),
    (pg_temp.id(2), pg_temp.id(1), 'Old', 'admin', sha256('c'), NULL, NULL, NULL, '2026-01-01', NULL, NULL, '2026-02-01', NULL, NULL);
INSERT INTO login_attempts (kind, subject, address, at) VALUES ('login', 'digest', '192.0.2.1', '2026-11-01'), ('setup', '', '2001:db8::', '2026-11-01');
INSERT INTO idempotency_keys (user_id, route, key, request_hash, answer, started_at) VALUES (pg_temp.id(1), 'POST /api/v1/wants', 'k1', sha256('x'), '{"id": 1}', '2026-11-01'), (pg_temp.id(1), 'POST /api/v1/wants', 'k2', sha256('y'), NULL, '2026-11-01');
INSERT INTO identities (id, user_id, issuer, subject, email, created_at, last_login_at) VALUES (pg_temp.id(1), pg_temp.id(1), 'https://login.example', '1', 'anna@example.org', '2026-01-01', '2026-11-01'), (pg_temp.id(2), pg_temp.id(2), 'https://login.example', '2', NULL, '2026-01-01', NULL);
INSERT INTO oidc_settings (id, settings, client_secret, updated_at, updated_by) VALUES (1, '{"issuer": "https://login.example"}', '\x0405', '2026-11-01', pg_temp.id(1));
INSERT INTO oidc_logins (state_hash, browser_hash, sealed, issuer, client_id, return_to, linked_session_id, started_by, expires_at) VALUES ('\x01', '\x02', '\x03', 'https://login.example', 'mamcrawler', '/', pg_temp.id(1), '192.0.2.1', '2026-11-04');
