CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE people (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    name TEXT NOT NULL,
    -- domain::normalise::name_key
    name_key TEXT NOT NULL UNIQUE CHECK (length(name_key) <= 500)
);

CREATE TABLE series (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    name TEXT NOT NULL,
    -- domain::normalise::title_key
    name_key TEXT NOT NULL UNIQUE CHECK (length(name_key) <= 500)
);

-- A title by its authors, whatever the recording.
CREATE TABLE works (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    title TEXT NOT NULL,
    title_key TEXT NOT NULL,
    -- The sorted name keys of all authors: two works are the same only if both keys and the sequence agree.
    authors_key TEXT NOT NULL,
    sequence_key TEXT NOT NULL DEFAULT '',
    created_at TIMESTAMPTZ NOT NULL
);
-- Hashed, as the keys together can be longer than a B-tree takes.
CREATE UNIQUE INDEX works_identity ON works (md5(title_key), md5(authors_key), md5(sequence_key));
CREATE INDEX works_title_trgm ON works USING GIN (title_key gin_trgm_ops);

CREATE TABLE work_authors (
    work_id UUID NOT NULL REFERENCES works ON DELETE CASCADE,
    person_id UUID NOT NULL REFERENCES people,
    position INTEGER NOT NULL,
    PRIMARY KEY (work_id, person_id)
);
CREATE INDEX work_authors_person ON work_authors (person_id);

CREATE TABLE series_entries (
    work_id UUID NOT NULL REFERENCES works ON DELETE CASCADE,
    series_id UUID NOT NULL REFERENCES series ON DELETE CASCADE,
    -- As people write it: "1.5", "1-3".
    sequence TEXT,
    sequence_order NUMERIC(6, 2),
    PRIMARY KEY (work_id, series_id)
);
CREATE INDEX series_entries_series ON series_entries (series_id, sequence_order);

-- An id that another catalogue gave the work or one of its recordings.
CREATE TABLE external_ids (
    work_id UUID NOT NULL REFERENCES works ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('asin', 'isbn', 'hardcover', 'mam')),
    value TEXT NOT NULL CHECK (length(value) <= 200),
    PRIMARY KEY (work_id, kind, value)
);
CREATE INDEX external_ids_value ON external_ids (kind, value);

-- One item in the library: one recording of a work. What lists filter and sort by comes first and the long text is in
-- book_texts, so that a scan of a whole library stays cheap: that is how words of one or two letters are found.
CREATE TABLE books (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    -- Title, subtitle, authors, narrators and series, folded by domain::normalise::search_key.
    search_text TEXT NOT NULL,
    -- types::library::MissingField words of what it lacks, but "files", which is missing_since.
    lacks TEXT[] NOT NULL DEFAULT '{}',
    -- domain::normalise::sort_key
    title_sort TEXT NOT NULL CHECK (length(title_sort) <= 500),
    author_sort TEXT NOT NULL CHECK (length(author_sort) <= 500),
    language TEXT,
    published_year INTEGER,
    duration_seconds BIGINT,
    added_at TIMESTAMPTZ,
    missing_since TIMESTAMPTZ,
    has_cover BOOLEAN NOT NULL DEFAULT FALSE,
    asin TEXT,
    work_id UUID NOT NULL REFERENCES works,
    integration_id UUID NOT NULL REFERENCES integrations ON DELETE CASCADE,
    external_id TEXT NOT NULL,
    path TEXT NOT NULL,
    title TEXT NOT NULL,
    subtitle TEXT,
    publisher TEXT,
    published_date TEXT,
    isbn TEXT,
    genres TEXT[] NOT NULL DEFAULT '{}',
    tags TEXT[] NOT NULL DEFAULT '{}',
    is_abridged BOOLEAN,
    is_explicit BOOLEAN,
    size_bytes BIGINT,
    chapters_count INTEGER,
    -- The service's updatedAt; equal means unchanged.
    source_updated_ms BIGINT NOT NULL,
    -- The last sync that saw it.
    synced_at TIMESTAMPTZ NOT NULL,
    UNIQUE (integration_id, external_id)
);
CREATE INDEX books_work ON books (work_id);
-- A path can be longer than a B-tree takes.
CREATE INDEX books_path ON books USING HASH (path);
CREATE INDEX books_title ON books (title_sort, id);
CREATE INDEX books_author ON books (author_sort, id);
-- Unknown values come last in either direction.
CREATE INDEX books_added ON books (COALESCE(added_at, 'infinity'::TIMESTAMPTZ), id);
CREATE INDEX books_added_desc ON books (COALESCE(added_at, '-infinity'::TIMESTAMPTZ), id);
CREATE INDEX books_duration ON books (COALESCE(duration_seconds, 9223372036854775807), id);
CREATE INDEX books_duration_desc ON books (COALESCE(duration_seconds, -1), id);
CREATE INDEX books_year ON books (COALESCE(published_year, 2147483647), id);
CREATE INDEX books_year_desc ON books (COALESCE(published_year, -2147483648), id);
CREATE INDEX books_search ON books USING GIN (search_text gin_trgm_ops);

CREATE TABLE book_texts (
    book_id UUID PRIMARY KEY REFERENCES books ON DELETE CASCADE,
    description TEXT NOT NULL
);

CREATE TABLE book_files (
    book_id UUID NOT NULL REFERENCES books ON DELETE CASCADE,
    position INTEGER NOT NULL,
    relative_path TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    duration_seconds BIGINT,
    codec TEXT,
    bitrate_kbps INTEGER,
    format TEXT,
    PRIMARY KEY (book_id, position)
);

CREATE TABLE book_people (
    book_id UUID NOT NULL REFERENCES books ON DELETE CASCADE,
    person_id UUID NOT NULL REFERENCES people,
    role TEXT NOT NULL CHECK (role IN ('author', 'narrator')),
    position INTEGER NOT NULL,
    PRIMARY KEY (book_id, role, person_id)
);
CREATE INDEX book_people_person ON book_people (person_id, role);

CREATE TABLE book_series (
    book_id UUID NOT NULL REFERENCES books ON DELETE CASCADE,
    series_id UUID NOT NULL REFERENCES series,
    position INTEGER NOT NULL,
    sequence TEXT,
    sequence_order NUMERIC(6, 2),
    PRIMARY KEY (book_id, series_id)
);
CREATE INDEX book_series_series ON book_series (series_id, sequence_order);

-- How far the library of an integration was read, and whether it could be.
CREATE TABLE library_syncs (
    integration_id UUID PRIMARY KEY REFERENCES integrations ON DELETE CASCADE,
    last_full_at TIMESTAMPTZ,
    last_success_at TIMESTAMPTZ,
    -- Newest updatedAt seen, in the service's milliseconds.
    newest_updated_ms BIGINT NOT NULL DEFAULT 0,
    -- Set while the library can't be read: automatic grabs wait.
    unreadable_since TIMESTAMPTZ,
    unreadable_sentence TEXT
);
