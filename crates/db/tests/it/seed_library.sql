-- 50,000 books by 6,000 authors, read by 3,000 narrators, in 5,000 series: one half in English, the rest in Russian and Japanese.
SELECT setseed(0.42);

INSERT INTO integrations (id, kind, name, url, created_at, updated_at)
VALUES ('00000000-0000-0000-0000-000000000001', 'audiobookshelf', 'Home', 'http://127.0.0.1:1', now(), now());

CREATE TEMP TABLE words AS SELECT
    ARRAY['the', 'shadow', 'of', 'king', 'night', 'and', 'a', 'winter', 'throne', 'star', 'river', 'song', 'dragon', 'empire',
        'last', 'house', 'iron', 'glass', 'sea', 'stone', 'blood', 'dream', 'war', 'gate', 'moon', 'silver', 'storm', 'wolf',
        'raven', 'crown', 'ember', 'frost', 'quiet', 'north', 'tower', 'garden', 'clock', 'mirror', 'salt', 'thorn'] AS latin,
    ARRAY['тень', 'король', 'ночь', 'и', 'зима', 'звезда', 'река', 'песнь', 'дракон', 'империя', 'дом', 'железо', 'море',
        'камень', 'кровь', 'сон', 'война', 'врата', 'луна', 'буря', 'волк', 'ворон', 'корона', 'север'] AS cyrillic,
    ARRAY['影', '王', '夜', '冬', '星', '川', '歌', '竜', '帝国', '家', '鉄', '海', '石', '血', '夢', '戦争', '門', '月', '嵐', '狼',
        '銀河', '物語', '少年', '図書館', 'の', 'と'] AS japanese;

CREATE FUNCTION pg_temp.pick(list TEXT[]) RETURNS TEXT LANGUAGE sql VOLATILE AS
    $$ SELECT list[1 + floor(random() * random() * cardinality(list))::INTEGER] $$;

INSERT INTO people (name, name_key)
SELECT name, name FROM (
    SELECT DISTINCT CASE WHEN n % 4 = 0 THEN pg_temp.pick(cyrillic) || ' ' || pg_temp.pick(cyrillic) || 'ов '
        WHEN n % 4 = 1 THEN pg_temp.pick(japanese) || pg_temp.pick(japanese) || ' ' || pg_temp.pick(japanese) || ' '
        ELSE pg_temp.pick(latin) || ' ' || pg_temp.pick(latin) || 'son ' END || n AS name
    FROM generate_series(1, 9000) AS n, words
) AS made;
INSERT INTO series (name, name_key)
SELECT name, name FROM (
    SELECT pg_temp.pick(latin) || ' ' || pg_temp.pick(latin) || ' saga ' || n AS name FROM generate_series(1, 5000) AS n, words
) AS made;
CREATE TEMP TABLE numbered_people AS SELECT id, name, row_number() OVER (ORDER BY name_key) AS number FROM people;
CREATE TEMP TABLE numbered_series AS SELECT id, name, row_number() OVER (ORDER BY name_key) AS number FROM series;
CREATE INDEX ON numbered_people (number);
CREATE INDEX ON numbered_series (number);

CREATE TEMP TABLE plans AS
SELECT n, gen_random_uuid() AS book_id, gen_random_uuid() AS work_id,
    CASE WHEN n % 4 IN (0, 1) THEN concat_ws(' ', pg_temp.pick(latin), pg_temp.pick(latin), pg_temp.pick(latin), n % 977)
        WHEN n % 4 = 2 THEN concat_ws(' ', pg_temp.pick(cyrillic), pg_temp.pick(cyrillic), pg_temp.pick(cyrillic), n % 977)
        ELSE pg_temp.pick(japanese) || pg_temp.pick(japanese) || pg_temp.pick(japanese) || (n % 97) END AS title,
    1 + floor(random() * random() * 6000)::INTEGER AS author, 6001 + floor(random() * random() * 2999)::INTEGER AS narrator,
    CASE WHEN random() < 0.6 THEN 1 + floor(random() * 5000)::INTEGER END AS series,
    CASE WHEN n % 11 <> 0 THEN (ARRAY['English', 'English', 'Russian', 'Japanese'])[1 + n % 4] END AS language
FROM generate_series(1, 50000) AS n, words;

INSERT INTO works (id, title, title_key, authors_key, sequence_key, created_at)
SELECT work_id, title, title, author::TEXT, n::TEXT, now() FROM plans;

INSERT INTO books (id, work_id, integration_id, external_id, path, title, title_sort, author_sort, language, published_year,
    published_date, duration_seconds, size_bytes, added_at, has_cover, asin, publisher, genres, tags, search_text,
    source_updated_ms, synced_at, missing_since)
SELECT book_id, work_id, '00000000-0000-0000-0000-000000000001', 'li_' || n || '_' || md5(n::TEXT),
    '/audiobooks/' || a.name || '/' || title, title, title, a.name, language,
    CASE WHEN n % 7 <> 0 THEN 1950 + n % 76 END, '2001-01-01', CASE WHEN n % 13 <> 0 THEN 3600 + (n * 7919) % 90000 END,
    (n * 104729::BIGINT) % 2000000000, CASE WHEN n % 17 <> 0 THEN TIMESTAMPTZ '2020-01-01' + (n % 9000) * INTERVAL '4 hours' END,
    n % 9 <> 0, CASE WHEN n % 5 <> 0 THEN 'B0' || lpad(n::TEXT, 8, '0') END, 'A Publishing House', '{Fantasy,Adventure}', '{read}',
    concat_ws(' ', title, a.name, r.name, s.name), n, now(), CASE WHEN n % 401 = 0 THEN now() END
FROM plans JOIN numbered_people a ON a.number = author JOIN numbered_people r ON r.number = narrator
    LEFT JOIN numbered_series s ON s.number = series;

INSERT INTO book_texts (book_id, description)
SELECT book_id, repeat('A long description of a book that is neither short nor interesting. ', 12) FROM plans WHERE n % 6 <> 0;
INSERT INTO book_people (book_id, person_id, role, position)
SELECT book_id, p.id, 'author', 1 FROM plans JOIN numbered_people p ON p.number = author;
INSERT INTO book_people (book_id, person_id, role, position)
SELECT book_id, p.id, 'narrator', 1 FROM plans JOIN numbered_people p ON p.number = narrator;
INSERT INTO book_series (book_id, series_id, position, sequence, sequence_order)
SELECT book_id, s.id, 1, (n % 12)::TEXT, n % 12 FROM plans JOIN numbered_series s ON s.number = series;
UPDATE books b SET lacks = array_remove(ARRAY[
    CASE WHEN asin IS NULL THEN 'asin' END, CASE WHEN NOT has_cover THEN 'cover' END,
    CASE WHEN language IS NULL THEN 'language' END, CASE WHEN published_year IS NULL THEN 'year' END,
    CASE WHEN NOT EXISTS (SELECT FROM book_texts WHERE book_id = b.id) THEN 'description' END,
    CASE WHEN NOT EXISTS (SELECT FROM book_series WHERE book_id = b.id) THEN 'series' END], NULL);
