-- Emergency access: the stated kind of emergency by which somebody read what is not their own; and, on the entry of a
-- review, its verdict. A reason in free words may tell of the person: it is stored sealed with the person's key.
ALTER TABLE access.entry ADD COLUMN emergency text;
CREATE INDEX entry_by_emergency ON access.entry (seq) WHERE emergency IS NOT NULL;

CREATE OR REPLACE FUNCTION access.record(entries jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('access.entry'));
    INSERT INTO access.entry
        (organisation, actor, role, action, case_id, resource, reason, outcome, emergency)
        SELECT new.organisation, new.actor, new.role, new.action, new.case_id, new.resource, new.reason, new.outcome,
            new.emergency
        FROM jsonb_to_recordset(entries) AS new (
            organisation text, actor text, role text, action text, case_id text, resource text, reason text,
            outcome text, emergency text);
END $$;
