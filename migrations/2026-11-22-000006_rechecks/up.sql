-- After a failed verification; `downloads.attempts` counts retries alone.
ALTER TABLE download_torrents ADD COLUMN rechecks INTEGER NOT NULL DEFAULT 0;
