-- Destroying a person's key and recording that it was done are one transaction: the key goes when `person_shredded` is
-- stored, and in no other way. No process may write to the keys; the database itself asks for the two people.
CREATE FUNCTION vault.shred() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    requested jsonb;
    approved jsonb;
BEGIN
    IF convert_from(NEW.body, 'UTF8')::jsonb ->> 'type' <> 'org.opennrm.identification.person_shredded.v1' THEN
        RETURN NULL;
    END IF;
    SELECT body INTO requested
        FROM (SELECT version, convert_from(body, 'UTF8')::jsonb AS body FROM identification.event
              WHERE stream = NEW.stream AND version < NEW.version) past
        WHERE body ->> 'type' = 'org.opennrm.identification.shred_requested.v1' ORDER BY version DESC LIMIT 1;
    SELECT convert_from(body, 'UTF8')::jsonb INTO approved
        FROM identification.event WHERE stream = NEW.stream AND version = NEW.version - 1;
    IF requested IS NULL OR approved ->> 'type' IS DISTINCT FROM 'org.opennrm.identification.shred_approved.v1'
        OR requested ->> 'actor' = approved ->> 'actor' OR requested ->> 'role' = approved ->> 'role'
        OR NEW.stream <> 'case:' || NEW.subject
    THEN
        RAISE EXCEPTION 'a person is shredded by two people in two roles' USING ERRCODE = 'NR003';
    END IF;
    UPDATE vault.person_key SET wrapped = NULL, shredded_at = now() WHERE case_id = NEW.subject AND wrapped IS NOT NULL;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION vault.shred FROM public;

-- The condition is read without entering the function: it costs an ordinary event next to nothing.
CREATE TRIGGER shred_person AFTER INSERT ON identification.event FOR EACH ROW
    WHEN (position('"type":"org.opennrm.identification.person_shredded.v1"'::bytea IN NEW.body) > 0)
    EXECUTE FUNCTION vault.shred();

-- The old row, with the wrapped key in it, is cleared away soon.
ALTER TABLE vault.person_key SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1);
