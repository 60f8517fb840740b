-- The blind index behind `possible-duplicates`: keyed tokens of names and births, and what is compared, sealed with the
-- person's own key. Kept by the identification process from its events; it can be thrown away and made anew.
CREATE TABLE identification.match_person (
    case_id     text PRIMARY KEY,
    reported_by text NOT NULL,
    sealed      text NOT NULL
);
CREATE TABLE identification.match_token (
    token   bigint NOT NULL,
    case_id text   NOT NULL REFERENCES identification.match_person ON DELETE CASCADE,
    PRIMARY KEY (token, case_id)
);
CREATE INDEX ON identification.match_token (case_id);
COMMENT ON COLUMN identification.match_token.token IS 'first 8 bytes of HMAC-SHA256 under a key derived from the master key';

CREATE TABLE identification.match_progress (
    single   boolean PRIMARY KEY DEFAULT true CHECK (single),
    form     text    NOT NULL,
    position bigint  NOT NULL
);
COMMENT ON COLUMN identification.match_progress.form IS 'which key and which normalisation; another one: made anew';

GRANT SELECT, INSERT, UPDATE, DELETE
    ON identification.match_person, identification.match_token, identification.match_progress TO nrm_identification;

-- With the person's key go the person's tokens, in the same transaction.
CREATE FUNCTION vault.forget_match() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    DELETE FROM identification.match_person WHERE case_id = NEW.case_id;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION vault.forget_match FROM public;
CREATE TRIGGER forget_match AFTER UPDATE OF wrapped ON vault.person_key FOR EACH ROW
    WHEN (NEW.wrapped IS NULL) EXECUTE FUNCTION vault.forget_match();

-- Nobody is indexed without a key. The key's row is held until the index commits: who shreds meanwhile waits, and drops it.
CREATE FUNCTION identification.match_needs_key() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog AS $$
BEGIN
    PERFORM 1 FROM vault.person_key WHERE case_id = NEW.case_id AND wrapped IS NOT NULL FOR SHARE;
    RETURN CASE WHEN FOUND THEN NEW END;
END $$;
REVOKE EXECUTE ON FUNCTION identification.match_needs_key FROM public;
CREATE TRIGGER match_needs_key BEFORE INSERT OR UPDATE ON identification.match_person FOR EACH ROW
    EXECUTE FUNCTION identification.match_needs_key();
