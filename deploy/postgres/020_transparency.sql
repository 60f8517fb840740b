-- The transparency log: one append-only Merkle tree (RFC 6962) over every event of every service. The rows of the
-- audit_trail projection may be thrown away and rebuilt; these never change, so they stand apart, insert-only.
CREATE SCHEMA transparency;

-- This log's own name: a restored backup keeps it, another database has another.
CREATE TABLE transparency.installation (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    id  uuid    NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO transparency.installation DEFAULT VALUES;

CREATE TABLE transparency.leaf (
    index     bigint  PRIMARY KEY CHECK (index >= 0),
    event_id  text    NOT NULL UNIQUE,
    hash      bytea   NOT NULL CHECK (octet_length(hash) = 32),
    leaf_hash bytea   NOT NULL CHECK (octet_length(leaf_hash) = 32),
    service   text    NOT NULL,
    position  bigint  NOT NULL,
    stream    text    NOT NULL,
    version   integer NOT NULL,
    subject   text    NOT NULL,
    body      text,
    UNIQUE (service, position),
    UNIQUE (stream, version)
);
COMMENT ON COLUMN transparency.leaf.body IS 'Canonical bytes of the log''s own leaves (manifests, access entries) only';
CREATE INDEX leaf_by_hash ON transparency.leaf (hash);
CREATE INDEX leaf_by_subject ON transparency.leaf (subject, index);

-- Roots of full subtrees at every eighth level: what tiles are cut from. Level 0 is leaf.leaf_hash.
CREATE TABLE transparency.node (
    level smallint NOT NULL CHECK (level > 0 AND level % 8 = 0),
    index bigint   NOT NULL,
    hash  bytea    NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (level, index)
);

-- Every tree head that was ever signed, stored with the leaves that it covers, before anyone sees it.
CREATE TABLE transparency.checkpoint (
    size bigint PRIMARY KEY,
    root bytea  NOT NULL CHECK (octet_length(root) = 32),
    note text   NOT NULL,
    at   timestamptz NOT NULL
);

-- The checkpoints that are shown: with the cosignatures of a quorum of witnesses, where witnesses are set.
CREATE TABLE transparency.published (
    size bigint PRIMARY KEY REFERENCES transparency.checkpoint,
    note text   NOT NULL,
    at   timestamptz NOT NULL
);

CREATE FUNCTION transparency.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the transparency log only grows' USING ERRCODE = 'NR002';
END $$;

CREATE TRIGGER installation_is_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON transparency.installation
    FOR EACH STATEMENT EXECUTE FUNCTION transparency.refuse_change();
CREATE TRIGGER leaf_is_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON transparency.leaf
    FOR EACH STATEMENT EXECUTE FUNCTION transparency.refuse_change();
CREATE TRIGGER node_is_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON transparency.node
    FOR EACH STATEMENT EXECUTE FUNCTION transparency.refuse_change();
CREATE TRIGGER checkpoint_is_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON transparency.checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION transparency.refuse_change();
CREATE TRIGGER published_is_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON transparency.published
    FOR EACH STATEMENT EXECUTE FUNCTION transparency.refuse_change();

GRANT USAGE ON SCHEMA transparency TO nrm_audit;
GRANT SELECT ON transparency.installation TO nrm_audit;
GRANT SELECT, INSERT ON transparency.leaf, transparency.node, transparency.checkpoint, transparency.published TO nrm_audit;
