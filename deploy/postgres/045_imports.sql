-- The files of other systems while they are taken in, and what became of each row. Nothing here is a fact: those are
-- events. `sealed` is the file under a key of its own, gone when its last row is done; no other column holds a person.
CREATE SCHEMA identification_import;

-- What a row is known by in its system is digested with this, so that a number of theirs cannot be tried out on ours.
CREATE TABLE identification_import.pepper (one boolean PRIMARY KEY DEFAULT true CHECK (one), secret uuid[] NOT NULL);
INSERT INTO identification_import.pepper (secret) VALUES (ARRAY[gen_random_uuid(), gen_random_uuid(), gen_random_uuid()]);

CREATE TABLE identification_import.job (
    import_id       text        PRIMARY KEY,
    organisation    text        NOT NULL,
    actor           text        NOT NULL,
    role            text        NOT NULL,
    may_correct     boolean     NOT NULL,
    system          text        NOT NULL,
    mapping_version integer     NOT NULL,
    file_hash       text        NOT NULL,
    rows            integer     NOT NULL,
    notes           integer     NOT NULL,
    unknown_columns jsonb       NOT NULL,
    dry_run         boolean     NOT NULL,
    sealed          text,
    made_at         timestamptz NOT NULL DEFAULT now(),
    leased_until    timestamptz,
    finished_at     timestamptz,
    failed          text
);
CREATE INDEX ON identification_import.job (made_at) WHERE finished_at IS NULL;
CREATE INDEX ON identification_import.job (organisation, import_id);
COMMENT ON COLUMN identification_import.job.failed IS 'a rule''s name where the file could not be taken in at all';

CREATE TABLE identification_import.row (
    import_id text    NOT NULL REFERENCES identification_import.job ON DELETE CASCADE,
    number    integer NOT NULL,
    sheet     integer NOT NULL,
    row       integer NOT NULL,
    status    text    NOT NULL CHECK (status IN ('recorded', 'duplicate', 'refused', 'needs_review')),
    case_id   text,
    corrected boolean NOT NULL DEFAULT false,
    reasons   jsonb   NOT NULL,
    notes     jsonb   NOT NULL,
    beyond    jsonb   NOT NULL,
    PRIMARY KEY (import_id, number)
);

GRANT USAGE ON SCHEMA identification_import TO nrm_identification;
GRANT SELECT ON identification_import.pepper TO nrm_identification;
GRANT SELECT, INSERT, UPDATE, DELETE ON identification_import.job TO nrm_identification;
GRANT SELECT, INSERT ON identification_import.row TO nrm_identification;
