-- What revision 0002 adds: a manifest whose lease has run out.

INSERT INTO manifest_lease (manifest_id, lease_until)
SELECT id, 1777863721987654 FROM manifest;
