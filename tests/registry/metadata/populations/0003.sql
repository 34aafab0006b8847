-- What revision 0003 adds: a blob whose bytes were verified.

UPDATE blob SET verified_at = 1777863721987654;
