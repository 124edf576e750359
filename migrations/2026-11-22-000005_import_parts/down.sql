DROP INDEX imports_one_live_per_part;
-- The older schema holds one import a download.
DELETE FROM imports WHERE part > 0 OR is_former;
ALTER TABLE imports DROP COLUMN part, DROP COLUMN is_former;
CREATE UNIQUE INDEX imports_one_live_per_download ON imports (download_id) WHERE status <> 'undone';
DROP TABLE download_parts;
