-- A registry in use, as revision 0001 keeps it. Bytes are written as SQLite reads them; the test rewrites them for
-- PostgreSQL. A revision that has landed keeps its file as it is; a new one gets a file with what is new in it.

INSERT INTO namespace (name, created_at)
VALUES ('team', 1777863721987654);

INSERT INTO repository (namespace_id, name, created_at, updated_at)
SELECT id, 'team/app', 1777863721987654, 1777863721987654 FROM namespace;

INSERT INTO blob (algorithm, digest, size, key, state, created_at)
VALUES ('sha256', X'dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85', 5, 'key-of-layer', 'present',
        1777863721987654);

INSERT INTO link (repository_id, blob_id, created_at, lease_until)
SELECT (SELECT id FROM repository WHERE name = 'team/app'), id, 1777863721987654, 1777863721987654 FROM blob;

INSERT INTO manifest (repository_id, algorithm, digest, media_type, kind, artifact_type, config_media_type,
        subject_algorithm, subject_digest, annotations, size, pushed_at, pushed_by, pulled_at, content)
VALUES ((SELECT id FROM repository WHERE name = 'team/app'), 'sha256',
        X'7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed',
        'application/vnd.oci.image.manifest.v1+json', 'image', NULL, 'application/vnd.oci.image.config.v1+json',
        'sha256', X'a9491f4c1bf7b0cffbadcba2db8f028e4b3f2867cb59e1f3a0bc1968f3c51242', '{"a":"b"}', 3,
        1777863721987654, 'user:alice', 1777863721987654, X'6f6e65');

INSERT INTO manifest_reference (manifest_id, position, repository_id, role, algorithm, digest, media_type, size,
        platform, present)
SELECT id, 0, repository_id, 'layer', 'sha256', X'dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85',
        'application/layer', 5, '["linux","amd64",null,null,[]]', TRUE FROM manifest;

INSERT INTO tag (repository_id, name, algorithm, digest, valid_from, valid_until, actor, ended_by, pulled_at)
VALUES ((SELECT id FROM repository WHERE name = 'team/app'), 'latest', 'sha256',
        X'f9194e73f9e9459e3450ea10a179cdf77aafa695beecd3b9344a98d111622243', 1777863721987645, 1777863721987654,
        'user:alice', 'user:bob', NULL),
       ((SELECT id FROM repository WHERE name = 'team/app'), 'latest', 'sha256',
        X'7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed', 1777863721987654, NULL, 'user:bob',
        NULL, 1777863721987654);

INSERT INTO upload (id, repository, subject, algorithm, key, "offset", hash_state, backend_state, tail, version,
        started_at, updated_at, expires_at)
VALUES ('2f9e', 'team/app', 'user:alice', 'sha512', 'uploads/2f9e', 7, X'00ff', X'', X'61', 3, 1777863721987654,
        1777863721987654, 1777863721987654);

INSERT INTO job_lease (name, owner, until, token)
VALUES ('expiry', 'node', 1777863721987654, 12);

INSERT INTO outbox (kind, payload, created_at, indexed_at)
VALUES ('linked', '{}', 1777863721987654, 1777863721987654),
       ('moved', '{}', 1777863721987654, NULL);

INSERT INTO secret (purpose, key_id, material, created_at, retired_at)
VALUES ('uploads', 'old', X'00', 1777863721987654, 1777863721987654),
       ('uploads', 'new', X'01', 1777863721987654, NULL);
