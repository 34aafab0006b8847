"""Our tokens: what they prove, when they stop doing so, and that every known forgery is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from oci_spec.reference import RepositoryName
from registry import limits
from registry.auth.key_material import Algorithm, SigningKey, Vault
from registry.auth.permission import Permission
from registry.auth.signing_keys import SigningKeys
from registry.auth.subject import ANONYMOUS, Proof, Subject, SubjectKind
from registry.auth.token_scope import TokenScope, covers
from registry.auth.tokens import Tokens
from registry.errors import TokenInvalid
from registry.metadata.database import Database
from tests.registry.assembly import ON_SQLITE

pytestmark = ON_SQLITE

ISSUER, SERVICE, LIFETIME_S = "https://registry.example", "registry.example", 300
APP = RepositoryName.parse("team/app")
PULL = TokenScope(APP, frozenset({"pull"}))
ALICE = Subject(SubjectKind.USER, "alice", 7, Proof("password", 3, 11))


class Clock:
    def __init__(self) -> None:
        self.now = float(int(time.time()))

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=list(Algorithm))
async def keys(request: pytest.FixtureRequest, database: Database, clock: Clock) -> SigningKeys:
    return SigningKeys(database, Vault(), request.param, LIFETIME_S, clock=clock)


@pytest.fixture
def tokens(keys: SigningKeys, clock: Clock) -> Tokens:
    return Tokens(keys, issuer=ISSUER, service=SERVICE, lifetime_s=LIFETIME_S, clock=clock)


def claims(clock: Clock, **changes: Any) -> dict[str, Any]:
    now = int(clock.now)
    good = {
        "iss": ISSUER,
        "sub": "alice",
        "aud": SERVICE,
        "exp": now + 300,
        "nbf": now - 10,
        "iat": now,
        "jti": "x",
        "access": [{"type": "repository", "name": "team/app", "actions": ["pull"]}],
        "acc": 7,
        "gen": 3,
        "prf": "password",
    }
    changed = {**good, **changes}
    return {name: value for name, value in changed.items() if value is not ...}


def signed(key: SigningKey, payload: dict[str, Any], **header: Any) -> str:
    return jwt.encode(payload, key.private, algorithm=key.algorithm, headers={"kid": key.key_id, **header})


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def under_a_secret(header: dict[str, Any], payload: dict[str, Any], secret: bytes) -> str:
    """A token signed by HMAC, which PyJWT does not do with what looks like a public key."""
    text = f"{encoded(header)}.{encoded(payload)}"
    mac = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


async def is_refused(tokens: Tokens, text: str) -> bool:
    try:
        await tokens.verify(text)
    except TokenInvalid:
        return True
    return False


async def test_a_token_proves_who_asks_and_what_for(tokens: Tokens) -> None:
    issued = await tokens.issue(ALICE, [PULL, TokenScope(None, frozenset({"*"})), TokenScope(APP, frozenset())])

    verified = await tokens.verify(issued.text)

    subject = verified.subject
    assert (subject.kind, subject.name, subject.account_id) == (SubjectKind.USER, "alice", 7)
    assert subject.proof is not None
    assert (subject.proof.kind, subject.proof.generation, subject.proof.credential_id) == ("bearer", 3, 11)
    assert verified.origin == "password"
    assert subject.proof.granted == frozenset({("repository:team/app", "pull"), ("registry:catalog", "*")})
    assert covers(subject.proof.granted, Permission.PULL, APP)
    assert not covers(subject.proof.granted, Permission.PUSH, APP)


async def test_a_robot_and_nobody_stay_what_they_are(tokens: Tokens) -> None:
    robot = Subject(SubjectKind.ROBOT, "team+ci", 8, Proof("robot", 0, 12))

    for_robot = await tokens.verify((await tokens.issue(robot, [PULL])).text)
    for_nobody = await tokens.verify((await tokens.issue(ANONYMOUS, [PULL])).text)

    assert for_robot.subject == robot
    assert for_nobody.subject == ANONYMOUS
    assert for_nobody.subject.account_id is None
    assert for_nobody.subject.proof is not None
    assert for_nobody.subject.proof.granted == PULL.granted


async def test_a_token_reads_as_the_specification_has_it(tokens: Tokens, keys: SigningKeys, clock: Clock) -> None:
    issued = await tokens.issue(ALICE, [PULL])

    header = jwt.get_unverified_header(issued.text)
    payload = jwt.decode(issued.text, options={"verify_signature": False})

    key = await keys.signing()
    assert header == {"typ": "JWT", "alg": str(key.algorithm), "kid": key.key_id}
    assert payload["access"] == [{"type": "repository", "name": "team/app", "actions": ["pull"]}]
    assert (payload["exp"], payload["iat"], payload["nbf"]) == (clock.now + 300, clock.now, clock.now - 10)
    assert issued.issued_at.timestamp() == clock.now


async def test_others_verify_a_token_with_the_published_keys(tokens: Tokens, keys: SigningKeys) -> None:
    issued = await tokens.issue(ALICE, [PULL])

    published = jwt.PyJWKSet.from_dict(await keys.public_keys())

    key = published[jwt.get_unverified_header(issued.text)["kid"]]
    assert (
        jwt.decode(issued.text, key, algorithms=["ES256", "EdDSA"], audience=SERVICE, issuer=ISSUER)["sub"] == "alice"
    )
    assert "d" not in str((await keys.public_keys())["keys"]).split("'")


async def test_a_token_expires_and_is_then_refused_although_it_was_remembered(tokens: Tokens, clock: Clock) -> None:
    issued = await tokens.issue(ALICE, [PULL])
    first = await tokens.verify(issued.text)
    assert await tokens.verify(issued.text) is first

    clock.now += LIFETIME_S + limits.TOKEN_SKEW_S - 1
    assert await tokens.verify(issued.text) is first

    clock.now += 1
    assert await is_refused(tokens, issued.text)


async def test_a_remembered_token_is_refused_within_seconds_of_its_key(
    tokens: Tokens, keys: SigningKeys, clock: Clock, database: Database
) -> None:
    issued = await tokens.issue(ALICE, [PULL])
    first = await tokens.verify(issued.text)

    await database.write(keys.replace)
    clock.now += limits.SIGNING_KEYS_FRESH_S
    assert await tokens.verify(issued.text) is first
    await database.write(keys.replace_all)
    clock.now += limits.SIGNING_KEYS_FRESH_S

    assert await is_refused(tokens, issued.text)
    assert not await is_refused(tokens, (await tokens.issue(ALICE, [PULL])).text)


async def test_a_clock_that_differs_a_minute_is_forgiven_and_no_more(
    tokens: Tokens, keys: SigningKeys, clock: Clock
) -> None:
    key, now, skew = await keys.signing(), int(clock.now), limits.TOKEN_SKEW_S

    assert not await is_refused(tokens, signed(key, claims(clock, exp=now - skew + 1)))
    assert not await is_refused(tokens, signed(key, claims(clock, nbf=now + skew)))
    assert not await is_refused(tokens, signed(key, claims(clock, iat=now + skew)))
    assert await is_refused(tokens, signed(key, claims(clock, exp=now - skew)))
    assert await is_refused(tokens, signed(key, claims(clock, nbf=now + skew + 1)))
    assert await is_refused(tokens, signed(key, claims(clock, iat=now + skew + 1)))


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "access", "acc"])
async def test_a_token_without_one_of_its_claims_is_refused(
    tokens: Tokens, keys: SigningKeys, clock: Clock, name: str
) -> None:
    key = await keys.signing()
    assert not await is_refused(tokens, signed(key, claims(clock)))

    assert await is_refused(tokens, signed(key, claims(clock, **{name: ...})))


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "elsewhere.example"},
        {"aud": [SERVICE, "elsewhere.example"]},
        {"aud": ""},
        {"exp": "99999999999"},
        {"exp": 99999999999.5},
        {"exp": True},
        {"sub": "Alice"},
        {"sub": 7},
        {"acc": "7"},
        {"access": {"type": "repository"}},
        {"access": [{"type": "repository", "name": "team/app", "actions": "pull"}]},
        {"access": [["repository", "team/app", "pull"]]},
    ],
)
async def test_a_claim_that_is_not_what_it_has_to_be_is_refused(
    tokens: Tokens, keys: SigningKeys, clock: Clock, change: dict[str, Any]
) -> None:
    key = await keys.signing()

    assert await is_refused(tokens, signed(key, claims(clock, **change)))


async def test_access_that_has_no_meaning_here_grants_nothing(tokens: Tokens, keys: SigningKeys, clock: Clock) -> None:
    access = [{"type": "galaxy", "name": "team/app", "actions": ["pull"]}]

    verified = await tokens.verify(signed(await keys.signing(), claims(clock, access=access)))

    assert verified.subject.proof is not None
    assert verified.subject.proof.granted == frozenset()


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE"])
async def test_attack_a_token_without_a_signature(tokens: Tokens, keys: SigningKeys, clock: Clock, alg: str) -> None:
    header = {"typ": "JWT", "alg": alg, "kid": (await keys.signing()).key_id}
    good = signed(await keys.signing(), claims(clock))

    assert await is_refused(tokens, f"{encoded(header)}.{encoded(claims(clock))}.")
    assert await is_refused(tokens, f"{encoded(header)}.{encoded(claims(clock))}.{good.rpartition('.')[2]}")
    assert await is_refused(tokens, good.rpartition(".")[0] + ".")


@pytest.mark.parametrize(
    "form",
    [
        (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        (Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    ],
)
async def test_attack_the_public_key_used_as_a_shared_secret(
    tokens: Tokens, keys: SigningKeys, clock: Clock, form: tuple[Encoding, PublicFormat]
) -> None:
    key = await keys.signing()
    secret = key.private.public_key().public_bytes(*form)
    for secret_text in (secret, secret.strip(), json.dumps(dict(key.public_jwk)).encode()):
        text = under_a_secret({"typ": "JWT", "alg": "HS256", "kid": key.key_id}, claims(clock), secret_text)

        assert await is_refused(tokens, text)


async def test_attack_another_algorithm_under_our_key_id(tokens: Tokens, keys: SigningKeys, clock: Clock) -> None:
    kid = {"kid": (await keys.signing()).key_id}
    payload = claims(clock)
    private_keys: list[tuple[Any, str]] = [
        (rsa.generate_private_key(65537, 2048), "RS256"),
        (rsa.generate_private_key(65537, 2048), "PS256"),
        (ec.generate_private_key(ec.SECP256R1()), "ES256"),
        (ec.generate_private_key(ec.SECP384R1()), "ES384"),
        (ed25519.Ed25519PrivateKey.generate(), "EdDSA"),
    ]

    for private, algorithm in private_keys:
        assert await is_refused(tokens, jwt.encode(payload, private, algorithm=algorithm, headers=kid))


@pytest.mark.parametrize("kid", ["0" * 16, "", "../../dev/null", "' OR 1=1 --", 7, None, ["x"], ...])
async def test_attack_a_foreign_key_id(tokens: Tokens, keys: SigningKeys, clock: Clock, kid: Any) -> None:
    key = await keys.signing()
    header = {"typ": "JWT", "alg": str(key.algorithm), "kid": kid}
    if kid is ...:
        del header["kid"]
    # The header is made by hand: PyJWT makes none whose key id is not text.
    good = signed(key, claims(clock))

    assert await is_refused(tokens, f"{encoded(header)}.{good.split('.', 1)[1]}")
    if isinstance(kid, str):
        assert await is_refused(tokens, signed(key, claims(clock), kid=kid))


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c", "x5t", "x5t#S256", "crit", "cty", "zip", "enc", "exp"])
async def test_attack_a_header_that_brings_or_names_a_key_or_asks_for_more(
    tokens: Tokens, keys: SigningKeys, clock: Clock, name: str
) -> None:
    ours, theirs = await keys.signing(), ec.generate_private_key(ec.SECP256R1())
    their_jwk = jwt.algorithms.ECAlgorithm.to_jwk(theirs.public_key(), as_dict=True)
    value = {"jwk": {**their_jwk, "kid": ours.key_id}, "x5c": ["MIIB"], "crit": ["exp"]}.get(
        name, "https://evil.example"
    )

    forged = jwt.encode(claims(clock), theirs, algorithm="ES256", headers={"kid": ours.key_id, name: value})

    assert await is_refused(tokens, forged)
    # Signed by us it would still be no token of ours: we make none with such a header.
    assert await is_refused(tokens, signed(ours, claims(clock), **{name: value}))


@pytest.mark.parametrize("value", [False, True, "false"])
async def test_attack_a_payload_that_is_not_encoded(
    tokens: Tokens, keys: SigningKeys, clock: Clock, value: Any
) -> None:
    key = await keys.signing()
    header = {"typ": "JWT", "alg": str(key.algorithm), "kid": key.key_id, "b64": value, "crit": ["b64"]}

    assert await is_refused(tokens, f"{encoded(header)}.{signed(key, claims(clock)).split('.', 1)[1]}")


@pytest.mark.parametrize("part", [0, 1, 2])
async def test_attack_a_part_of_another_token(tokens: Tokens, keys: SigningKeys, clock: Clock, part: int) -> None:
    mine = signed(await keys.signing(), claims(clock)).split(".")
    other = jwt.encode(
        claims(clock, sub="root"), ec.generate_private_key(ec.SECP256R1()), algorithm="ES256", headers={"kid": "x"}
    ).split(".")

    mine[part] = other[part]

    assert await is_refused(tokens, ".".join(mine))


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "...", "a.b.c", "a.b.c.d", "e30.e30.", "é.é.é", "\ud800.x.y", "bnVsbA.e30.", "W10.e30.", " . . "],
)
async def test_what_is_no_token_is_refused(tokens: Tokens, text: str) -> None:
    assert await is_refused(tokens, text)


async def test_a_long_text_is_refused_before_it_is_looked_at(tokens: Tokens, keys: SigningKeys, clock: Clock) -> None:
    text = signed(await keys.signing(), claims(clock, filling="x" * limits.TOKEN_CHARACTERS))

    with pytest.raises(TokenInvalid) as refused:
        await tokens.verify(text)

    assert refused.value.reason == "it has not the form of a token"


async def test_the_answer_does_not_say_what_was_wrong(tokens: Tokens, keys: SigningKeys, clock: Clock) -> None:
    expired = signed(await keys.signing(), claims(clock, exp=1))

    with pytest.raises(TokenInvalid) as refused:
        await tokens.verify(expired)

    assert refused.value.reason not in str(refused.value)
