"""Everything that can go wrong, and the one table that says how each is answered.

The tree::

    RegistryError
    ├── BlobUnknown              the repository holds no such blob
    ├── UploadUnknown            no such upload session, or it is not this repository's
    ├── UploadConflict           another request is writing to the same session
    ├── UploadRangeInvalid       a chunk does not start where the session ends
    ├── SizeInvalid              a body is longer or shorter than it said
    ├── BodyIncomplete           the client went away, or stalled, in the middle of a body
    ├── DigestMissing            an upload is closed without a digest
    ├── DigestMismatch           the content is not what its digest says
    ├── RepositoryUnknown        nothing was ever pushed there
    ├── ManifestUnknown          the repository holds no such manifest or tag
    ├── ManifestBlobUnknown      a manifest refers to content that the repository does not hold
    ├── ManifestTooLarge, BlobTooLarge
    ├── ParameterInvalid         a query parameter or header that cannot be read
    ├── AccountNameInvalid, TeamNameInvalid, PatternInvalid, TagPatternInvalid, DescriptionInvalid
    ├── PasswordInvalid          a new password that is too short, or cannot be used
    ├── TagProtected, RepositoryProtected   what would be moved or removed is protected
    ├── ProtectionUnknown, ProtectionsTooMany
    ├── TagNotRestorable         a tag has no such past, or what it named is gone
    ├── TagParametersTooMany     a push names more tags than one request may
    ├── PageSizeInvalid          `n` is not a count
    ├── RangeNotSatisfiable      a Range that lies outside the blob
    ├── RouteUnknown, MethodNotAllowed
    ├── RequestInvalid           a request that HTTP itself does not allow
    ├── RequestHeadTooLarge      a request's line or a header field is too long
    ├── Unauthorized             who is asking is not known, or their credentials do not reach this far
    │   ├── CredentialsMalformed an `Authorization` header that cannot be read
    │   ├── ScopeInsufficient    a bearer token that does not reach as far as its owner
    │   ├── PasswordsElsewhere   a password, where another token server takes them
    │   ├── LoginFailed          a name and a password, or a credential, that are nobody's
    │   └── TokenInvalid         a bearer token that proves nothing
    │       └── TokenExpired     only its time is over
    ├── NameTaken, AccountUnknown, TeamUnknown, LastAdministrator, RobotsTooMany
    ├── CredentialUnknown, CredentialInvalid, CredentialsTooMany, GrantUnknown, RobotOwner
    ├── PasswordElsewhere        another source keeps it
    ├── OrganisationUnknown, OrganisationNotEmpty, MemberUnknown, LastOwner, TeamsTooMany
    ├── Denied                   who is asking is known, and may not
    │   ├── OtherSite            a page of another site makes a browser ask for a change
    │   └── PasswordRequired     a token was brought for what gives a way in
    ├── NamespaceUnknown         a push into a namespace that nobody made
    ├── KeyFileInvalid, SigningKeysUnreadable, TrustedKeysInvalid
    ├── TooManyRequests
    └── Unavailable              the registry cannot answer now
        ├── DatabaseBusy, DatabaseUnavailable
        ├── DirectoryUnavailable the names and passwords that others keep cannot be asked
        ├── TrustedKeysUnavailable the keys of the token server that is trusted could not be read
        ├── ShuttingDown
        └── StorageFull          (507) no space is left for bytes or rows

Errors of `oci_spec` (malformed text) and `storage_backends` (broken disks) are answered by the same table.
An error carries values; its sentence is made here, once. Handlers raise and never build an error's body.
"""

from __future__ import annotations

