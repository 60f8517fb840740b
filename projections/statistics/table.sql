-- One row per case as it stands now; each group of columns is written by one stream's events.
CREATE TABLE person (
    case_id text PRIMARY KEY,
    occurred_at timestamptz, sex text, gender text, age_group text, nationality text, exploitation text[],
    province text, channel text, reported_by text, language text, industry text, recruitment_method text[],
    control_methods text[], screening text, outcome text, outcome_at timestamptz, closed boolean,
    in_care boolean, entered_care_at timestamptz, returned_at timestamptz
);
CREATE INDEX ON person (occurred_at);

-- What each event changed in that row, when it happened and when it was recorded: the row as at any moment of both.
CREATE TABLE fact (stream text, version integer, case_id text, at timestamptz, recorded_at timestamptz, patch jsonb,
    PRIMARY KEY (stream, version));
CREATE INDEX ON fact (case_id);

-- Whether two cases are held to be one person; the latest word of each stream stands.
CREATE TABLE link (stream text, version integer, case_id text, other_case_id text, same boolean, at timestamptz,
    recorded_at timestamptz, PRIMARY KEY (stream, version));
