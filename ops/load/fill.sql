-- A library as large as those that this is built for, in an empty database: 16,050 books and 848 torrents, with the history
-- that comes with them. The same rows each time.
CREATE FUNCTION pg_temp.id(kind TEXT, n BIGINT) RETURNS UUID LANGUAGE sql IMMUTABLE AS $$ SELECT md5(kind || ' ' || n)::UUID $$;
-- A number from 0 to below 1 that looks like chance.
CREATE FUNCTION pg_temp.roll(what TEXT, n BIGINT) RETURNS DOUBLE PRECISION LANGUAGE sql IMMUTABLE AS
    $$ SELECT ('x' || substr(md5(what || n), 1, 7))::BIT(28)::INTEGER / 268435456.0 $$;
-- From 1 to `most`. Squared, as few people wrote many books.
CREATE FUNCTION pg_temp.number(what TEXT, n BIGINT, most INTEGER) RETURNS INTEGER LANGUAGE sql IMMUTABLE AS
    $$ SELECT 1 + floor(most * pg_temp.roll(what, n))::INTEGER $$;
CREATE FUNCTION pg_temp.favourite(what TEXT, n BIGINT, most INTEGER) RETURNS INTEGER LANGUAGE sql IMMUTABLE AS
    $$ SELECT 1 + floor(most * pg_temp.roll(what, n) ^ 2)::INTEGER $$;
CREATE FUNCTION pg_temp.adjective(n INTEGER) RETURNS TEXT LANGUAGE sql IMMUTABLE AS $$ SELECT ('{Silent,Crimson,Last,Hollow,
    Golden,Broken,Distant,Hidden,Burning,Frozen,Restless,Patient,Forgotten,Bitter,Gentle,Savage,Wandering,Quiet,Ancient,Electric,
    Iron,Silver,Velvet,Endless,Little,Perfect,Unlikely,Secret,Northern,Lost,Second,Long,Dark,Bright,Sudden,Slow,Hungry,Careful,
    Honest,Wild}'::TEXT[])[1 + n % 40] $$;
CREATE FUNCTION pg_temp.noun(n INTEGER) RETURNS TEXT LANGUAGE sql IMMUTABLE AS $$ SELECT ('{Harbour,Garden,Winter,River,Throne,
    Library,Empire,Daughter,Clock,Mountain,Promise,Stranger,Orchard,Machine,Kingdom,Shadow,Letter,Island,Summer,Detective,Planet,
    Sailor,Mirror,Forest,Bridge,Witness,Captain,Lantern,Storm,Village,Painter,Wolf,Engine,Voice,Desert,Archive,Teacher,Station,
    Ocean,Song}'::TEXT[])[1 + n % 40] $$;
CREATE FUNCTION pg_temp.person(n INTEGER) RETURNS TEXT LANGUAGE sql IMMUTABLE AS $$ SELECT ('{Anna,Bert,Clara,David,
    Emma,Farid,Grace,Hugo,Ines,Jonas,Keiko,Liam,Mara,Nils,Olga,Pavel,Quinn,Rosa,Sven,Tara,Uma,Victor,Wanda,Xaver,Yara,Zeno}'::TEXT[])[
    1 + n % 26] || ' ' || chr(65 + n / 26 % 26) || '. ' || ('{Abbott,
    Bauer,Castell,Dvorak,Eriksen,Ferrara,Grimm,Hansen,Ivanova,Jensen,Keller,
    Lindqvist,Moreau,Novak,Okafor,Petrov,Quist,Rossi,Sato,Tanaka,Ueda,Varga,Weber,Young,Zhang}'::TEXT[])[1 + n / 676 % 25] $$;

-- Ten days that end now, in which jobs ran and pages say "3 days ago".
CREATE TEMP TABLE moment AS SELECT date_trunc('minute', now()) AS now;

INSERT INTO integrations (id, kind, name, url, is_enabled, health, created_at, updated_at)
SELECT pg_temp.id('integration', n), kind, name, 'http://127.0.0.1:1', FALSE, 'unknown', now - INTERVAL '1 year', now
FROM moment, (VALUES (1, 'audiobookshelf', 'Home'), (2, 'qbittorrent', 'Torrents'), (3, 'myanonamouse', 'MyAnonamouse'),
    (4, 'prowlarr', 'Prowlarr')) AS service (n, kind, name);
INSERT INTO library_syncs (integration_id, last_full_at, last_success_at) SELECT pg_temp.id('integration', 1), now, now FROM moment;
INSERT INTO account_snapshots (integration_id, taken_at, username, class, ratio, uploaded_bytes, downloaded_bytes, points,
    unsatisfied_count, unsatisfied_limit)
