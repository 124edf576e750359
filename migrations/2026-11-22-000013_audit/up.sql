-- Lines are added and, when they are old, removed by one function. Nothing else may touch them.
CREATE FUNCTION guard_audit_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
        AND current_setting('mamcrawler.audit_retention', true) = 'on'
        AND OLD.at < now() - INTERVAL '30 days'
    THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit log is append-only: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER audit_log_keeps_lines BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION guard_audit_log();
CREATE TRIGGER audit_log_keeps_all BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION guard_audit_log();
-- Also where replication or a restore switches ordinary triggers off.
ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_log_keeps_lines;
ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_log_keeps_all;

-- The setting holds only while the function runs. Not as a SET clause: that takes a superuser for a name of our own.
CREATE FUNCTION remove_audit_log_before(moment TIMESTAMPTZ) RETURNS BIGINT
    LANGUAGE plpgsql AS $$
DECLARE
    removed BIGINT;
BEGIN
    PERFORM set_config('mamcrawler.audit_retention', 'on', true);
    DELETE FROM audit_log WHERE at < moment AND at < now() - INTERVAL '30 days';
    GET DIAGNOSTICS removed = ROW_COUNT;
    PERFORM set_config('mamcrawler.audit_retention', 'off', true);
    RETURN removed;
END
$$;

-- The log is read newest first, whole or by actor or action.
CREATE INDEX audit_log_actor ON audit_log (actor, id DESC);
CREATE INDEX audit_log_action ON audit_log (action, id DESC);
