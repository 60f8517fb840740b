-- Published statistics: a release is frozen, and stays. What it showed and what it hid both count when the next one is
-- made, so that no difference of two releases gives a small group away. A rebuild of the views does not touch it.
CREATE SCHEMA statistics_release;

CREATE TABLE statistics_release.release (
    release_id    uuid        PRIMARY KEY,
    title         text        NOT NULL,
    organisation  text        NOT NULL,
    actor         text        NOT NULL,
    registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    since         timestamptz,
    until         timestamptz,
    as_of         timestamptz NOT NULL,
    known_at      timestamptz NOT NULL,
    threshold     integer     NOT NULL,
    tables        jsonb       NOT NULL,
    positions     jsonb       NOT NULL,
    key           text        NOT NULL,
    request       bytea       NOT NULL,
    UNIQUE (organisation, key)
);

CREATE TABLE statistics_release.cell (
    release_id   uuid     NOT NULL REFERENCES statistics_release.release,
    table_number smallint NOT NULL,
    number       integer  NOT NULL,
    key          jsonb    NOT NULL,
    cases        integer,
    members      text[]   NOT NULL,
    PRIMARY KEY (release_id, table_number, number)
);
COMMENT ON COLUMN statistics_release.cell.cases IS 'As published; null where it is hidden';
COMMENT ON COLUMN statistics_release.cell.members IS 'The case references behind the figure, for those entitled';

CREATE FUNCTION statistics_release.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was published stays as it was' USING ERRCODE = 'NR002';
END $$;

CREATE TRIGGER release_is_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON statistics_release.release
    FOR EACH STATEMENT EXECUTE FUNCTION statistics_release.refuse_change();
CREATE TRIGGER cell_is_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON statistics_release.cell
    FOR EACH STATEMENT EXECUTE FUNCTION statistics_release.refuse_change();

GRANT USAGE ON SCHEMA statistics_release TO nrm_views;
GRANT SELECT, INSERT ON statistics_release.release, statistics_release.cell TO nrm_views;
