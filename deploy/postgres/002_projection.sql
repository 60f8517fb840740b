-- Which generation of each projection's rows is live.
CREATE SCHEMA projection;

CREATE TABLE projection.generation (
    name    text    NOT NULL,
    number  integer NOT NULL,
    live    boolean NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    made_by name    NOT NULL DEFAULT current_user,
    PRIMARY KEY (name, number)
);
CREATE UNIQUE INDEX one_live_generation ON projection.generation (name) WHERE live;

-- Each role makes, switches and drops its own projections' generations only; reading where others stand is harmless.
ALTER TABLE projection.generation ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_all ON projection.generation FOR SELECT USING (true);
CREATE POLICY change_own ON projection.generation USING (made_by = current_user) WITH CHECK (made_by = current_user);

GRANT USAGE ON SCHEMA projection TO nrm_identification, nrm_referral, nrm_aftercare, nrm_justice, nrm_repatriation, nrm_views, nrm_audit;
GRANT SELECT, INSERT, UPDATE, DELETE ON projection.generation TO nrm_identification, nrm_referral, nrm_aftercare, nrm_justice, nrm_repatriation, nrm_views, nrm_audit;
