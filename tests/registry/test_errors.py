"""The one table of errors: every error has its row, and every answer helps without telling too much."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import oci_spec
import registry
import storage_backends
from oci_spec.digest import Digest
from oci_spec.error_codes import ErrorCode
from oci_spec.errors import DigestInvalid, DigestUnsupported, ManifestInvalid, OciSpecError, TagInvalid
from oci_spec.reference import RepositoryName, Tag
from registry import errors
from registry.errors import ErrorAnswer, RegistryError, Unavailable, answer, meaning_of
from storage_backends.contract import UploadState
from storage_backends.errors import AppendInterrupted, BlobNotFound, StorageError, StorageReadOnly
from storage_backends.errors import StorageFull as StorageIsFull

NAME = RepositoryName.parse("team/app")
DIGEST, OTHER = Digest.of(b"one"), Digest.of(b"two", "sha512")
SECRET = "/var/lib/moorage/blobs/sha256/ab: input/output error"


def load_everything() -> None:
    """Import every module, so that no error class of theirs is overlooked."""
    for package in (oci_spec, storage_backends, registry):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)


def subclasses(root: type[Exception]) -> Iterator[type[Exception]]:
    for kind in root.__subclasses__():
        yield kind
        yield from subclasses(kind)


def row_of(kind: type[Exception]) -> type[Exception]:
    return next(ancestor for ancestor in kind.__mro__ if ancestor in errors.MEANINGS)


@pytest.mark.parametrize("root", [RegistryError, OciSpecError])
def test_every_error_has_a_meaning_of_its_own_family(root: type[Exception]) -> None:
    load_everything()

    found = set(subclasses(root))

    assert len(found) > 5
    # The root's own row is what a forgotten error would fall back to.
    assert {kind for kind in found if row_of(kind) is root} == set()


def test_every_storage_error_is_answered_as_one() -> None:
    load_everything()

    for kind in subclasses(StorageError):
        assert issubclass(row_of(kind), StorageError)


def test_no_row_is_without_its_error() -> None:
    load_everything()

    for kind in errors.MEANINGS:
        assert issubclass(kind, RegistryError | OciSpecError | StorageError)


def test_an_error_that_is_in_no_table_is_a_failure_of_ours() -> None:
    assert meaning_of(KeyError("nothing to do with it")) is None
    assert answer(KeyError(SECRET)).status == 500
    assert SECRET not in answer(KeyError(SECRET)).entries[0].message


RANGE_INVALID = errors.UploadRangeInvalid("id", 5, 9)
RANGE_INVALID.resume = {"Location": "/v2/team/app/blobs/uploads/id", "Range": "0-4"}

# One of each kind, and what the client gets.
ANSWERS: list[tuple[Exception, int, ErrorCode]] = [
    (errors.BlobUnknown(NAME, DIGEST), 404, ErrorCode.BLOB_UNKNOWN),
    (errors.UploadUnknown("id"), 404, ErrorCode.BLOB_UPLOAD_UNKNOWN),
    (errors.UploadConflict("id"), 409, ErrorCode.BLOB_UPLOAD_INVALID),
    (RANGE_INVALID, 416, ErrorCode.BLOB_UPLOAD_INVALID),
    (errors.SizeInvalid(3, 4), 400, ErrorCode.SIZE_INVALID),
    (errors.BodyIncomplete(), 400, ErrorCode.BLOB_UPLOAD_INVALID),
    (errors.DigestMissing(), 400, ErrorCode.DIGEST_INVALID),
    (errors.DigestMismatch(DIGEST, OTHER), 400, ErrorCode.DIGEST_INVALID),
    (errors.RepositoryUnknown(NAME), 404, ErrorCode.NAME_UNKNOWN),
    (errors.ManifestUnknown(NAME, Tag.parse("1")), 404, ErrorCode.MANIFEST_UNKNOWN),
    (errors.ManifestBlobUnknown(NAME, [DIGEST]), 400, ErrorCode.MANIFEST_BLOB_UNKNOWN),
    (errors.ManifestTooLarge(4), 413, ErrorCode.MANIFEST_INVALID),
    (errors.BlobTooLarge(4), 413, ErrorCode.SIZE_INVALID),
    (errors.ParameterInvalid("last", "a tag"), 400, ErrorCode.UNSUPPORTED),
    (errors.AccountNameInvalid("Alice", 128), 400, ErrorCode.NAME_INVALID),
    (errors.TeamNameInvalid("team", 128), 400, ErrorCode.NAME_INVALID),
    (errors.PatternInvalid("*/app", 255), 400, ErrorCode.NAME_INVALID),
    (errors.PasswordInvalid("it is too short"), 400, ErrorCode.UNSUPPORTED),
    (errors.DescriptionInvalid("it is too long"), 400, ErrorCode.UNSUPPORTED),
    (errors.TagPatternInvalid("a/*"), 400, ErrorCode.NAME_INVALID),
    (errors.TagProtected(NAME, [Tag.parse("1")], stored=DIGEST), 403, ErrorCode.DENIED),
    (errors.RepositoryProtected(NAME, Tag.parse("1")), 403, ErrorCode.DENIED),
    (errors.TagNotRestorable(NAME, Tag.parse("1"), "it named nothing before"), 404, ErrorCode.MANIFEST_UNKNOWN),
    (errors.ProtectionUnknown(NAME, "1.*"), 404, ErrorCode.NAME_UNKNOWN),
    (errors.ProtectionsTooMany(NAME, 100), 409, ErrorCode.DENIED),
    (errors.PageSizeInvalid(), 400, ErrorCode.PAGINATION_NUMBER_INVALID),
    (errors.RangeNotSatisfiable(9), 416, ErrorCode.RANGE_INVALID),
    (errors.RouteUnknown(), 404, ErrorCode.UNSUPPORTED),
    (errors.MethodNotAllowed("PUT", ["HEAD", "GET"]), 405, ErrorCode.UNSUPPORTED),
    (errors.RequestInvalid("bad chunk"), 400, ErrorCode.UNSUPPORTED),
    (errors.TagParametersTooMany(32), 414, ErrorCode.UNSUPPORTED),
    (errors.RequestHeadTooLarge(32768), 431, ErrorCode.UNSUPPORTED),
    (errors.Unauthorized(), 401, ErrorCode.UNAUTHORIZED),
    (errors.TokenInvalid("its key is none of ours"), 401, ErrorCode.UNAUTHORIZED),
    (errors.TokenExpired(), 401, ErrorCode.UNAUTHORIZED),
    (errors.KeyFileInvalid(Path("key"), "no such file"), 503, ErrorCode.UNAVAILABLE),
    (errors.SigningKeysUnreadable("they are damaged"), 503, ErrorCode.UNAVAILABLE),
    (errors.TrustedKeysInvalid("keys", "it is not JSON"), 503, ErrorCode.UNAVAILABLE),
    (errors.TeamsTooMany("team", 1000), 409, ErrorCode.DENIED),
    (errors.MemberUnknown("team", "bob"), 404, ErrorCode.NAME_UNKNOWN),
    (errors.LastOwner("team", "alice"), 409, ErrorCode.DENIED),
    (errors.RobotsTooMany("team", 1000), 409, ErrorCode.DENIED),
    (errors.LoginFailed(), 401, ErrorCode.UNAUTHORIZED),
    (errors.ScopeInsufficient(), 401, ErrorCode.UNAUTHORIZED),
    (errors.PasswordsElsewhere("https://auth.example/token"), 401, ErrorCode.UNAUTHORIZED),
    (errors.TrustedKeysUnavailable(), 503, ErrorCode.UNAVAILABLE),
    (errors.CredentialsMalformed(), 401, ErrorCode.UNAUTHORIZED),
    (errors.NameTaken("alice"), 409, ErrorCode.NAME_INVALID),
    (errors.AccountUnknown("alice"), 404, ErrorCode.NAME_UNKNOWN),
    (errors.TeamUnknown("org/developers"), 404, ErrorCode.NAME_UNKNOWN),
    (errors.OrganisationUnknown("team"), 404, ErrorCode.NAME_UNKNOWN),
    (errors.OrganisationNotEmpty("team"), 409, ErrorCode.DENIED),
    (errors.CredentialUnknown("alice", 1), 404, ErrorCode.NAME_UNKNOWN),
    (errors.CredentialInvalid("it would have expired"), 400, ErrorCode.UNSUPPORTED),
    (errors.CredentialsTooMany("alice", 100), 409, ErrorCode.DENIED),
    (errors.PasswordElsewhere("alice", "ldap"), 409, ErrorCode.DENIED),
    (errors.PasswordRequired(), 403, ErrorCode.DENIED),
    (errors.RobotOwner("team+ci"), 400, ErrorCode.UNSUPPORTED),
    (errors.GrantUnknown("alice", "team/*"), 404, ErrorCode.NAME_UNKNOWN),
    (errors.LastAdministrator("alice"), 409, ErrorCode.DENIED),
    (errors.Denied(), 403, ErrorCode.DENIED),
    (errors.OtherSite(), 403, ErrorCode.DENIED),
    (errors.NamespaceUnknown("team"), 403, ErrorCode.DENIED),
    (errors.IdentityUnnamed("preferred_username", "Bad Name"), 400, ErrorCode.NAME_INVALID),
    (errors.TrustInvalid("no claim"), 400, ErrorCode.UNSUPPORTED),
    (errors.TrustsTooMany("team+ci", 64), 409, ErrorCode.DENIED),
    (errors.TrustUnknown("team+ci", 1), 404, ErrorCode.NAME_UNKNOWN),
    (errors.TooManyRequests(), 429, ErrorCode.TOOMANYREQUESTS),
    (errors.DatabaseBusy(SECRET), 503, ErrorCode.UNAVAILABLE),
    (errors.DatabaseUnavailable(SECRET), 503, ErrorCode.UNAVAILABLE),
    (errors.DirectoryUnavailable(SECRET), 503, ErrorCode.UNAVAILABLE),
    (errors.OutgoingFailed(SECRET), 503, ErrorCode.UNAVAILABLE),
    (errors.AddressRefused(SECRET), 503, ErrorCode.UNAVAILABLE),
    (errors.OutgoingUnreachable(SECRET), 503, ErrorCode.UNAVAILABLE),
    (errors.OutgoingAnswerInvalid(SECRET), 503, ErrorCode.UNAVAILABLE),
    (errors.ShuttingDown(), 503, ErrorCode.UNAVAILABLE),
    (errors.StorageFull(SECRET), 507, ErrorCode.UNAVAILABLE),
    (StorageIsFull(OSError(SECRET)), 507, ErrorCode.UNAVAILABLE),
    (StorageReadOnly(OSError(SECRET)), 503, ErrorCode.UNAVAILABLE),
    (BlobNotFound(SECRET), 503, ErrorCode.UNAVAILABLE),
    (DigestInvalid("sha256:x", "it is too short"), 400, ErrorCode.DIGEST_INVALID),
    (DigestUnsupported("md5:x", "md5"), 400, ErrorCode.DIGEST_INVALID),
    (TagInvalid(".x", "it begins with a dot"), 400, ErrorCode.NAME_INVALID),
    (ManifestInvalid("config: expected a descriptor"), 400, ErrorCode.MANIFEST_INVALID),
]


def test_one_error_of_each_kind_is_looked_at_below() -> None:
    load_everything()
    kinds = {type(error) for error, _, _ in ANSWERS}

    assert {kind for kind in subclasses(RegistryError) if kind is not Unavailable} <= kinds


def only_entry(given: ErrorAnswer) -> errors.ErrorEntry:
    [entry] = given.entries
    return entry


@pytest.mark.parametrize(("error", "status", "code"), ANSWERS, ids=lambda value: type(value).__name__)
def test_an_answer_has_status_code_a_message_and_detail_that_json_can_hold(
    error: Exception, status: int, code: ErrorCode
) -> None:
    given = answer(error)

    entry = only_entry(given)
    assert (given.status, entry.code) == (status, code)
    assert len(entry.message) > 10
    assert entry.message.isprintable()
    assert entry.message != RegistryError.message
    json.dumps(entry.detail)
    for name, value in given.headers.items():
        assert (name + value).isascii()


@pytest.mark.parametrize(
    "error",
    [error for error, _, _ in ANSWERS if isinstance(error, Unavailable | StorageError)],
    ids=lambda error: type(error).__name__,
)
def test_what_the_registry_cannot_do_now_may_be_tried_again_and_its_cause_is_for_the_log(error: Exception) -> None:
    given = answer(error)

    assert int(given.headers["Retry-After"]) > 0
    assert SECRET not in only_entry(given).message
    assert only_entry(given).detail is None


def test_every_missing_blob_is_an_entry_of_its_own() -> None:
    given = answer(errors.ManifestBlobUnknown(NAME, [DIGEST, OTHER]))

    assert [entry.detail for entry in given.entries] == [{"digest": str(DIGEST)}, {"digest": str(OTHER)}]
    assert {entry.code for entry in given.entries} == {ErrorCode.MANIFEST_BLOB_UNKNOWN}


def test_details_name_what_the_error_is_about() -> None:
    assert only_entry(answer(errors.BlobUnknown(NAME, DIGEST))).detail == {"digest": str(DIGEST)}
    assert only_entry(answer(errors.RepositoryUnknown(NAME))).detail == {"name": "team/app"}
    assert only_entry(answer(errors.ManifestUnknown(NAME, OTHER))).detail == {
        "name": "team/app",
        "reference": str(OTHER),
    }
    assert only_entry(answer(errors.DigestMismatch(DIGEST, OTHER))).detail == {
        "expected": str(DIGEST),
        "actual": str(OTHER),
    }


def test_headers_tell_how_to_go_on() -> None:
    assert answer(RANGE_INVALID).headers == RANGE_INVALID.resume
    assert answer(errors.UploadRangeInvalid("id", 5, 9)).headers == {}
    assert answer(errors.RangeNotSatisfiable(9)).headers == {"Content-Range": "bytes */9"}
    assert answer(errors.MethodNotAllowed("PUT", ["HEAD", "GET"])).headers == {"Allow": "GET, HEAD"}
    assert answer(errors.TooManyRequests(37)).headers == {"Retry-After": "37"}


def test_a_route_may_give_malformed_input_a_meaning_of_its_own() -> None:
    overrides: dict[type[Exception], errors.Meaning] = {
        TagInvalid: errors.MANIFEST_UNKNOWN,
        DigestInvalid: errors.BLOB_UNKNOWN,
    }

    tag = answer(TagInvalid(".x", "it begins with a dot"), overrides)
    assert (tag.status, only_entry(tag).code) == (404, ErrorCode.MANIFEST_UNKNOWN)
    unsupported = answer(DigestUnsupported("md5:x", "md5"), overrides)
    assert (unsupported.status, only_entry(unsupported).code) == (404, ErrorCode.BLOB_UNKNOWN)
    assert answer(errors.Denied(), overrides).status == 403


def test_a_text_from_the_client_is_quoted_and_cut() -> None:
    for error in (DigestInvalid("\n\x1b[31m" * 1000, "bad"), TagInvalid("\r\n" * 1000, "bad")):
        message = only_entry(answer(error)).message
        assert message.isprintable()
        assert len(message) < 600


def test_errors_show_their_sentence_to_who_prints_them() -> None:
    for error, _, _ in ANSWERS:
        if isinstance(error, RegistryError):
            assert str(error) == error.message


def test_an_interrupted_append_tells_no_client_of_its_state() -> None:
    given = answer(AppendInterrupted(UploadState("key", "sha256", 1, b"secret", b"", b"")))

    assert given.status == 503
    assert "key" not in only_entry(given).message.split()


def test_who_has_to_log_in_is_told_how() -> None:
    challenge = 'Basic realm="registry"'

    assert answer(errors.Unauthorized(challenge)).headers == {"WWW-Authenticate": challenge}
    assert answer(errors.Unauthorized()).headers == {}
    assert (
        only_entry(answer(errors.Unauthorized(challenge, "the password is wrong"))).message == "the password is wrong"
    )
