"""The names by which people call images: `alpine`, `registry.example:5000/team/app:1`, `app@sha256:…`.

(Docker's "docker image tag", "Description"; distribution's grammar of references)

Programs that must start within milliseconds import this module: it loads nothing but its siblings.
"""

from oci_spec.digest import Digest
from oci_spec.errors import ImageNameInvalid, OciSpecError
from oci_spec.reference import DEFAULT_NAMESPACE, Reference, RepositoryName, Tag

DEFAULT_DOMAIN = "docker.io"
"""The registry of names that name none."""

DEFAULT_TAG = Tag("latest")
"""The tag of names that name neither tag nor digest, where something has to be chosen."""

_LEGACY_DOMAIN = "index.docker.io"
_HEXADECIMAL = "0123456789abcdef"
_ID_DIGITS = 64
_HOST_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
_ADDRESS_CHARACTERS = "0123456789abcdefABCDEF:."


class ImageName:
    """A repository at a registry, and in it a tag, a digest, both or neither.

    Immutable and hashable. `str()` is the whole name, with its registry; `familiar` leaves out what everybody adds.
    """

    __slots__ = ("digest", "domain", "repository", "tag")

    domain: str
    repository: RepositoryName
    tag: Tag | None
    digest: Digest | None

    def __init__(
        self, domain: str, repository: RepositoryName, *, tag: Tag | None = None, digest: Digest | None = None
    ) -> None:
        for field, value in zip(self.__slots__, (digest, domain, repository, tag), strict=True):
            object.__setattr__(self, field, value)

    @classmethod
    def parse(cls, text: str) -> "ImageName":
        """The image called `text`, completed as docker does: what names no registry is at `DEFAULT_DOMAIN`.

        A first component is a registry if it has a dot, a colon or a capital in it, or is `localhost`.

        Raises:
            ImageNameInvalid: no image can be called so.
        """
        if len(text) == _ID_DIGITS and not text.strip(_HEXADECIMAL):
            raise ImageNameInvalid(text, "64 hexadecimal digits are the id of an image, not a name")
        name, at, digest = text.partition("@")
        before, slash, last = name.rpartition("/")
        last, colon, tag = last.partition(":")
        domain, path = _split(before + slash + last)
        try:
            return cls(
                _checked_domain(domain, text),
                RepositoryName.parse(path),
                tag=Tag.parse(tag) if colon else None,
                digest=Digest.parse(digest) if at else None,
            )
        except ImageNameInvalid:
            raise
        except OciSpecError as error:
            raise ImageNameInvalid(text, str(error)) from error

    @property
    def is_tagged(self) -> bool:
        """Whether the name says which image of the repository is meant."""
        return self.tag is not None or self.digest is not None

    @property
    def reference(self) -> Reference:
        """What is asked for at the registry: the digest, which says more than a tag beside it; else the tag."""
        return self.digest or self.tag or DEFAULT_TAG

    def tagged(self) -> "ImageName":
        """The same name, with the default tag if it has neither tag nor digest."""
        return self if self.is_tagged else self.with_tag(DEFAULT_TAG)

    def with_tag(self, tag: Tag) -> "ImageName":
        """The image of the same repository with this tag."""
        return ImageName(self.domain, self.repository, tag=tag)

    def with_digest(self, digest: Digest) -> "ImageName":
        """The image of the same repository with this digest."""
        return ImageName(self.domain, self.repository, digest=digest)

    def familiar(self) -> str:
        """The shortest name that means the same, as docker shows it."""
        return self.familiar_repository() + self._reference()

    def familiar_repository(self) -> str:
        """The same without tag and digest."""
        if self.domain != DEFAULT_DOMAIN:
            return f"{self.domain}/{self.repository}"
        path = str(self.repository)
        short = path.removeprefix(f"{DEFAULT_NAMESPACE}/")
        # More than one component left: the namespace would be taken for a part of the name.
        return path if "/" in short else short

    def _reference(self) -> str:
        tag = "" if self.tag is None else f":{self.tag}"
        return tag if self.digest is None else f"{tag}@{self.digest}"

    def __str__(self) -> str:
        return f"{self.domain}/{self.repository}{self._reference()}"

    def __repr__(self) -> str:
        return f"ImageName({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ImageName) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an image's name does not change: {name}")


def has_domain(text: str) -> bool:
    """Whether the name of an image begins with a registry, so that nothing has to be added to find it."""
    return _names_domain(text.partition("@")[0].partition("/"))


def _split(name: str) -> tuple[str, str]:
    parts = name.partition("/")
    domain, path = (parts[0], parts[2]) if _names_domain(parts) else (DEFAULT_DOMAIN, name)
    if domain == _LEGACY_DOMAIN:
        domain = DEFAULT_DOMAIN
    if domain == DEFAULT_DOMAIN and "/" not in path:
        path = f"{DEFAULT_NAMESPACE}/{path}"
    return domain, path


def _names_domain(parts: tuple[str, str, str]) -> bool:
    first, slash, _ = parts
    return bool(slash) and ("." in first or ":" in first or first == "localhost" or first != first.lower())


def _checked_domain(domain: str, text: str) -> str:
    host, colon, port = _host_and_port(domain)
    if colon and not (colon == ":" and port.isascii() and port.isdigit()):
        raise ImageNameInvalid(text, "the registry's port is no number")
    if host.startswith("["):
        if not host.endswith("]") or host[1:-1].strip(_ADDRESS_CHARACTERS) or ":" not in host:
            raise ImageNameInvalid(text, "the registry's address is none of IPv6")
        return domain
    for label in host.split("."):
        if not label or label.strip(_HOST_CHARACTERS) or label[0] == "-" or label[-1] == "-":
            raise ImageNameInvalid(text, "the registry is no name of a host")
    return domain


def _host_and_port(domain: str) -> tuple[str, str, str]:
    if not domain.startswith("["):
        return domain.partition(":")
    address, bracket, rest = domain.partition("]")
    return address + bracket, rest[:1], rest[1:]
