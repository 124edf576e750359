-- Books of a download that holds several, as decided, or confirmed by a person, before the first of them is placed.
CREATE TABLE download_parts (
    download_id UUID NOT NULL REFERENCES downloads ON DELETE CASCADE,
    -- Place among the parts that domain::payload finds in the file list, from 0.
    position INTEGER NOT NULL CHECK (position >= 0),
    -- Its folder's or file's name, by which it is known again.
    hint TEXT NOT NULL,
    work_id UUID NOT NULL REFERENCES works,
    is_wanted BOOLEAN NOT NULL,
    -- Why it is not imported; NULL when it is.
    skipped TEXT,
    book_id UUID REFERENCES books ON DELETE SET NULL,
    PRIMARY KEY (download_id, position)
);
CREATE INDEX download_parts_work ON download_parts (work_id);
CREATE INDEX download_parts_book ON download_parts (book_id);

-- The part's position; 0 for a single book. All files of a part or none.
ALTER TABLE imports ADD COLUMN part INTEGER NOT NULL DEFAULT 0 CHECK (part >= 0);
DROP INDEX imports_one_live_per_download;
-- Of a release that the download had before its present one: what it brought stays, but is no try of this one.
ALTER TABLE imports ADD COLUMN is_former BOOLEAN NOT NULL DEFAULT FALSE;
CREATE UNIQUE INDEX imports_one_live_per_part ON imports (download_id, part) WHERE status <> 'undone' AND NOT is_former;
