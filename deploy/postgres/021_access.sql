-- Who looked at which person, when and why; and who was refused. Insert-only, by one function: a process can state
-- neither another process's name nor another time, and reads nothing back. The audit process makes each run of
-- entries a leaf of the transparency log.
CREATE SCHEMA access;

CREATE TABLE access.entry (
    seq          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id           uuid        NOT NULL DEFAULT gen_random_uuid(),
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    process      text        NOT NULL DEFAULT session_user,
    organisation text        NOT NULL,
    actor        text        NOT NULL,
    role         text        NOT NULL,
    action       text        NOT NULL,
    case_id      text,
    resource     text,
    reason       text,
    outcome      text        NOT NULL CHECK (outcome IN ('allowed', 'refused'))
);
COMMENT ON COLUMN access.entry.id IS 'Random: the digest in the log tells nothing to who does not have the entry';
CREATE INDEX entry_by_case ON access.entry (case_id, seq);
CREATE INDEX entry_by_resource ON access.entry (resource, seq);

CREATE FUNCTION access.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was read stays recorded' USING ERRCODE = 'NR002';
END $$;

CREATE TRIGGER entry_is_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON access.entry
    FOR EACH STATEMENT EXECUTE FUNCTION access.refuse_change();

-- The lock is held until the commit, so entries become visible in the order of seq and a reader of seq misses none.
CREATE FUNCTION access.record(entries jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('access.entry'));
    INSERT INTO access.entry (organisation, actor, role, action, case_id, resource, reason, outcome)
        SELECT new.organisation, new.actor, new.role, new.action, new.case_id, new.resource, new.reason, new.outcome
        FROM jsonb_to_recordset(entries) AS new (
            organisation text, actor text, role text, action text, case_id text, resource text, reason text,
            outcome text);
END $$;
REVOKE EXECUTE ON FUNCTION access.record FROM public;

GRANT USAGE ON SCHEMA access TO nrm_identification, nrm_referral, nrm_aftercare, nrm_justice, nrm_repatriation, nrm_views, nrm_audit;
GRANT EXECUTE ON FUNCTION access.record TO nrm_identification, nrm_referral, nrm_aftercare, nrm_justice, nrm_repatriation, nrm_views, nrm_audit;
GRANT SELECT ON access.entry TO nrm_audit;
