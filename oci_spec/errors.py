"""What can be wrong with a text or a document that claims to be one of the specifications' values.

OciSpecError (a ValueError)
├── DigestInvalid(text, reason)
│   └── DigestUnsupported(text, algorithm)
├── RepositoryNameInvalid(text, reason)
├── TagInvalid(text, reason)
├── ImageNameInvalid(text, reason)
├── PlatformInvalid(text, reason)
├── MediaTypeInvalid(text)
├── ManifestInvalid(reason)
│   └── ManifestSchemaOneRefused()
├── ImageConfigInvalid(reason)
└── ImageLayoutInvalid(reason)

Every message may be shown to whoever sent the text: it is short, printable, and quotes at most the text's beginning.
"""

from oci_spec.quoting import quoted


class OciSpecError(ValueError):
    """The root of this package's errors."""


class DigestInvalid(OciSpecError):
    """The text is not a digest (image-spec, "Digests")."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text, reason)
        self.text = text
        self.reason = reason

    def __str__(self) -> str:
        return f"invalid digest {quoted(self.text)}: {self.reason}"


class DigestUnsupported(DigestInvalid):
    """The text follows the grammar of digests, but its algorithm is none that can be computed here."""

    def __init__(self, text: str, algorithm: str) -> None:
        super().__init__(text, f"the algorithm {quoted(algorithm)} is not supported; use sha256 or sha512")
        self.args = (text, algorithm)
        self.algorithm = algorithm


class RepositoryNameInvalid(OciSpecError):
    """The text is not a repository name (distribution-spec, "Pulling manifests")."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text, reason)
        self.text = text
        self.reason = reason

    def __str__(self) -> str:
        return f"invalid repository name {quoted(self.text)}: {self.reason}"


class TagInvalid(OciSpecError):
    """The text is not a tag (distribution-spec, "Pulling manifests")."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text, reason)
        self.text = text
        self.reason = reason

    def __str__(self) -> str:
        return f"invalid tag {quoted(self.text)}: {self.reason}"


class ImageNameInvalid(OciSpecError):
    """No image can be called by the text."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text, reason)
        self.text = text
        self.reason = reason

    def __str__(self) -> str:
        return f"invalid image name {quoted(self.text)}: {self.reason}"


class PlatformInvalid(OciSpecError):
    """The text names no platform."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text, reason)
        self.text = text
        self.reason = reason

    def __str__(self) -> str:
        return f"invalid platform {quoted(self.text)}: {self.reason}"


class MediaTypeInvalid(OciSpecError):
    """The text is not a media type (RFC 6838, "Naming Requirements")."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"invalid media type {quoted(self.text)}: expected a type, a slash and a subtype"


class ManifestInvalid(OciSpecError):
    """The document is not a manifest that can be stored (image-spec, "Image Manifest" and "Image Index")."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ManifestSchemaOneRefused(ManifestInvalid):
    """The document is a Docker image manifest of version 2, schema 1, which is not stored."""

    def __init__(self) -> None:
        super().__init__(
            "Docker image manifests of schema 1 are not accepted. Push the image again with Docker 1.10 or newer,"
            " podman or buildah, or convert it with `skopeo copy --format v2s2` or `skopeo copy --format oci`."
        )
        self.args = ()

    def __str__(self) -> str:
        return self.reason


class ImageConfigInvalid(OciSpecError):
    """The document is not an image configuration (image-spec, "Image Configuration")."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ImageLayoutInvalid(OciSpecError):
    """The files are not an image layout, or not a whole one (image-spec, "OCI Image Layout Specification")."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