from registry.errors.accounts import (
    AccountNameInvalid,
    AccountUnknown,
    CredentialInvalid,
    CredentialsMalformed,
    CredentialsTooMany,
    CredentialUnknown,
    Denied,
    GrantUnknown,
    KeyFileInvalid,
    LastAdministrator,
    LastOwner,
    LoginFailed,
    MemberUnknown,
    NamespaceUnknown,
    NameTaken,
    OrganisationNotEmpty,
    OrganisationUnknown,
    OtherSite,
    PasswordElsewhere,
    PasswordInvalid,
    PasswordRequired,
    PasswordsElsewhere,
    PatternInvalid,
    RobotOwner,
    RobotsTooMany,
    ScopeInsufficient,
    SigningKeysUnreadable,
    TeamNameInvalid,
    TeamsTooMany,
    TeamUnknown,
    TokenExpired,
    TokenInvalid,
    TrustedKeysInvalid,
    Unauthorized,
)
from registry.errors.availability import (
    DatabaseBusy,
    DatabaseUnavailable,
    DirectoryUnavailable,
    ShuttingDown,
    StorageFull,
    TrustedKeysUnavailable,
    Unavailable,
)
from registry.errors.content import (
    BlobTooLarge,
    BlobUnknown,
    DescriptionInvalid,
    ManifestBlobUnknown,
    ManifestTooLarge,
    ManifestUnknown,
    RangeNotSatisfiable,
    RepositoryUnknown,
)
from registry.errors.openid import IdentityUnnamed, TrustInvalid, TrustsTooMany, TrustUnknown
from registry.errors.outgoing import (
    AddressRefused,
    OutgoingAnswerInvalid,
    OutgoingFailed,
    OutgoingUnreachable,
)
from registry.errors.requests import (
    MethodNotAllowed,
    PageSizeInvalid,
    ParameterInvalid,
    RequestHeadTooLarge,
    RequestInvalid,
    RouteUnknown,
    TooManyRequests,
)
from registry.errors.root import RETRY_AFTER_S, RegistryError
from registry.errors.table import (
    BLOB_UNKNOWN,
    MANIFEST_UNKNOWN,
    MEANINGS,
    NAME_UNKNOWN,
    ErrorAnswer,
    ErrorEntry,
    Meaning,
    answer,
    meaning_of,
)
from registry.errors.tags import (
    ProtectionsTooMany,
    ProtectionUnknown,
    RepositoryProtected,
    TagNotRestorable,
    TagParametersTooMany,
    TagPatternInvalid,
    TagProtected,
)
from registry.errors.uploads import (
    BodyIncomplete,
    DigestMismatch,
    DigestMissing,
    SizeInvalid,
    UploadConflict,
    UploadRangeInvalid,
    UploadUnknown,
)

__all__ = [
    "BLOB_UNKNOWN",
    "MANIFEST_UNKNOWN",
    "MEANINGS",
    "NAME_UNKNOWN",
    "RETRY_AFTER_S",
    "AccountNameInvalid",
    "AccountUnknown",
    "AddressRefused",
    "BlobTooLarge",
    "BlobUnknown",
    "BodyIncomplete",
    "CredentialInvalid",
    "CredentialUnknown",
    "CredentialsMalformed",
    "CredentialsTooMany",
    "DatabaseBusy",
    "DatabaseUnavailable",
    "Denied",
    "DescriptionInvalid",
    "DigestMismatch",
    "DigestMissing",
    "DirectoryUnavailable",
    "ErrorAnswer",
    "ErrorEntry",
    "GrantUnknown",
    "IdentityUnnamed",
    "KeyFileInvalid",
    "LastAdministrator",
    "LastOwner",
    "LoginFailed",
    "ManifestBlobUnknown",
    "ManifestTooLarge",
    "ManifestUnknown",
    "Meaning",
    "MemberUnknown",
    "MethodNotAllowed",
    "NameTaken",
    "NamespaceUnknown",
    "OrganisationNotEmpty",
    "OrganisationUnknown",
    "OtherSite",
    "OutgoingAnswerInvalid",
    "OutgoingFailed",
    "OutgoingUnreachable",
    "PageSizeInvalid",
    "ParameterInvalid",
    "PasswordElsewhere",
    "PasswordInvalid",
    "PasswordRequired",
    "PasswordsElsewhere",
    "PatternInvalid",
    "ProtectionUnknown",
    "ProtectionsTooMany",
    "RangeNotSatisfiable",
    "RegistryError",
    "RepositoryProtected",
    "RepositoryUnknown",
    "RequestHeadTooLarge",
    "RequestInvalid",
    "RobotOwner",
    "RobotsTooMany",
    "RouteUnknown",
    "ScopeInsufficient",
    "ShuttingDown",
    "SigningKeysUnreadable",
    "SizeInvalid",
    "StorageFull",
    "TagNotRestorable",
    "TagParametersTooMany",
    "TagPatternInvalid",
    "TagProtected",
    "TeamNameInvalid",
    "TeamUnknown",
    "TeamsTooMany",
    "TokenExpired",
    "TokenInvalid",
    "TooManyRequests",
    "TrustInvalid",
    "TrustUnknown",
    "TrustedKeysInvalid",
    "TrustedKeysUnavailable",
    "TrustsTooMany",
    "Unauthorized",
    "Unavailable",
    "UploadConflict",
    "UploadRangeInvalid",
    "UploadUnknown",
    "answer",
    "meaning_of",
]
