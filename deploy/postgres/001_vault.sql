-- The persons' keys, wrapped by the master key. Apart from every event, so that destroying one leaves the log whole.
CREATE SCHEMA vault;

CREATE TABLE vault.person_key (
    case_id     text        PRIMARY KEY,
    wrapped     bytea,
    made_at     timestamptz NOT NULL DEFAULT now(),
    shredded_at timestamptz,
    CHECK ((wrapped IS NULL) = (shredded_at IS NOT NULL))
);

GRANT USAGE ON SCHEMA vault TO nrm_identification, nrm_referral, nrm_aftercare, nrm_justice, nrm_repatriation, nrm_audit;
GRANT SELECT ON vault.person_key TO nrm_identification, nrm_referral, nrm_aftercare, nrm_justice, nrm_repatriation, nrm_audit;
GRANT INSERT ON vault.person_key TO nrm_identification;
