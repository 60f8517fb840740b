CREATE TABLE head (
    repatriation_id text PRIMARY KEY, case_id text, corridor text, direction text, sop text, sop_version text,
    requested_by text, opened_at timestamptz, recorded_at timestamptz, status text, since timestamptz, step text, party text, due date,
    due_provisional boolean, stopped_by text
);
CREATE INDEX ON head (corridor, status);
CREATE TABLE fact (
    repatriation_id text, version integer, kind text, step text, outcome text, by_organisation text, recorded_by text,
    occurred_at timestamptz, recorded_at timestamptz, days integer, corridor text, PRIMARY KEY (repatriation_id, version)
);
CREATE TABLE part (organisation text, repatriation_id text, PRIMARY KEY (organisation, repatriation_id));
