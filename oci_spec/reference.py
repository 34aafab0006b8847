"""What names a manifest: a repository, and in it a tag or a digest (distribution-spec, "Pulling manifests").

Programs that must start within milliseconds import this module: it loads nothing but its two siblings.
"""

from oci_spec.digest import Digest
from oci_spec.errors import RepositoryNameInvalid, TagInvalid

NAME_MAX_LENGTH = 255
"""The most characters of a repository name: more than clients send, who bound host and name together by it."""

TAG_MAX_LENGTH = 128
"""The most characters of a tag (distribution-spec, "Pulling manifests")."""

DEFAULT_NAMESPACE = "library"
"""The namespace of repositories whose names have only one component, as on Docker Hub."""

_SEPARATORS = "._-"
_NAME_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789/" + _SEPARATORS
_TAG_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" + _SEPARATORS
# Between two words of a component stands ".", "_", "__" or any number of "-"; each other run of separators holds one of
# these. Looking for them takes one pass each, where a backtracking pattern could be made to take many.
_FORBIDDEN_RUNS = ("..", "___", "._", "_.", ".-", "-.", "_-", "-_")

_FALLBACK_ALGORITHM_LENGTH = 32
_FALLBACK_ENCODED_LENGTH = 64


class _Text:
    """An immutable value that is nothing but a text of a certain grammar; `str()` gives the text back."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._text!r})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._text == str(other)

    def __hash__(self) -> int:
        return hash(self._text)

    def __lt__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._text < str(other)


class RepositoryName(_Text):
    """The name of a repository: components of lower-case words, joined by slashes."""

    __slots__ = ()

    def __init__(self, text: str) -> None:
        _check_name(text)
        super().__init__(text)

    @classmethod
    def parse(cls, text: str) -> "RepositoryName":
        """The repository name written as `text`.

        Raises:
            RepositoryNameInvalid: the text does not follow the grammar or is longer than `NAME_MAX_LENGTH`.
        """
        return cls(text)

    @property
    def namespace(self) -> str:
        """The first component, or `DEFAULT_NAMESPACE` where there is no second one."""
        first, slash, _ = self._text.partition("/")
        return first if slash else DEFAULT_NAMESPACE


class Tag(_Text):
    """A name that a person gives to a manifest within one repository."""

    __slots__ = ()

    def __init__(self, text: str) -> None:
        _check_tag(text)
        super().__init__(text)

    @classmethod
    def parse(cls, text: str) -> "Tag":
        """The tag written as `text`.

        Raises:
            TagInvalid: the text does not follow the grammar or is longer than `TAG_MAX_LENGTH`.
        """
        return cls(text)


Reference = Tag | Digest
"""What stands after `/manifests/` in a path."""


def parse_reference(text: str) -> Reference:
    """The digest or tag written as `text`: a tag holds no colon, so what has one is meant as a digest.

    Raises:
        DigestInvalid: the text has a colon and is not a digest.
        TagInvalid: the text has no colon and is not a tag.
    """
    return Digest.parse(text) if ":" in text else Tag.parse(text)


def fallback_tag(digest: Digest) -> Tag:
    """The tag under which clients list what refers to `digest` where the referrers API is missing.

    (distribution-spec, "Referrers Tag Schema")
    """
    text = f"{digest.algorithm[:_FALLBACK_ALGORITHM_LENGTH]}-{digest.encoded[:_FALLBACK_ENCODED_LENGTH]}"
    return Tag("".join(character if character in _TAG_CHARACTERS else "-" for character in text))


def _check_name(text: str) -> None:
    if not text:
        raise RepositoryNameInvalid(text, "it is empty")
    if len(text) > NAME_MAX_LENGTH:
        raise RepositoryNameInvalid(text, f"it has {len(text)} characters; {NAME_MAX_LENGTH} are the most")
    # Nothing is left of a text stripped of all permitted characters exactly when it has no other ones.
    if text.strip(_NAME_CHARACTERS):
        raise RepositoryNameInvalid(text, "only lower-case letters, digits, '.', '_', '-' and '/' are allowed")
    for component in text.split("/"):
        if not component:
            raise RepositoryNameInvalid(text, "a component is empty: slashes stand singly and between components")
        if component[0] in _SEPARATORS or component[-1] in _SEPARATORS:
            raise RepositoryNameInvalid(text, "each component must begin and end with a letter or a digit")
    for run in _FORBIDDEN_RUNS:
        if run in text:
            raise RepositoryNameInvalid(text, "words are separated by one of '.', '_', '__' or any number of '-'")


def _check_tag(text: str) -> None:
    if not text:
        raise TagInvalid(text, "it is empty")
    if len(text) > TAG_MAX_LENGTH:
        raise TagInvalid(text, f"it has {len(text)} characters; {TAG_MAX_LENGTH} are the most")
    if text.strip(_TAG_CHARACTERS):
        raise TagInvalid(text, "only letters, digits, '.', '_' and '-' are allowed")
    if text[0] in ".-":
        raise TagInvalid(text, "it must begin with a letter, a digit or '_'")
