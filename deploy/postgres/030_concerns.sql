-- The cases that an event concerns besides its subject (a court case of several victims, the other side of a link), so
-- that the log's manifests and a case's export count them too. Null in leaves from before: those counted the subject.
ALTER TABLE transparency.leaf ADD COLUMN concerns text[];
CREATE INDEX leaf_by_concern ON transparency.leaf USING gin (concerns) WHERE concerns IS NOT NULL;
