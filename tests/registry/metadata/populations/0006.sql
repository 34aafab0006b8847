-- What revision 0006 adds: one of the pieces by which a repository is found.

INSERT INTO search_gram (gram, repository_id)
SELECT 'zzz', id FROM repository;
