-- What revision 0007 adds: an upload that somebody holds.

INSERT INTO upload_hold (key, owner, token, until)
VALUES ('0123456789abcdef0123456789abcdef', 'node/boot/pid:[1] 17 4711', 'random', 1767225600000000);
