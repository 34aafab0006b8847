-- What revision 0005 adds: a description where it stands since.

INSERT INTO repository_description (repository_id, text)
SELECT id, 'An app.' FROM repository WHERE id NOT IN (SELECT repository_id FROM repository_description);
