-- What revision 0004 adds: a person with a token, an organisation with a team, a grant, and what an owner says.

INSERT INTO account (name, kind, source, password_hash, is_admin, is_disabled, generation, created_at, created_by)
VALUES ('alice', 'user', 'local', 'hash', FALSE, FALSE, 1, 1777863721987654, 'operator');

INSERT INTO credential (account_id, kind, name, hash, scope, generation, created_at, created_by)
SELECT id, 'personal', 'laptop', X'00ff', '{}', 1, 1777863721987654, 'user:alice' FROM account;

INSERT INTO member (namespace_id, account_id, is_owner, created_at)
SELECT namespace.id, account.id, TRUE, 1777863721987654 FROM namespace, account;

INSERT INTO team (namespace_id, name, created_at)
SELECT id, 'builders', 1777863721987654 FROM namespace;

INSERT INTO team_member (team_id, account_id)
SELECT team.id, account.id FROM team, account;

INSERT INTO role_grant (team_id, pattern, bucket, role, created_at, created_by)
SELECT id, 'team/*', 'team/', 'writer', 1777863721987654, 'operator' FROM team;

INSERT INTO tag_protection (repository_id, pattern, created_at, created_by)
SELECT id, 'v*', 1777863721987654, 'user:alice' FROM repository;

INSERT INTO tag_pulls (repository_id, name, pulls, pulled_at)
SELECT id, 'latest', 3, 1777863721987654 FROM repository;

INSERT INTO login_failure (subject, failures, until, expires_at)
VALUES ('account:alice', 1, NULL, 1777863721987654);

INSERT INTO federation (account_id, issuer, audience, claims, created_at, created_by)
SELECT id, 'https://ci.example', 'registry', '{}', 1777863721987654, 'operator' FROM account;

INSERT INTO audit (at, actor, credential, address, request_id, action, target, outcome, detail, previous, hash)
VALUES (1777863721987654, 'user:alice', 'password', '127.0.0.1', 'r1', 'login', '', 'allowed', '{}', X'00', X'01');

INSERT INTO audit_chain (position, entry, hash, at)
VALUES ('head', 1, X'01', 1777863721987654);

UPDATE repository SET visibility = 'public', description = 'An app.', pulls = 4, pulled_at = 1777863721987654;
