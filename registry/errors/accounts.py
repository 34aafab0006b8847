"""Who is asking, what they may do, and what proves it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from registry.errors.root import RegistryError


class AccountNameInvalid(RegistryError, ValueError):
    """Text that cannot be the name of a person, a robot or an organisation."""

    def __init__(self, text: str, longest: int) -> None:
        self.text = text[:longest]
        self.message = (
            f"{self.text!r} is no account's name: lower-case letters and digits, with a single '.' or '_', two '_' or "
            f"any number of '-' between, {longest} characters at most; a robot's is NAMESPACE+NAME"
        )


class TeamNameInvalid(RegistryError, ValueError):
    """Text that cannot be the name of a team."""

    def __init__(self, text: str, longest: int) -> None:
        self.text = text[: 2 * longest]
        self.message = (
            f"{self.text!r} is no team's name: it is ORGANISATION/TEAM, each of them lower-case letters and digits, "
            f"with a single '.' or '_', two '_' or any number of '-' between, {longest} characters at most"
        )


class PatternInvalid(RegistryError, ValueError):
    """Text that is no pattern of repositories."""

    def __init__(self, text: str, longest: int) -> None:
        self.text = text[:longest]
        self.message = f"{self.text!r} is no repository's name and no pattern like 'team/*', 'team/app-*' or '*'"


class PasswordInvalid(RegistryError, ValueError):
    """A new password cannot be taken; the password itself is in no message."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.message = f"this password cannot be taken: {reason}"


class Unauthorized(RegistryError):
    """Who is asking is not known, or their credentials do not reach this far."""

    message = "authentication is required"

    def __init__(self, challenge: str = "", message: str = "") -> None:
        """Have the answer's `WWW-Authenticate` be `challenge`, and say `message` in place of the usual sentence."""
        self.challenge = challenge
        if message:
            self.message = message

    @property
    def headers(self) -> Mapping[str, str]:
        return {"WWW-Authenticate": self.challenge} if self.challenge else {}


class CredentialsMalformed(Unauthorized):
    """The `Authorization` header cannot be read."""

    message = "the Authorization header is neither Basic nor Bearer credentials that could be read"


class LoginFailed(Unauthorized):
    """Nobody has this name and this password, or the credential is nobody's (any more); which, is not told."""

    message = "the name or the password is wrong, or what was given in its place has been revoked or has expired"


class PasswordsElsewhere(Unauthorized):
    """A name and a password came to a registry that leaves them to another token server."""

    def __init__(self, realm: str) -> None:
        super().__init__(message=f"this registry takes no passwords; fetch a token at {realm}")


class ScopeInsufficient(Unauthorized):
    """A bearer token does not reach as far as whoever it was made for may go: another one would."""

    message = "the token does not cover every repository that this needs; fetch one that does"


class TokenInvalid(Unauthorized):
    """A bearer token proves nothing; `reason` goes to the log, never to the client, who might learn from it."""

    message = "the token is not valid here, or has expired; fetch a new one"

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class TokenExpired(TokenInvalid):
    """A bearer token that nothing is wrong with but that its time is over."""

    def __init__(self) -> None:
        super().__init__("it has expired")


class KeyFileInvalid(RegistryError):
    """`auth.key_file` names no file with a key."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self.message = f"auth.key_file: {path}: {reason}"


class TrustedKeysInvalid(RegistryError):
    """The keys of another token server or OpenID provider cannot be used; `place` is where they were read."""

    def __init__(self, place: str, reason: str) -> None:
        self.place = place
        self.message = f"keys to trust: {place}: {reason}"


class SigningKeysUnreadable(RegistryError):
    """The keys that sign tokens are in the database, and this process cannot make use of them."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.message = f"the keys that sign tokens cannot be used: {reason}"


class Denied(RegistryError):
    """Who is asking is known and may not do this."""

    message = "this is not allowed"


class OtherSite(Denied):
    """A browser asks for a change because a page of another site told it to."""

    message = "pages of other sites may not change anything here"


class PasswordRequired(Denied):
    """What gives a way in was asked for with a token, or by nobody in particular."""

    message = "this needs a name and a password: no token gives a way in that could outlive it"


class NamespaceUnknown(RegistryError):
    """Who would push has an account, but nobody made the namespace; no `Denied`, to which logins are an answer."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.message = f"there is no namespace {namespace}; `registry org create {namespace}` makes it"

    @property
    def detail(self) -> object:
        return {"namespace": self.namespace}


class NameTaken(RegistryError):
    """A user, an organisation, a robot or a team has this name already."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.message = f"the name {name} is taken"


class AccountUnknown(RegistryError):
    """No account has this name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.message = f"there is no account {name}"


class TeamUnknown(RegistryError):
    """No team has this name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.message = f"there is no team {name}"


class LastAdministrator(RegistryError):
    """Nobody would be left to administer the registry."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.message = f"{name} is the last administrator; make another one first"


class RobotsTooMany(RegistryError):
    """A namespace has as many robots as it can have."""

    def __init__(self, namespace: str, most: int) -> None:
        self.namespace, self.most = namespace, most
        self.message = f"{namespace} has {most} robots already, and can have no more"


class OrganisationUnknown(RegistryError):
    """No organisation has this name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.message = f"there is no organisation {name}"


class OrganisationNotEmpty(RegistryError):
    """An organisation has repositories, and is not removed with them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.message = f"organisation {name} has repositories; remove them first"


class MemberUnknown(RegistryError):
    """Somebody does not belong to an organisation, or is not in a team."""

    def __init__(self, of: str, name: str) -> None:
        self.of, self.name = of, name
        self.message = f"{name} does not belong to {of}"


class LastOwner(RegistryError):
    """Only administrators could look after an organisation, and that only they may bring about."""

    def __init__(self, organisation: str, name: str) -> None:
        self.organisation, self.name = organisation, name
        self.message = f"{name} is the last owner of {organisation}; make another one first"


class TeamsTooMany(RegistryError):
    """An organisation has as many teams as it can have."""

    def __init__(self, organisation: str, most: int) -> None:
        self.organisation, self.most = organisation, most
        self.message = f"{organisation} has {most} teams already, and can have no more"


class CredentialUnknown(RegistryError):
    """The account has no credential of this number that could be revoked."""

    def __init__(self, name: str, credential_id: int) -> None:
        self.name, self.credential_id = name, credential_id
        self.message = f"{name} has no token {credential_id}, or it is revoked"


class CredentialInvalid(RegistryError, ValueError):
    """A token that cannot be made as it is wished for."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.message = f"this token cannot be made: {reason}"


class CredentialsTooMany(RegistryError):
    """An account has as many tokens in force as it may have."""

    def __init__(self, name: str, most: int) -> None:
        self.name, self.most = name, most
        self.message = f"{name} has {most} tokens in force, which is the most; revoke one first"


class PasswordElsewhere(RegistryError):
    """The password of an account is known to another source, and cannot be changed here."""

    def __init__(self, name: str, source: str) -> None:
        self.name, self.source = name, source
        self.message = f"the password of {name} is kept by {source}; change it there"


class RobotOwner(RegistryError):
    """A robot should own something, and manages nothing."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.message = f"{name} is a robot, which can be a maintainer at most, and no owner"


class GrantUnknown(RegistryError):
    """Nothing was granted to this account for this pattern."""

    def __init__(self, name: str, pattern: str) -> None:
        self.name, self.pattern = name, pattern
        self.message = f"{name} was granted nothing on {pattern}"