SELECT pg_temp.id('integration', 3), now - n * INTERVAL '6 hours', 'anna', 'VIP', 3.2, 3000000000000 - n::BIGINT * 1000000000,
    900000000000 - n::BIGINT * 300000000, 50000 + n, n % 20, 150
FROM moment, generate_series(1, 360) AS n;

-- 5,000 people who write and 2,000 who read aloud.
INSERT INTO people (id, name, name_key)
SELECT pg_temp.id('person', n), pg_temp.person(n), lower(pg_temp.person(n)) FROM generate_series(1, 7000) AS n;
INSERT INTO series (id, name, name_key)
SELECT pg_temp.id('series', n), name, lower(name) FROM (
    SELECT n, format('The %s %s Cycle %s', pg_temp.adjective(n), pg_temp.noun(n / 40), n) AS name FROM generate_series(1, 2300) AS n
) AS named;

-- 15,600 works on the shelf, 450 of them in a second recording, and 900 that are only wanted.
CREATE TEMP TABLE work AS
SELECT n, format('%s %s of the %s %s', pg_temp.adjective(n), pg_temp.noun(n / 40), pg_temp.adjective(n / 1600 + n),
        pg_temp.noun(n / 7 + n / 1600)) AS title,
    pg_temp.favourite('author', n, 5000) AS author,
    CASE WHEN pg_temp.roll('pair', n) < 0.12 THEN pg_temp.favourite('second author', n, 5000) END AS second_author,
    CASE WHEN pg_temp.roll('in series', n) < 0.55 THEN pg_temp.favourite('series', n, 2300) END AS series, 0::BIGINT AS sequence
FROM generate_series(1, 16500) AS n;
UPDATE work SET second_author = NULL WHERE second_author = author;
UPDATE work SET sequence = counted.sequence
FROM (SELECT n, row_number() OVER (PARTITION BY series ORDER BY n) AS sequence FROM work WHERE series IS NOT NULL) AS counted
WHERE counted.n = work.n;
INSERT INTO works (id, title, title_key, authors_key, sequence_key, created_at)
SELECT pg_temp.id('work', n), title, lower(title), concat_ws('|', lower(pg_temp.person(author)), lower(pg_temp.person(second_author))),
    CASE WHEN series IS NULL THEN '' ELSE sequence::TEXT END, now - INTERVAL '1 year'
FROM work, moment;
INSERT INTO work_authors (work_id, person_id, position)
SELECT pg_temp.id('work', n), pg_temp.id('person', author), 0 FROM work
UNION ALL SELECT pg_temp.id('work', n), pg_temp.id('person', second_author), 1 FROM work WHERE second_author IS NOT NULL;
INSERT INTO series_entries (work_id, series_id, sequence, sequence_order)
SELECT pg_temp.id('work', n), pg_temp.id('series', series), sequence, sequence FROM work WHERE series IS NOT NULL;

CREATE TEMP TABLE book AS
SELECT shelf.n, work.n AS work, work.title, work.author, work.second_author, work.series, work.sequence,
    5000 + pg_temp.favourite('narrator', shelf.n, 2000) AS narrator,
    -- Most are one file, some a file a chapter.
    CASE WHEN pg_temp.roll('chapters', shelf.n) < 0.2 THEN 10 + pg_temp.number('files', shelf.n, 30) ELSE 1 END AS files
FROM generate_series(1, 16050) AS shelf (n) JOIN work ON work.n = CASE WHEN shelf.n > 15600 THEN shelf.n - 15600 ELSE shelf.n END;
INSERT INTO books (id, work_id, integration_id, external_id, path, title, title_sort, author_sort, search_text, lacks, language,
    published_year, duration_seconds, added_at, missing_since, has_cover, asin, publisher, genres, tags, is_abridged, size_bytes,
    chapters_count, source_updated_ms, synced_at)
