-- What revision 0008 adds: a blob that is on its way to another place.

INSERT INTO moved_blob (place, blob_id, algorithm, digest, size, key)
SELECT 'there', id, algorithm, digest, size, 'there/' || key FROM blob;
