CREATE TABLE head (
    repatriation_id text PRIMARY KEY, corridor text, direction text, sop text, opened_at timestamptz, version integer
);
CREATE TABLE fact (
    repatriation_id text, version integer, known_at timestamptz, kind text, step text, outcome text,
    occurred_at timestamptz, PRIMARY KEY (repatriation_id, version)
);
CREATE TABLE settled (
    inbox_id text PRIMARY KEY, organisation text, known_at timestamptz, outcome text, rule text, missing text[]
);
CREATE TABLE duty_head (
    subject text PRIMARY KEY, service text, name text, reporter text, provider text, version integer, case_id text,
    provider_id text
);
CREATE TABLE duty_fact (
    subject text, version integer, known_at timestamptz, since date, opens text[], ends text[], due date,
    PRIMARY KEY (subject, version)
);
CREATE TABLE duty_elsewhere (
    about text, version integer, known_at timestamptz, since date, ends text, PRIMARY KEY (about, version, ends)
);
