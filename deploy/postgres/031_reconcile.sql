-- The audit process compares the stores with the log all the time, by bytes that it reads itself and hashes anew. What
-- it reads it also has from Kafka; personal fields are ciphertext in both.
DO $$
DECLARE
    service text;
BEGIN
    FOREACH service IN ARRAY ARRAY['identification', 'referral', 'aftercare', 'justice', 'repatriation'] LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO nrm_audit', service);
        EXECUTE format('GRANT SELECT ON %1$I.event, %1$I.log, %1$I.outbox, %1$I.published TO nrm_audit', service);
    END LOOP;
END $$;
