CREATE TABLE shelter (shelter_id text PRIMARY KEY, provider_id text, organisation text, province text, kind text);

-- What is so now; kept by the events of the shelter's stream alone.
CREATE TABLE bed (shelter_id text, cohort text, capacity integer DEFAULT 0, occupied integer DEFAULT 0,
    held integer DEFAULT 0, PRIMARY KEY (shelter_id, cohort));

-- What was so at any moment, and since when it was known: every fact keeps when it happened and when it was recorded.
CREATE TABLE capacity_report (shelter_id text, cohort text, version integer,
    count integer, at timestamptz, recorded_at timestamptz, PRIMARY KEY (shelter_id, cohort, version));
CREATE TABLE stay (placement_id text, stay integer, shelter_id text, cohort text, case_id text, from_at timestamptz,
    from_recorded_at timestamptz, to_at timestamptz, to_recorded_at timestamptz, PRIMARY KEY (placement_id, stay));
CREATE INDEX ON stay (case_id, from_at);
CREATE INDEX ON stay (shelter_id) WHERE to_at IS NULL;
CREATE TABLE hold (hold_id text PRIMARY KEY, shelter_id text, cohort text, from_at timestamptz,
    from_recorded_at timestamptz, to_at timestamptz, to_recorded_at timestamptz);
CREATE INDEX ON hold (shelter_id);

-- Who may be waiting: the answers to referrals for a bed that leave the person without one, each kept, needs for which
-- there was nobody to refer to, and when a referral came to its end. One referral has several answers where a provider
-- that was full took the person later.
CREATE TABLE wait (referral_id text, version integer, case_id text, province text, kind text, cohort text,
    at timestamptz, recorded_at timestamptz, PRIMARY KEY (referral_id, version));
CREATE INDEX ON wait (case_id, at);
CREATE TABLE completion (referral_id text PRIMARY KEY, at timestamptz, recorded_at timestamptz);

-- When a case was closed, and taken up again: nobody waits whose case is closed.
CREATE TABLE closure (case_id text, version integer, closed boolean, at timestamptz, recorded_at timestamptz,
    PRIMARY KEY (case_id, version));
