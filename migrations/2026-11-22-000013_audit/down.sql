DROP INDEX audit_log_action;
DROP INDEX audit_log_actor;
DROP FUNCTION remove_audit_log_before(TIMESTAMPTZ);
DROP TRIGGER audit_log_keeps_all ON audit_log;
DROP TRIGGER audit_log_keeps_lines ON audit_log;
DROP FUNCTION guard_audit_log();
