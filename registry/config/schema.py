"""The configuration's tables and keys: their types, bounds, defaults and what they mean.

This is the one list of keys. The example file, the documentation, environment variables and errors are made from it.
Durations (`_s`) are seconds and sizes (`_bytes`) are bytes. An optional key is written as `""` where it is not set.
Each key says whether a registry that runs takes up its new value (`RELOAD`), or only the next start does (`RESTART`).
"""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from registry import limits as bounds
from registry.config.database_schema import Database
from registry.config.directory_values import AttributeName, DistinguishedName, LdapFilter, LdapUrl
from registry.config.openid_schema import Oidc
from registry.config.s3_schema import S3
from registry.config.takes_effect import RELOAD, RESTART
from registry.config.values import ExternalUrl, Network, PlainText, SecretText, SocketAddress


class Server(Struct, frozen=True, kw_only=True):
    """How the registry listens, and how it stops."""

    listen: Annotated[
        SocketAddress, RESTART, Meta(description="Address and port of the registry; an IPv6 address in brackets.")
    ] = SocketAddress("127.0.0.1", 5000)
    workers: Annotated[
        int, RESTART, Meta(ge=0, le=1024, description="Worker processes; 0 starts one per processor core.")
    ] = 0
    data: Annotated[
        Path,
        RESTART,
        Meta(description="Directory of blobs and database, where no key of theirs names another place."),
    ] = Path("data")
    grace_period_s: Annotated[
        float,
        RELOAD,
        Meta(ge=0, le=86_400, description="How long requests in flight may still take once the registry stops."),
    ] = 20.0
    drain_delay_s: Annotated[
        float,
        RELOAD,
        Meta(
            ge=0,
            le=3600,
            description="How long a stopping registry still accepts requests while `/readyz` already fails, "
            "so that a load balancer can look away.",
        ),
    ] = 0.0
    external_url: Annotated[
        ExternalUrl | None,
        RELOAD,
        Meta(description="URL that clients use, when a proxy stands before; its path prefixes every Location."),
    ] = None
    advertise_url: Annotated[
        ExternalUrl | None,
        RESTART,
        Meta(description="URL of this node itself, not of the load balancer, as `registry status` shows it."),
    ] = None
    trusted_proxies: Annotated[
        tuple[Network, ...],
        RELOAD,
        Meta(description="Networks (CIDR) whose `Forwarded` and `X-Forwarded-*` headers are believed."),
    ] = ()


class Tls(Struct, frozen=True, kw_only=True):
    """Serving HTTPS without a proxy."""

    certificate: Annotated[
        Path | None,
        RELOAD,
        Meta(description="PEM file of the certificate and its chain; set, the registry speaks HTTPS."),
    ] = None
    key: Annotated[Path | None, RELOAD, Meta(description="PEM file of the certificate's private key.")] = None
    client_ca: Annotated[
        Path | None,
        RELOAD,
        Meta(description="PEM file of authorities; set, every client must show a certificate of theirs."),
    ] = None


class Metrics(Struct, frozen=True, kw_only=True):
    """Prometheus metrics."""

    listen: Annotated[
        SocketAddress | None,
        RESTART,
        Meta(
            description="Address and port of `/metrics`; not set: on the main listener if that is loopback, else off."
        ),
    ] = None


class Filesystem(Struct, frozen=True, kw_only=True):
    """The backend `filesystem`."""

    root: Annotated[
        Path, RESTART, Meta(description="Directory of the blobs; by default the folder `storage` in `server.data`.")
    ] = Path("data/storage")
    shared: Annotated[
        bool,
        RESTART,
        Meta(
            description="Whether `root` is one directory for several nodes (NFSv4, CephFS); its locks are tried at the "
            "start. If not, a second host is refused."
        ),
    ] = False


class Storage(Struct, frozen=True, kw_only=True):
    """Where the bytes of blobs live."""

    backend: Annotated[
        Literal["filesystem", "s3"],
        RESTART,
        Meta(description="Kind of store: files of this machine, or objects in S3, for any number of nodes."),
    ] = "filesystem"
    filesystem: Filesystem = Filesystem()
    s3: S3 = S3()


