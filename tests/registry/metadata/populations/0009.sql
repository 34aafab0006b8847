-- What revision 0009 adds: the installation, and a node that served it.

INSERT INTO installation (position, identity, made_at, in_storage)
VALUES ('this', '0123456789abcdef', 0, false);
INSERT INTO node (name, host, version, url, workers, started_at, seen_at)
VALUES ('a node', 'localhost', '1.0', NULL, 2, 0, 0);
