ALTER TABLE download_torrents DROP COLUMN rechecks;
