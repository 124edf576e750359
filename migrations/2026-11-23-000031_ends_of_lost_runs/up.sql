-- Work whose process had died and that was queued anew was written as lost without an end, so it was shown as running and never
-- removed. Nobody knows when it ended: after its start.
UPDATE runs SET finished_at = COALESCE(started_at, queued_at),
    sentence = 'The process that ran it stopped; another run of the same work took over.'
WHERE status = 'lost' AND finished_at IS NULL;
