-- What organisations were told, in an order of its own for each, and where it is sent. Not the rows of a view: those may
-- be thrown away and rebuilt, a notice that was told keeps its position for ever.
CREATE SCHEMA outbound;

CREATE TABLE outbound.notice (
    organisation text        NOT NULL,
    position     bigint      NOT NULL CHECK (position > 0),
    id           text        NOT NULL UNIQUE,
    key          text        NOT NULL,
    kind         text        NOT NULL,
    at           timestamptz NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    data         jsonb       NOT NULL,
    PRIMARY KEY (organisation, position),
    UNIQUE (organisation, key)
);
COMMENT ON COLUMN outbound.notice.at IS 'When it arose: when it became known, or when the day began';

-- How far each repatriation (or event of an inbox) was looked at: its version, and the day on which to look again.
CREATE TABLE outbound.looked (
    subject text    PRIMARY KEY,
    version integer NOT NULL,
    again   date
);

CREATE TABLE outbound.endpoint (
    id            text        PRIMARY KEY,
    organisation  text        NOT NULL,
    url           text        NOT NULL,
    kinds         text[],
    secret        integer     NOT NULL DEFAULT 1,
    rotated_at    timestamptz,
    made_at       timestamptz NOT NULL DEFAULT now(),
    position      bigint      NOT NULL,
    attempts      integer     NOT NULL DEFAULT 0,
    next_at       timestamptz NOT NULL DEFAULT now(),
    failing_since timestamptz,
    last_result   text,
    disabled_at   timestamptz
);
COMMENT ON COLUMN outbound.endpoint.position IS 'Every notice up to this one was taken by the receiver';
COMMENT ON COLUMN outbound.endpoint.secret IS 'Which secret signs; secrets are derived, none is stored';
CREATE INDEX endpoint_by_organisation ON outbound.endpoint (organisation, id);

CREATE FUNCTION outbound.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was told stays told' USING ERRCODE = 'NR002';
END $$;
CREATE TRIGGER notice_is_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON outbound.notice
    FOR EACH STATEMENT EXECUTE FUNCTION outbound.refuse_change();

-- Each notice once, each organisation's positions dense. The lock is held until the commit, so that notices become
-- visible in the order of their positions and a reader of positions misses none.
CREATE FUNCTION outbound.tell(notices jsonb) RETURNS integer LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(hashtext('outbound.notice'));
    WITH new AS (
        SELECT n.* FROM jsonb_to_recordset(notices) AS n (
            organisation text, id text, key text, kind text, at timestamptz, data jsonb)
        WHERE NOT EXISTS (SELECT 1 FROM outbound.notice o WHERE o.organisation = n.organisation AND o.key = n.key)
    ), told AS (
        INSERT INTO outbound.notice (organisation, position, id, key, kind, at, data)
        SELECT new.organisation,
            coalesce((SELECT max(o.position) FROM outbound.notice o WHERE o.organisation = new.organisation), 0)
                + row_number() OVER (PARTITION BY new.organisation ORDER BY new.at, new.key),
            new.id, new.key, new.kind, new.at, new.data
        FROM new RETURNING 1
    )
    SELECT count(*)::integer FROM told
$$;

GRANT USAGE ON SCHEMA outbound TO nrm_views;
GRANT SELECT, INSERT ON outbound.notice TO nrm_views;
GRANT SELECT, INSERT, UPDATE ON outbound.looked TO nrm_views;
GRANT SELECT, INSERT, UPDATE, DELETE ON outbound.endpoint TO nrm_views;
GRANT EXECUTE ON FUNCTION outbound.tell TO nrm_views;
