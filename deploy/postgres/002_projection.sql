-- Which generation of each projection's rows is live.
CREATE SCHEMA projection;

CREATE TABLE projection.generation (
    name    text    NOT NULL,
    number  integer NOT NULL,
    live    boolean NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, number)
);
CREATE UNIQUE INDEX one_live_generation ON projection.generation (name) WHERE live;

GRANT USAGE ON SCHEMA projection TO nrm_identification, nrm_referral, nrm_aftercare, nrm_justice, nrm_repatriation, nrm_views, nrm_audit;
GRANT SELECT, INSERT, UPDATE, DELETE ON projection.generation TO nrm_identification, nrm_referral, nrm_aftercare, nrm_justice, nrm_repatriation, nrm_views, nrm_audit;
