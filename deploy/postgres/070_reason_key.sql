-- Reasons for reading more than one case are sealed for the auditors: every process has the public key, and the audit
-- process alone has the wrapped private one. It is made once, by the audit process, and never exchanged.
CREATE TABLE access.reason_key (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    public bytea   NOT NULL CHECK (length(public) = 32)
);

CREATE FUNCTION access.keep_reason_key(wrapped bytea, public bytea) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO access.reason_key (public) VALUES (keep_reason_key.public) ON CONFLICT DO NOTHING;
    IF FOUND THEN
        INSERT INTO vault.person_key (case_id, wrapped) VALUES ('access-log', keep_reason_key.wrapped);
    END IF;
END $$;
REVOKE EXECUTE ON FUNCTION access.keep_reason_key FROM public;
GRANT EXECUTE ON FUNCTION access.keep_reason_key TO nrm_audit;
GRANT SELECT ON access.reason_key TO nrm_identification, nrm_referral, nrm_aftercare, nrm_justice, nrm_repatriation, nrm_views, nrm_audit;

-- The services need persons' keys, and not this one.
ALTER TABLE vault.person_key ENABLE ROW LEVEL SECURITY;
CREATE POLICY persons ON vault.person_key USING (case_id <> 'access-log') WITH CHECK (case_id <> 'access-log');
CREATE POLICY auditors ON vault.person_key FOR SELECT TO nrm_audit USING (true);
