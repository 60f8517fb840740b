-- Facts with both clocks: when each happened (`occurred_at`) and when it was recorded (`recorded_at`), so that every
-- past moment and every past state of knowledge can be asked for. Rows are added, never changed.
CREATE TABLE accused (
    court_case_id text, ref text, sex text, nationality text, court text, province text, occurred_at timestamptz,
    recorded_at timestamptz, PRIMARY KEY (court_case_id, ref)
);
CREATE TABLE charge (
    court_case_id text, version int, ref text, statute text, article text, counts int, brought boolean,
    occurred_at timestamptz, recorded_at timestamptz, PRIMARY KEY (court_case_id, version, ref, statute, article)
);
CREATE TABLE verdict (
    court_case_id text, version int, ref text, statute text, article text, result text, prison_months int,
    fine_khr bigint, compensation_khr bigint, occurred_at timestamptz, recorded_at timestamptz,
    PRIMARY KEY (court_case_id, version)
);
CREATE TABLE payment (
    court_case_id text, version int, ref text, statute text, article text, amount_khr bigint, occurred_at timestamptz,
    recorded_at timestamptz, PRIMARY KEY (court_case_id, version)
);
CREATE TABLE victim_charge (
    victim_charge_id text PRIMARY KEY, case_id text, court text, province text, statute text, article text,
    occurred_at timestamptz, recorded_at timestamptz
);
CREATE TABLE alert (
    victim_charge_id text, version int, stage text, occurred_at timestamptz, recorded_at timestamptz,
    PRIMARY KEY (victim_charge_id, version)
);
CREATE TABLE prosecuted_case (
    court_case_id text, case_id text, occurred_at timestamptz, recorded_at timestamptz,
    PRIMARY KEY (court_case_id, case_id)
);
CREATE TABLE report (report_id text PRIMARY KEY, case_id text, occurred_at timestamptz, recorded_at timestamptz);
CREATE TABLE determination (
    case_id text, version int, outcome text, occurred_at timestamptz, recorded_at timestamptz,
    PRIMARY KEY (case_id, version)
);
CREATE TABLE source (case_id text PRIMARY KEY, reported_by text);
CREATE TABLE known_to (
    case_id text, system text, version int, occurred_at timestamptz, recorded_at timestamptz,
    PRIMARY KEY (case_id, system, version)
);
CREATE TABLE link (
    case_id text, other_case_id text, version int, linked boolean, occurred_at timestamptz, recorded_at timestamptz,
    PRIMARY KEY (case_id, other_case_id, version)
);
