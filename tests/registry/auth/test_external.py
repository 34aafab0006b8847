"""Tokens of another token server: what they prove, and that every known forgery is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from cryptography.x509.oid import NameOID
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from oci_spec.reference import RepositoryName
from registry import limits
from registry.auth.external import ExternalTokens
from registry.auth.kept_keys import KeptKeys
from registry.auth.permission import Permission
from registry.auth.subject import ANONYMOUS, SubjectKind
from registry.auth.token_scope import covers
from registry.auth.trusted_keys import TrustedKeys, fingerprint, thumbprint
from registry.errors import TokenExpired, TokenInvalid, TrustedKeysInvalid

ISSUER, SERVICE = "https://auth.example", "registry.example"
NOW: Final = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
APP = RepositoryName.parse("team/app")
KEY_ID = "PYYO:TEWU:V7JH:26JV:AQTZ:LJC3:SXVJ:XGHA:34F2:2LAQ:ZRMK:Z7Q6"


class Clock:
    def __init__(self) -> None:
        self.now = NOW.timestamp()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def server() -> ec.EllipticCurvePrivateKey:
    """The key of the token server."""
    return ec.generate_private_key(ec.SECP256R1())


Open = Callable[..., ExternalTokens]


def kept(content: bytes, parse: Callable[[bytes], TrustedKeys]) -> KeptKeys:
    async def read() -> bytes:
        return content

    return KeptKeys(read, parse, fresh_s=1e9)


@pytest.fixture
def by_key_set(clock: Clock) -> Open:
    """Opens a verifier that trusts the keys of a set."""

    def open_with(*jwks: Any, **options: Any) -> ExternalTokens:
        keys = kept(json.dumps({"keys": list(jwks)}).encode(), partial(TrustedKeys.of_key_set_text, place="set"))
        return ExternalTokens(keys, issuer=ISSUER, service=SERVICE, clock=clock, **options)

    return open_with


@pytest.fixture
def by_certificates(clock: Clock) -> Open:
    """Opens a verifier that trusts a bundle of certificates."""

    def open_with(*roots: x509.Certificate, **options: Any) -> ExternalTokens:
        content = b"".join(root.public_bytes(Encoding.PEM) for root in roots)
        keys = kept(content, partial(TrustedKeys.of_certificates, place="bundle"))
        return ExternalTokens(keys, issuer=ISSUER, service=SERVICE, clock=clock, **options)

    return open_with


@pytest.fixture
def tokens(by_key_set: Open, server: ec.EllipticCurvePrivateKey) -> ExternalTokens:
    return by_key_set(jwk(server, kid=KEY_ID))


def jwk(private: Any, **more: Any) -> dict[str, Any]:
    public = private.public_key()
    if isinstance(private, rsa.RSAPrivateKey):
        return {**RSAAlgorithm.to_jwk(public, as_dict=True), **more}
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return {**OKPAlgorithm.to_jwk(public, as_dict=True), **more}
    return {**ECAlgorithm.to_jwk(public, as_dict=True), **more}


def claims(**changes: Any) -> dict[str, Any]:
    """What distribution's "Token Authentication Implementation" has in a token."""
    now = int(NOW.timestamp())
    good = {
        "iss": ISSUER,
        "sub": "jlhawn",
        "aud": SERVICE,
        "exp": now + 300,
        "nbf": now,
        "iat": now,
        "jti": "tYJCO1c6cnyy7kAn0c7rKPgbV1H1bFws",
        "access": [{"type": "repository", "class": "image", "name": "team/app", "actions": ["pull", "push"]}],
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not ...}


def signed(private: Any, payload: dict[str, Any] | None = None, algorithm: str = "ES256", **header: Any) -> str:
    return jwt.encode(payload or claims(), private, algorithm=algorithm, headers={"kid": KEY_ID, **header})


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def is_refused(tokens: ExternalTokens, text: str) -> bool:
    try:
        await tokens.verify(text)
    except TokenInvalid:
        return True
    return False


