-- One row per case, by the case's own stream.
CREATE TABLE person (case_id text PRIMARY KEY, channel text, at timestamptz);

-- What a row of another system said, each time it said something else; by the row's own stream.
CREATE TABLE source (stream text, version integer, case_id text, system text, met_on date, age_group text, sex text,
    claim text, filled text[], beyond text[], at timestamptz, PRIMARY KEY (stream, version));
CREATE INDEX ON source (case_id);

-- Who was held to be one person, and no longer; by the stream of the case that was linked.
CREATE TABLE link (case_id text, other_case_id text, version integer, same boolean, at timestamptz,
    PRIMARY KEY (case_id, other_case_id, version));
