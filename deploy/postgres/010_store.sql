-- The event store of one service. {schema} is the service's schema, {role} its database role.
CREATE SCHEMA {schema};

CREATE TABLE {schema}.event (
    stream   text    NOT NULL,
    version  integer NOT NULL CHECK (version > 0),
    id       uuid    NOT NULL,
    subject  text    NOT NULL,
    hash     bytea   NOT NULL CHECK (octet_length(hash) = 32),
    body     bytea   NOT NULL,
    PRIMARY KEY (stream, version)
);
COMMENT ON COLUMN {schema}.event.body IS 'RFC 8785 bytes of the envelope without hash and position; hash = sha256(body)';

-- A row here means: committed, not yet sequenced. The sequencer takes rows because they exist, never by a cursor.
CREATE TABLE {schema}.outbox (
    seq      bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream   text    NOT NULL,
    version  integer NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

-- The service's log: dense positions given after commit.
CREATE TABLE {schema}.log (
    position bigint  PRIMARY KEY,
    stream   text    NOT NULL,
    version  integer NOT NULL
);

CREATE TABLE {schema}.published (
    topic    text   PRIMARY KEY,
    position bigint NOT NULL
);

CREATE TABLE {schema}.idempotency (
    organisation text     NOT NULL,
    key          text     NOT NULL,
    request      bytea    NOT NULL,
    status       smallint NOT NULL,
    body         bytea    NOT NULL,
    location     text     NOT NULL,
    version      integer  NOT NULL,
    at           timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organisation, key)
);

CREATE FUNCTION {schema}.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an event is never changed or removed' USING ERRCODE = 'NR002';
END $$;

CREATE TRIGGER event_is_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON {schema}.event
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.refuse_change();
CREATE TRIGGER log_is_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON {schema}.log
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.refuse_change();

-- One round trip for any number of requests. prevs is set for the first event of each request's stream only.
CREATE FUNCTION {schema}.append(
    streams text[], versions integer[], ids uuid[], subjects text[], prevs bytea[], hashes bytea[], bodies bytea[],
    organisations text[], keys text[], requests bytea[], statuses smallint[], answers bytea[], locations text[],
    answer_versions integer[], key_cases text[], wrapped_keys bytea[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- The key first: a retry of what is already stored is told so, not that it lost a race. All rows are inserted in
    -- the order of their keys, so that two transactions wait for each other in one direction only.
    IF cardinality(keys) > 0 THEN
        INSERT INTO {schema}.idempotency (organisation, key, request, status, body, location, version)
            SELECT * FROM unnest(organisations, keys, requests, statuses, answers, locations, answer_versions)
            ORDER BY 1, 2;
    END IF;
    IF EXISTS (
        SELECT 1 FROM unnest(streams, versions, prevs) AS new (stream, version, prev)
        WHERE new.prev IS NOT NULL AND new.version > 1
        -- A scalar subquery, so that it stays one index look-up per stream: EXISTS may be planned as a hash join
        -- over the whole table while its statistics are young.
        AND (SELECT old.hash FROM {schema}.event old
             WHERE old.stream = new.stream AND old.version = new.version - 1) IS DISTINCT FROM new.prev
    ) THEN
        RAISE EXCEPTION 'the event before it is not there' USING ERRCODE = 'NR001';
    END IF;
    INSERT INTO {schema}.event (stream, version, id, subject, hash, body)
        SELECT * FROM unnest(streams, versions, ids, subjects, hashes, bodies) ORDER BY 1, 2;
    INSERT INTO {schema}.outbox (stream, version)
        SELECT stream, version FROM unnest(streams, versions) WITH ORDINALITY AS new (stream, version, n) ORDER BY n;
    IF cardinality(key_cases) > 0 THEN
        INSERT INTO vault.person_key (case_id, wrapped) SELECT * FROM unnest(key_cases, wrapped_keys) ORDER BY 1;
    END IF;
END $$;

-- Gives the next dense positions to whatever has committed. Only the relay that holds the advisory lock calls it.
CREATE FUNCTION {schema}.sequence(how_many integer) RETURNS integer LANGUAGE sql AS $$
    WITH taken AS (
        DELETE FROM {schema}.outbox
        WHERE seq IN (SELECT seq FROM {schema}.outbox ORDER BY seq LIMIT how_many)
        RETURNING seq, stream, version
    ), head AS (
        SELECT coalesce(max(position), 0) AS position FROM {schema}.log
    ), placed AS (
        INSERT INTO {schema}.log (position, stream, version)
        SELECT head.position + row_number() OVER (ORDER BY taken.seq), taken.stream, taken.version
        FROM taken CROSS JOIN head
        RETURNING 1
    )
    SELECT count(*)::integer FROM placed
$$;

GRANT USAGE ON SCHEMA {schema} TO {role}, nrm_relay;
GRANT SELECT, INSERT ON {schema}.event, {schema}.outbox TO {role};
GRANT SELECT, INSERT, DELETE ON {schema}.idempotency TO {role};
GRANT SELECT ON {schema}.log, {schema}.published TO {role};
GRANT EXECUTE ON FUNCTION {schema}.append TO {role};
GRANT SELECT ON {schema}.event TO nrm_relay;
GRANT SELECT, DELETE ON {schema}.outbox TO nrm_relay;
GRANT SELECT, INSERT ON {schema}.log TO nrm_relay;
GRANT SELECT, INSERT, UPDATE ON {schema}.published TO nrm_relay;