SELECT pg_temp.id('book', n), pg_temp.id('work', work), pg_temp.id('integration', 1), 'item-' || n,
    format('/audiobooks/%s/%s', pg_temp.person(author), n), title, lower(title), lower(pg_temp.person(author)),
    lower(concat_ws(' ', title, pg_temp.person(author), pg_temp.person(second_author), pg_temp.person(narrator),
        'the ' || pg_temp.adjective(series) || ' ' || pg_temp.noun(series / 40) || ' cycle ' || series)),
    CASE WHEN n % 9 = 0 THEN '{asin}'::TEXT[] WHEN n % 31 = 0 THEN '{asin,year}'::TEXT[] ELSE '{}' END,
    CASE WHEN n % 11 = 0 THEN 'German' WHEN n % 29 = 0 THEN 'French' ELSE 'English' END,
    CASE WHEN n % 31 = 0 THEN NULL ELSE 1950 + pg_temp.number('year', n, 75) END, 7200 + pg_temp.number('seconds', n, 70000),
    now - n * INTERVAL '1 hour', CASE WHEN n % 400 = 0 THEN now END, n <= 300,
    CASE WHEN n % 9 <> 0 AND n % 31 <> 0 THEN 'B' || lpad(n::TEXT, 9, '0') END, 'Harbour Audio',
    ARRAY[pg_temp.noun(n), pg_temp.noun(n / 3)], '{}', FALSE, 80000000 + n * 40000, 20 + n % 50, 1, now
FROM book, moment;
INSERT INTO book_texts (book_id, description)
SELECT pg_temp.id('book', n), '<p>' || repeat(format('%s. A story of a %s and a %s. ', title, lower(pg_temp.noun(n)),
    lower(pg_temp.noun(n / 40))), 12) || '</p>' FROM book;
INSERT INTO book_files (book_id, position, relative_path, size_bytes, duration_seconds, codec, bitrate_kbps, format)
SELECT pg_temp.id('book', n), place, format('%s - %s.m4b', place, title), 80000000 / files, 36000 / files, 'aac', 64, 'm4b'
FROM book, generate_series(0, files - 1) AS place;
INSERT INTO book_people (book_id, person_id, role, position)
SELECT pg_temp.id('book', n), pg_temp.id('person', author), 'author', 0 FROM book
UNION ALL SELECT pg_temp.id('book', n), pg_temp.id('person', second_author), 'author', 1 FROM book WHERE second_author IS NOT NULL
UNION ALL SELECT pg_temp.id('book', n), pg_temp.id('person', narrator), 'narrator', 0 FROM book;
INSERT INTO book_series (book_id, series_id, position, sequence, sequence_order)
SELECT pg_temp.id('book', n), pg_temp.id('series', series), 0, sequence, sequence FROM book WHERE series IS NOT NULL;

-- Wants 1 to 848 led to a torrent each; 400 more are open and 100 were given up. The people are those that load.sh made.
CREATE TEMP TABLE want AS
SELECT n, CASE WHEN n <= 760 THEN n ELSE 14852 + n END AS work,
    CASE WHEN n <= 760 THEN 'fulfilled' WHEN n <= 1248 THEN 'open' ELSE 'cancelled' END AS status,
    now - n * INTERVAL '5 hours' AS at
FROM generate_series(1, 1348) AS n, moment;
INSERT INTO wants (id, work_id, target, reason, status, created_at, closed_at)
SELECT pg_temp.id('want', want.n), pg_temp.id('work', work), jsonb_build_object('title', title, 'author', pg_temp.person(author)),
    'request', status, at, CASE WHEN status <> 'open' THEN at + INTERVAL '2 hours' END
FROM want JOIN work ON work.n = want.work;
INSERT INTO want_people (want_id, user_id, asked_at)
SELECT pg_temp.id('want', n), person.id, at
FROM want JOIN (SELECT id, row_number() OVER (ORDER BY username_key) - 1 AS place, count(*) OVER () AS people FROM users) AS person
    ON person.place = want.n % person.people;

-- 760 arrived, 28 failed; the others are on their way: nothing touches them, as the services are switched off.
CREATE TEMP TABLE torrent AS
SELECT n, work, at, CASE WHEN n <= 760 THEN 'imported' WHEN n <= 788 THEN 'failed' WHEN n <= 800 THEN 'downloading'
    WHEN n <= 824 THEN 'hold' ELSE 'review' END AS state
FROM want WHERE n <= 848;
INSERT INTO searches (id, want_id, form, status, sentence, started_at, finished_at)
SELECT pg_temp.id('search', n), pg_temp.id('want', n), jsonb_build_object('title', title), 'done', '8 releases, 3 right.', at,
    at + INTERVAL '4 seconds'
FROM torrent JOIN work USING (n);
INSERT INTO releases (id, integration_id, external_id, title, facts, download_ref, size_bytes, info_hash, first_seen_at, last_seen_at)
SELECT pg_temp.id('release', n * 8 + place), pg_temp.id('integration', 3), n * 8 + place, title,
    jsonb_build_object('title', title, 'authors', ARRAY[pg_temp.person(author)], 'language', 'English', 'format', 'm4b',
        'bitrate_kbps', 64, 'seeders', place * 3, 'size_bytes', 400000000), '', 400000000, md5('hash' || n * 8 + place), at, at
