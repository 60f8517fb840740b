-- What is so now, a row per case; each group of columns is written by one stream's events.
CREATE TABLE person (
    case_id text PRIMARY KEY,
    occurred_at timestamptz, sex text, gender text, age_group text, nationality text, exploitation text[],
    province text, channel text, reported_by text, screening text, outcome text, outcome_at timestamptz,
    in_care boolean, returned_at timestamptz
);
CREATE INDEX ON person (occurred_at);

-- What was so at any moment, and known at any other: a row per event, never changed. `happened_at` and `recorded_at` are
-- the event's two clocks; the other columns are what it said, null where it said nothing.
CREATE TABLE said (
    stream text, version integer, case_id text, happened_at timestamptz, recorded_at timestamptz,
    occurred_at timestamptz, sex text, gender text, age_group text, nationality text, exploitation text[],
    province text, channel text, reported_by text, screening text, outcome text, outcome_at timestamptz,
    in_care boolean, returned_at timestamptz,
    PRIMARY KEY (stream, version)
);

-- What was said of two cases being one person, by either side; the later word stands.
CREATE TABLE link (
    stream text, version integer, case_id text, other_case_id text, linked boolean, happened_at timestamptz,
    recorded_at timestamptz, PRIMARY KEY (stream, version)
);