class Ldap(Struct, frozen=True, kw_only=True):
    """People whom an LDAP directory knows (OpenLDAP, Active Directory); they log in with their passwords there."""

    url: Annotated[
        LdapUrl | None,
        RESTART,
        Meta(
            description="Where the directory is: `ldaps://host`, or `ldap://host` with `start_tls`; set, it is asked."
        ),
    ] = None
    start_tls: Annotated[
        bool, RESTART, Meta(description="Whether a connection to `ldap://` is encrypted before anything is said.")
    ] = False
    allow_plain: Annotated[
        bool, RESTART, Meta(description="Whether passwords may cross a network unencrypted, to `ldap://` elsewhere.")
    ] = False
    ca_file: Annotated[
        Path | None,
        RESTART,
        Meta(description="PEM file of authorities for the directory's certificate; not set, the system's."),
    ] = None
    timeout_s: Annotated[
        int, RESTART, Meta(ge=1, le=60, description="How long the directory may take to connect, and for each answer.")
    ] = 5
    base: Annotated[
        DistinguishedName | None, RESTART, Meta(description="The entry below which people are searched.")
    ] = None
    filter: Annotated[
        LdapFilter,
        RESTART,
        Meta(description="Which entry is whose: `{name}` is the name they log in with. Who has none stays out."),
    ] = LdapFilter("(uid={name})")
    id_attribute: Annotated[
        AttributeName | None,
        RESTART,
        Meta(
            description="Attribute that stays with a person whose entry is moved (`entryUUID`, `objectGUID`) and by "
            "which their account is found; not set, by the entry's distinguished name."
        ),
    ] = None
    bind_dn: Annotated[
        DistinguishedName | None,
        RESTART,
        Meta(description="Who searches; not set, the search is anonymous."),
    ] = None
    bind_password: Annotated[
        SecretText | None,
        RESTART,
        Meta(description="The password of `bind_dn`.", extra={"secret": True}),
    ] = None
    user_dn: Annotated[
        DistinguishedName | None,
        RESTART,
        Meta(description="Everybody's entry, as in `uid={name},ou=people,dc=example,dc=com`, in place of a search."),
    ] = None


class External(Struct, frozen=True, kw_only=True):
    """Another token server, which proves who asks and says what they may; `auth.issuer` and `auth.service` are its."""

    realm: Annotated[
        ExternalUrl | None,
        RESTART,
        Meta(description="Where clients fetch tokens, as in `https://auth.example.com/token`."),
    ] = None
    jwks_url: Annotated[
        ExternalUrl | None,
        RESTART,
        Meta(description="Where its public keys are, a JSON Web Key Set, asked for now and then."),
    ] = None
    jwks_file: Annotated[
        Path | None, RESTART, Meta(description="The same in a file, which is read again when it changes.")
    ] = None
    certificates: Annotated[
        Path | None,
        RESTART,
        Meta(
            description="PEM file of certificates, in place of a key set, as distribution's `rootcertbundle`: of its "
            "keys, or of authorities to which its tokens' certificates lead."
        ),
    ] = None


class Auth(Struct, frozen=True, kw_only=True):
    """Who may do what."""

    mode: Annotated[
        Literal["none", "token", "external"],
        RESTART,
        Meta(
            description="How callers prove who they are: with `token` by accounts of this registry, with `external` by "
            "tokens of another token server; with `none` everyone may do everything."
        ),
    ] = "none"
    allow_open: Annotated[
        bool, RESTART, Meta(description="Whether to listen on more than loopback although everyone may do everything.")
    ] = False
    htpasswd: Annotated[
        Path | None,
        RESTART,
        Meta(
            description="File of people beside the registry's own accounts, made with `htpasswd -B`; what changes in "
            "it holds at the next login."
        ),
    ] = None
    admin_password_file: Annotated[
        Path | None,
        RESTART,
        Meta(
            description="File with the password that the first administrator, `admin`, gets at the very first start; "
            "not set, one is made up and shown once."
        ),
    ] = None
    admin_password: Annotated[
        SecretText | None,
        RESTART,
        Meta(
            description="The same password itself, for the environment; the file goes before it.",
            extra={"secret": True},
        ),
    ] = None
    anonymous_pull: Annotated[
        bool, RESTART, Meta(description="Whether public repositories can be pulled without credentials.")
    ] = True
    default_visibility: Annotated[
        Literal["private", "public"],
        RESTART,
        Meta(
            description="Who may pull from a repository made by a push while accounts are on: the granted, or everyone."
        ),
    ] = "private"
    service: Annotated[
        PlainText,
        RESTART,
        Meta(description="Name of this registry to its token server; a token is for one service only."),
    ] = PlainText("moorage")
    issuer: Annotated[PlainText, RESTART, Meta(description="Name of the token server, as it stands in tokens.")] = (
        PlainText("moorage")
    )
    token_lifetime_s: Annotated[
        int, RESTART, Meta(ge=60, le=3600, description="How long a token can be used that the registry has made.")
    ] = bounds.TOKEN_LIFETIME_S
    algorithm: Annotated[
        Literal["ES256", "EdDSA"],
        RESTART,
        Meta(description="How tokens are signed by keys that are made from now on; those that exist stay as they are."),
    ] = "ES256"
    key_file: Annotated[
        Path | None,
        RESTART,
        Meta(
            description="File of 32 random bytes under which new signing keys are sealed in the database, "
            "the same on every node; not set, they stand there in the clear."
        ),
    ] = None
    ldap: Ldap = Ldap()
    external: External = External()
    oidc: Oidc = Oidc()


class Egress(Struct, frozen=True, kw_only=True):
    """What the registry itself connects to."""

    allow: Annotated[
        tuple[Network, ...],
        RESTART,
        Meta(
            description="Networks (CIDR) of private, loopback or otherwise not public addresses to which the registry "
            "may connect, for identity providers there; public ones are always allowed."
        ),
    ] = ()