def certificate(
    private: Any,
    name: str = "token server",
    *,
    by: tuple[x509.Certificate, Any] | None = None,
    ca: bool = False,
    begin: datetime = NOW - timedelta(days=1),
    days: int = 10,
    path_length: int | None = None,
    extension: x509.ExtensionType | None = None,
) -> x509.Certificate:
    """A certificate of a private key: signed by itself, or `by` another."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if by is None else by[0].subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=path_length if ca else None), critical=True)
    )
    if extension is not None:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(private if by is None else by[1], hashes.SHA256())


def x5c(*certificates: x509.Certificate) -> list[str]:
    return [base64.b64encode(each.public_bytes(Encoding.DER)).decode() for each in certificates]


async def test_a_token_proves_a_user_without_an_account_and_what_it_is_for(
    tokens: ExternalTokens, server: ec.EllipticCurvePrivateKey
) -> None:
    verified = await tokens.verify(signed(server))

    subject = verified.subject
    assert (subject.kind, subject.name, subject.account_id) == (SubjectKind.USER, "jlhawn", None)
    assert subject.proof is not None
    assert subject.proof.granted is not None
    assert covers(subject.proof.granted, Permission.PULL, APP)
    assert covers(subject.proof.granted, Permission.PUSH, APP)
    assert not covers(subject.proof.granted, Permission.DELETE, APP)
    assert not covers(subject.proof.granted, Permission.PULL, RepositoryName.parse("team/other"))
    assert not covers(subject.proof.granted, Permission.ADMINISTER, None)


@pytest.mark.parametrize("access", [..., None, []])
async def test_a_token_without_access_proves_who_asks_and_grants_nothing(
    tokens: ExternalTokens, server: ec.EllipticCurvePrivateKey, access: Any
) -> None:
    subject = (await tokens.verify(signed(server, claims(access=access)))).subject

    assert subject.name == "jlhawn"
    assert subject.proof is not None
    assert subject.proof.granted == frozenset()


@pytest.mark.parametrize("sub", ["", ...])
async def test_a_token_for_nobody_is_nobodys_and_grants_what_it_says(
    tokens: ExternalTokens, server: ec.EllipticCurvePrivateKey, sub: Any
) -> None:
    subject = (await tokens.verify(signed(server, claims(sub=sub)))).subject

    assert subject == ANONYMOUS
    assert subject.proof is not None
    assert str(subject.proof) == "external"
    assert subject.proof.granted is not None
    assert covers(subject.proof.granted, Permission.PUSH, APP)


@pytest.mark.parametrize(
    ("sub", "name"),
    [
        ("auth0|5f7c8ec7", "auth0|5f7c8ec7"),
        ("a b\nc", "a%20b%0Ac"),
        ("50%0A", "50%250A"),
        ("zoë", "zo%C3%AB"),
        ("\ud800", "%ED%A0%80"),
    ],
)
async def test_a_name_is_plain_and_one_for_each_subject(
    tokens: ExternalTokens, server: ec.EllipticCurvePrivateKey, sub: str, name: str
) -> None:
    assert (await tokens.verify(signed(server, claims(sub=sub)))).subject.name == name


async def test_a_key_is_found_by_the_ids_that_are_made_of_it(
    by_key_set: Open, server: ec.EllipticCurvePrivateKey
) -> None:
    tokens = by_key_set(jwk(server))

    for made_id in (thumbprint, fingerprint):
        assert not await is_refused(tokens, signed(server, kid=made_id(server.public_key())))
    assert await is_refused(tokens, signed(server))


def test_a_thumbprint_is_that_of_the_rfc() -> None:
    # RFC 7638, "Example JWK Thumbprint Computation".
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3okn"
        "jhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6q"
        "MQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awap"
        "JzKnqDKgw"
    )

    key = jwt.PyJWK({"kty": "RSA", "n": modulus, "e": "AQAB", "alg": "RS256"}).key

    assert thumbprint(key) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_a_fingerprint_is_what_distributions_second_version_takes() -> None:
    # Made once, and taken by docker-registry 2.8 as the `kid` of a certificate in its `rootcertbundle`.
    der = bytes.fromhex(
        "3059301306072a8648ce3d020106082a8648ce3d03010703420004768d0a3dd54f616d76b637de7133b59cce7bf7852375a591"
        "a4e7f47737418c697730b586e60ce7c5a6ea548dd1ebb209993d20edb1949345bd9d5c32f7de7585"
    )
    key = load_der_public_key(der)

    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert fingerprint(key) == "6NKO:CSL6:NLU5:W5HO:H33J:AF2Y:AZOF:6XGX:KHGI:3NCW:ZSRS:ITB7"


async def test_keys_of_every_kind_verify_by_their_algorithms_only(by_key_set: Open) -> None:
    private_keys: dict[str, Any] = {
        "RS256": rsa.generate_private_key(65537, 2048),
        "ES384": ec.generate_private_key(ec.SECP384R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    }
    tokens = by_key_set(*(jwk(private, kid=name) for name, private in private_keys.items()))
    narrowed = by_key_set(*(jwk(private, kid=name) for name, private in private_keys.items()), algorithms=["ES384"])

    for name, private in private_keys.items():
        text = signed(private, algorithm=name, kid=name)
        assert not await is_refused(tokens, text)
        assert await is_refused(narrowed, text) is (name != "ES384")
    assert not await is_refused(tokens, signed(private_keys["RS256"], algorithm="PS512", kid="RS256"))


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "elsewhere.example"},
        {"aud": []},
        {"exp": int(NOW.timestamp()) - limits.TOKEN_SKEW_S},
        {"nbf": int(NOW.timestamp()) + limits.TOKEN_SKEW_S + 1},
        {"exp": ...},
        {"exp": "99999999999"},
        {"sub": 7},
        {"sub": "x" * 256},
        {"access": [{"type": "repository", "name": "team/app", "actions": "pull"}]},
    ],
)
async def test_a_token_that_is_not_for_us_or_not_for_now_is_refused(
    tokens: ExternalTokens, server: ec.EllipticCurvePrivateKey, change: dict[str, Any]
) -> None:
    assert await is_refused(tokens, signed(server, claims(**change)))


async def test_a_token_for_several_services_is_for_this_one_too(
    tokens: ExternalTokens, server: ec.EllipticCurvePrivateKey
) -> None:
    assert not await is_refused(tokens, signed(server, claims(aud=["elsewhere.example", SERVICE])))


async def test_a_token_expires_although_it_was_remembered(
    tokens: ExternalTokens, server: ec.EllipticCurvePrivateKey, clock: Clock
) -> None:
    text = signed(server)
    first = await tokens.verify(text)
    clock.now += 300 + limits.TOKEN_SKEW_S - 1
    assert await tokens.verify(text) is first

    clock.now += 1

    with pytest.raises(TokenExpired):
        await tokens.verify(text)


async def test_a_token_brings_certificates_that_lead_to_a_trusted_one(
    by_certificates: Open, server: ec.EllipticCurvePrivateKey
) -> None:
    root_key, between_key = ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)
    root = certificate(root_key, "root", ca=True)
    between = certificate(between_key, "between", by=(root, root_key), ca=True, path_length=0)
    leaf = certificate(server, by=(between, between_key))
    tokens = by_certificates(root)

    assert not await is_refused(tokens, signed(server, x5c=x5c(leaf, between)))
    assert not await is_refused(tokens, signed(server, x5c=x5c(leaf, between, root)))
    assert not await is_refused(by_certificates(between), signed(server, x5c=x5c(leaf)))
    assert await is_refused(tokens, signed(server, x5c=x5c(leaf)))
    assert await is_refused(tokens, signed(server, x5c=x5c(between, leaf)))


async def test_a_certificate_of_the_bundle_signs_tokens_itself(
    by_certificates: Open, server: ec.EllipticCurvePrivateKey
) -> None:
    own = certificate(server)
    tokens = by_certificates(own)

    assert not await is_refused(tokens, signed(server, x5c=x5c(own)))
    for made_id in (thumbprint, fingerprint):
        assert not await is_refused(tokens, signed(server, kid=made_id(server.public_key())))


async def test_what_a_certificate_proves_ends_with_it_although_it_was_remembered(
    by_certificates: Open, server: ec.EllipticCurvePrivateKey, clock: Clock
) -> None:
    own = certificate(server, begin=NOW - timedelta(days=1), days=1)
    tokens = by_certificates(own)
    texts = [signed(server, x5c=x5c(own)), signed(server, kid=thumbprint(server.public_key()))]
    assert [await is_refused(tokens, text) for text in texts] == [False, False]

    clock.now += 1

    assert [await is_refused(tokens, text) for text in texts] == [True, True]


async def test_attack_certificates_that_do_not_lead_to_a_trusted_one(
    by_certificates: Open, server: ec.EllipticCurvePrivateKey
) -> None:
    root_key, their_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = certificate(root_key, "root", ca=True)
    their_root = certificate(their_key, "root", ca=True)
    ours = certificate(server, by=(root, root_key))
    theirs = certificate(their_key, by=(their_root, their_key))
    tokens = by_certificates(root)

    assert not await is_refused(tokens, signed(server, x5c=x5c(ours)))
    for chain in ([theirs], [their_root], [theirs, their_root], [theirs, root], [theirs, ours, root], [ours], []):
        assert await is_refused(tokens, signed(their_key, x5c=x5c(*chain)))


@pytest.mark.parametrize(
    "weakness",
    [
        {"ca": False},
        {"ca": True, "begin": NOW - timedelta(days=20)},
        {"ca": True, "begin": NOW + timedelta(days=1)},
        {"ca": True, "path_length": 0},
        {"ca": True, "extension": x509.NameConstraints([x509.DNSName("example")], None)},
    ],
)
async def test_attack_an_authority_that_may_not_sign(
    by_certificates: Open, server: ec.EllipticCurvePrivateKey, weakness: dict[str, Any]
) -> None:
    root_key, first_key, second_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    root = certificate(root_key, "root", ca=True)
    first = certificate(first_key, "first", by=(root, root_key), **weakness)
    second = certificate(second_key, "second", by=(first, first_key), ca=True)
    leaf = certificate(server, by=(second, second_key))
    whole = certificate(first_key, "first", by=(root, root_key), ca=True)

    assert not await is_refused(by_certificates(root), signed(server, x5c=x5c(leaf, second, whole)))
    assert await is_refused(by_certificates(root), signed(server, x5c=x5c(leaf, second, first)))


@pytest.mark.parametrize("value", [None, "MIIB", [], [7], ["MIIB"], ["é"], [["MIIB"]], ["MIIB"] * 6, {"0": "MIIB"}])
async def test_attack_certificates_that_are_none(
    by_certificates: Open, server: ec.EllipticCurvePrivateKey, value: Any
) -> None:
    own = certificate(server)

    assert await is_refused(by_certificates(own), signed(server, kid=thumbprint(server.public_key()), x5c=value))


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE"])
async def test_attack_a_token_without_a_signature(
    tokens: ExternalTokens, server: ec.EllipticCurvePrivateKey, alg: str
) -> None:
    header = {"typ": "JWT", "alg": alg, "kid": KEY_ID}

    assert await is_refused(tokens, f"{encoded(header)}.{encoded(claims())}.")
    assert await is_refused(tokens, f"{encoded(header)}.{encoded(claims())}.{signed(server).rpartition('.')[2]}")
    assert await is_refused(tokens, signed(server).rpartition(".")[0] + ".")


@pytest.mark.parametrize("form", [Encoding.PEM, Encoding.DER])
async def test_attack_the_public_key_used_as_a_shared_secret(
    tokens: ExternalTokens, server: ec.EllipticCurvePrivateKey, form: Encoding
) -> None:
    secret = server.public_key().public_bytes(form, PublicFormat.SubjectPublicKeyInfo)
    text = f"{encoded({'typ': 'JWT', 'alg': 'HS256', 'kid': KEY_ID})}.{encoded(claims())}"
    mac = hmac.new(secret, text.encode(), hashlib.sha256).digest()

    assert await is_refused(tokens, f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}")


async def test_attack_a_symmetric_key_in_the_set(by_key_set: Open, server: ec.EllipticCurvePrivateKey) -> None:
    secret = b"known to whoever reads the file."
    octets = {"kty": "oct", "kid": "shared", "k": base64.urlsafe_b64encode(secret).rstrip(b"=").decode()}
    tokens = by_key_set(jwk(server, kid=KEY_ID), octets, algorithms=["ES256", "HS256", "none"])

    assert not await is_refused(tokens, signed(server))
    assert await is_refused(tokens, signed(secret, algorithm="HS256", kid="shared"))


async def test_attack_another_key_or_algorithm_under_a_trusted_id(tokens: ExternalTokens) -> None:
    others: list[tuple[Any, str]] = [
        (rsa.generate_private_key(65537, 2048), "RS256"),
        (ec.generate_private_key(ec.SECP256R1()), "ES256"),
        (ec.generate_private_key(ec.SECP384R1()), "ES384"),
        (ed25519.Ed25519PrivateKey.generate(), "EdDSA"),
    ]

    for private, algorithm in others:
        assert await is_refused(tokens, signed(private, algorithm=algorithm))


@pytest.mark.parametrize("kid", ["", "x", "../../dev/null", 7, None, ["x"], {}])
async def test_attack_a_foreign_key_id(tokens: ExternalTokens, server: ec.EllipticCurvePrivateKey, kid: Any) -> None:
    header = {"typ": "JWT", "alg": "ES256", "kid": kid}

    assert await is_refused(tokens, f"{encoded(header)}.{signed(server).split('.', 1)[1]}")


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "crit", "cty", "zip", "enc"])
async def test_attack_a_header_that_brings_or_names_a_key_or_asks_for_more(
    tokens: ExternalTokens, server: ec.EllipticCurvePrivateKey, name: str
) -> None:
    theirs = ec.generate_private_key(ec.SECP256R1())
    values: dict[str, Any] = {"jwk": jwk(theirs, kid=KEY_ID), "crit": ["exp"]}
    header = {name: values.get(name, "https://evil.example")}

    assert await is_refused(tokens, signed(theirs, **header))
    assert await is_refused(tokens, signed(server, **header))


@pytest.mark.parametrize("value", [False, True, "false"])
async def test_attack_a_payload_that_is_not_encoded(
    tokens: ExternalTokens, server: ec.EllipticCurvePrivateKey, value: Any
) -> None:
    header = {"typ": "JWT", "alg": "ES256", "kid": KEY_ID, "b64": value, "crit": ["b64"]}

    assert await is_refused(tokens, f"{encoded(header)}.{signed(server).split('.', 1)[1]}")


async def test_attack_certificates_beside_a_key_that_is_known_by_its_id(tokens: ExternalTokens) -> None:
    theirs = ec.generate_private_key(ec.SECP256R1())

    assert await is_refused(tokens, signed(theirs, x5c=x5c(certificate(theirs))))


@pytest.mark.parametrize("text", ["", "..", "a.b.c", "a.b.c.d", "e30.e30.", "é.é.é", "\ud800.x.y", "W10.e30."])
async def test_what_is_no_token_is_refused(tokens: ExternalTokens, text: str) -> None:
    assert await is_refused(tokens, text)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "no JSON Web Key Set"),
        (b'{"keys": {}}', "no JSON Web Key Set"),
        (b'{"keys": [7, {"kty": "oct", "k": "AAAA"}, {"kty": "EC"}]}', "no key that could verify"),
    ],
)
def test_what_is_no_key_set_is_named(content: bytes, reason: str) -> None:
    with pytest.raises(TrustedKeysInvalid, match=reason) as refused:
        TrustedKeys.of_key_set_text(content, "jwks.json")

    assert refused.value.place == "jwks.json"


def test_two_keys_with_one_id_are_refused(server: ec.EllipticCurvePrivateKey) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    content = json.dumps({"keys": [jwk(server, kid="a"), jwk(other, kid="a")]}).encode()

    with pytest.raises(TrustedKeysInvalid, match="one id"):
        TrustedKeys.of_key_set_text(content, "jwks.json")


def test_a_bundle_without_certificates_is_named() -> None:
    with pytest.raises(TrustedKeysInvalid, match="no certificates"):
        TrustedKeys.of_certificates(b"nothing", "bundle.pem")
