-- One row per case; each group of columns is written by one stream's events.
CREATE TABLE person (
    case_id text PRIMARY KEY,
    occurred_at timestamptz, sex text, gender text, age_group text, nationality text, exploitation text[],
    province text, channel text, reported_by text, screening text, outcome text, outcome_at timestamptz,
    in_care boolean, returned_at timestamptz
);
CREATE INDEX ON person (occurred_at);
CREATE TABLE link (case_id text, other_case_id text, PRIMARY KEY (case_id, other_case_id));
