-- Every event as published. body is the canonical JSON that hash covers, as text: it is UTF-8.
CREATE TABLE event (
    stream       text    NOT NULL,
    version      integer NOT NULL,
    id           text,
    service      text,
    position     bigint,
    type         text,
    subject      text,
    organisation text,
    occurred_at  timestamptz,
    recorded_at  timestamptz,
    hash         text,
    body         text,
    PRIMARY KEY (stream, version)
);
CREATE INDEX ON event (service, position);
CREATE INDEX ON event (id);
CREATE INDEX ON event (hash);

-- Which events a case (or a provider, shelter, court case) is concerned by.
CREATE TABLE concern (
    subject text    NOT NULL,
    stream  text    NOT NULL,
    version integer NOT NULL,
    PRIMARY KEY (subject, stream, version)
);
CREATE INDEX ON concern (stream);

-- What one case's stream says of another being the same person; the later word of the two stands.
CREATE TABLE link (
    case_id       text NOT NULL,
    other_case_id text NOT NULL,
    linked        boolean,
    recorded_at   timestamptz,
    PRIMARY KEY (case_id, other_case_id)
);
CREATE INDEX ON link (other_case_id);