FROM torrent JOIN work USING (n), generate_series(0, 7) AS place;
INSERT INTO candidates (id, search_id, release_id, rank, decision, verdict)
SELECT pg_temp.id('candidate', n * 8 + place), pg_temp.id('search', n), pg_temp.id('release', n * 8 + place), place + 1, decision,
    jsonb_build_object('decision', decision, 'band', 'same_recording', 'summary', 'Same performance, unabridged, 64 kbit/s.',
        'findings', '[]'::JSONB, 'ranking', ARRAY['more seeders', 'chapters'])
FROM torrent, generate_series(0, 7) AS place, LATERAL (SELECT CASE WHEN place < 3 THEN 'accepted' ELSE 'rejected' END) AS d (decision);
INSERT INTO downloads (id, want_id, work_id, search_id, candidate_id, release_id, client_id, state, hold_reason, sentence, info_hash,
    size_bytes, progress, seeders, book_id, created_at, updated_at)
SELECT pg_temp.id('download', n), pg_temp.id('want', n), pg_temp.id('work', work), pg_temp.id('search', n),
    pg_temp.id('candidate', n * 8), pg_temp.id('release', n * 8), pg_temp.id('integration', 2), state,
    CASE WHEN state = 'hold' THEN 'approval' END, 'It is ' || state || '.', md5('hash' || n) || '00000000', 400000000,
    CASE WHEN state = 'downloading' THEN 0.4 ELSE 1 END, 12, CASE WHEN state = 'imported' THEN pg_temp.id('book', n) END, at, at
FROM torrent;
INSERT INTO download_torrents (download_id, torrent, name, files)
SELECT pg_temp.id('download', n), decode(repeat(md5(n::TEXT), 400), 'hex'), 'torrent ' || n, (
    SELECT jsonb_agg(jsonb_build_object('path', place || '.m4b', 'size_bytes', 50000000)) FROM generate_series(1, 8) AS place)
FROM torrent;
INSERT INTO download_events (download_id, at, actor, from_state, to_state, code, sentence)
SELECT pg_temp.id('download', n), at + place * INTERVAL '1 minute', 'the server', 'wanted', to_state, 'created', 'It went on.'
FROM torrent, (VALUES (1, 'wanted'), (2, 'searching'), (3, 'queued'), (4, 'sent'), (5, 'downloading'), (6, 'downloaded'))
    AS step (place, to_state);
INSERT INTO imports (id, download_id, status, target_path, created_at, finished_at)
SELECT pg_temp.id('import', n), pg_temp.id('download', n), 'done', '/audiobooks/import ' || n, at, at
FROM torrent WHERE state = 'imported';
INSERT INTO import_files (import_id, position, source, target, size_bytes, method)
SELECT pg_temp.id('import', n), place, place || '.m4b', place || '.m4b', 50000000, 'hardlink'
FROM torrent, generate_series(0, 7) AS place WHERE state = 'imported';

-- What a fortnight of jobs and a year of people leave behind.
INSERT INTO runs (id, kind, status, sentence, started_by, run_at, queued_at, started_at, finished_at)
SELECT pg_temp.id('run', n),
    (ARRAY['poll_clients', 'sync_library_incremental', 'check_integrations', 'retry_due', 'check_imports'])[1 + n % 5],
    CASE WHEN n % 50 = 0 THEN 'failed' WHEN n % 3 = 0 THEN 'succeeded' ELSE 'nothing_to_do' END, 'Looked at everything.', 'schedule',
    at, at, at, at + INTERVAL '2 seconds'
FROM moment, generate_series(1, 20000) AS n, LATERAL (SELECT now - n * INTERVAL '1 minute') AS ran (at);
INSERT INTO run_log (run_id, at, level, sentence)
SELECT pg_temp.id('run', n), now - n * INTERVAL '1 minute', 'info', 'Step ' || line || ' is done.'
FROM moment, generate_series(1, 20000) AS n, generate_series(1, 3) AS line;
INSERT INTO failures (id, kind, code, sentence, count, first_at, last_at)
SELECT pg_temp.id('failure', n), 'import_download', 'code ' || n, 'The files are incomplete.', n,
    now - INTERVAL '9 days', now - n * INTERVAL '1 hour'
FROM moment, generate_series(1, 25) AS n;
INSERT INTO audit_log (at, actor, action, subject, detail)
SELECT now - n * INTERVAL '20 minutes', 'reader ' || n % 8, (ARRAY['login', 'create_want', 'cancel_want', 'run_job'])[1 + n % 4],
    'Something', '{}'
FROM moment, generate_series(1, 20000) AS n;