class Manifests(Struct, frozen=True, kw_only=True):
    """What a manifest may refer to."""

    sparse: Annotated[
        Literal["refuse", "allow"],
        RELOAD,
        Meta(description="What happens to a manifest whose layers, config or children are not all in its repository."),
    ] = "refuse"


class Uploads(Struct, frozen=True, kw_only=True):
    """Upload sessions."""

    expire_s: Annotated[
        int, RELOAD, Meta(ge=60, le=31_536_000, description="How long an upload session may rest before it is removed.")
    ] = bounds.UPLOAD_EXPIRE_S


class Gc(Struct, frozen=True, kw_only=True):
    """The collection of garbage: manifests that nothing names, and blobs that no manifest needs."""

    grace_s: Annotated[
        int,
        RELOAD,
        Meta(ge=0, le=31_536_000, description="How long content is kept that nothing names or needs (any more)."),
    ] = bounds.GC_GRACE_S
    interval_s: Annotated[
        int,
        RELOAD,
        Meta(ge=1, le=86_400, description="How long the registry rests after a collection before the next."),
    ] = bounds.GC_INTERVAL_S
    untagged: Annotated[
        Literal["remove", "keep"],
        RELOAD,
        Meta(
            description="What happens to manifests that no tag names, no index lists and that refer to no manifest "
            "of their repository."
        ),
    ] = "remove"


class Events(Struct, frozen=True, kw_only=True):
    """The record of changes that others are told about."""

    retention_s: Annotated[
        int, RELOAD, Meta(ge=0, le=315_360_000, description="How long a change stays on record.")
    ] = bounds.EVENT_RETENTION_S


class Audit(Struct, frozen=True, kw_only=True):
    """The audit log: who did what, when, from where and with which credential."""

    retention_s: Annotated[
        int,
        RELOAD,
        Meta(ge=0, le=3_153_600_000, description="How long an entry is kept; 0 keeps all for ever."),
    ] = 0


class Limits(Struct, frozen=True, kw_only=True):
    """Bounds on what a client can send or ask for."""

    manifest_bytes: Annotated[int, RELOAD, Meta(ge=1024, le=bounds.GIB, description="Largest manifest.")] = (
        bounds.MANIFEST_BYTES
    )
    blob_bytes: Annotated[int, RELOAD, Meta(ge=1, le=2**62, description="Largest blob.")] = bounds.BLOB_BYTES
    page_entries: Annotated[
        int,
        RELOAD,
        Meta(ge=1, le=1_000_000, description="Most entries of one list answer; the rest is behind its `Link`."),
    ] = bounds.PAGE_ENTRIES
    header_bytes: Annotated[
        int, RELOAD, Meta(ge=8190, le=bounds.MIB, description="Longest request line, and longest header field.")
    ] = bounds.HEADER_BYTES
    tag_parameters: Annotated[
        int, RELOAD, Meta(ge=10, le=128, description="Most `tag=` parameters of one manifest push.")
    ] = bounds.TAG_PARAMETERS
    stall_s: Annotated[
        float,
        RELOAD,
        Meta(ge=1, le=86_400, description="Longest time a request body or an answer may make no progress."),
    ] = bounds.STALL_S
    header_s: Annotated[
        float, RELOAD, Meta(ge=1, le=3600, description="Longest time for a request's headers to arrive.")
    ] = bounds.HEADER_S
    keepalive_s: Annotated[
        float, RELOAD, Meta(ge=0, le=86_400, description="How long an idle connection stays open.")
    ] = bounds.KEEPALIVE_S


class Log(Struct, frozen=True, kw_only=True):
    """What is written to standard error (the application's log) and standard output (the access log)."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], RELOAD, Meta(description="Least severe line to write.")
    ] = "info"
    format: Annotated[Literal["json", "console"], RELOAD, Meta(description="Form of the application's log.")] = "json"
    access: Annotated[Literal["json", "combined", "off"], RELOAD, Meta(description="Form of the access log.")] = "json"


class Config(Struct, frozen=True, kw_only=True):
    """The effective configuration; a field per table."""

    server: Server = Server()
    tls: Tls = Tls()
    metrics: Metrics = Metrics()
    storage: Storage = Storage()
    database: Database = Database()
    auth: Auth = Auth()
    egress: Egress = Egress()
    manifests: Manifests = Manifests()
    uploads: Uploads = Uploads()
    gc: Gc = Gc()
    events: Events = Events()
    audit: Audit = Audit()
    limits: Limits = Limits()
    log: Log = Log()

    @property
    def is_encrypted(self) -> bool:
        """Whether the registry itself speaks TLS."""
        return self.tls.certificate is not None

    @property
    def metrics_on_main_listener(self) -> bool:
        """Whether `/metrics` is answered beside the registry: only where nobody else can reach it."""
        return self.metrics.listen is None and self.server.listen.is_loopback
