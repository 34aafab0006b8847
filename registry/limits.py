"""Every bound on what a client can send or ask for, each with its reason.

A bound that an operator may have cause to change is also a key of the configuration's `[limits]` table, whose default
is the constant here; code that serves requests takes that one from `Config.limits`, and takes every other from here.
Sizes are bytes and durations are seconds. What the specifications' own grammars bound (names, tags, the depth of JSON)
stands beside their parsers, in `oci_spec`.
"""

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB
TIB: Final = 1024 * GIB

# Defaults of [limits]

MANIFEST_BYTES: Final = 4 * MIB
"""Largest manifest: what distribution-spec, "Pushing Manifests", asks a registry to take, and where clients stop."""

BLOB_BYTES: Final = 1 * TIB
"""Largest blob: no honest layer comes near it, and one runaway upload ends before the arithmetic or the disk does."""

PAGE_ENTRIES: Final = 1000
"""Most entries of one list answer, asked for or not; the rest is behind `Link`. What common clients ask for."""

HEADER_BYTES: Final = 32 * KIB
"""Longest request line and longest header field: tokens with long access lists and pushes with many `tag=` fit."""

TAG_PARAMETERS: Final = 32
"""Most `tag=` parameters of one manifest push; distribution-spec asks for at least 10, and all are one transaction."""

STALL_S: Final = 60
"""Longest time without one byte of progress in a request's body or an answer, before its connection is closed."""

HEADER_S: Final = 30
"""Longest time for a request's line and headers to arrive: idle openings must not use up the connections."""

KEEPALIVE_S: Final = 620
"""How long an idle connection stays open: longer than proxies keep theirs (600 s at most), so that never the
registry is the one to close while a request is on its way."""

# Manifests and image configurations

MANIFEST_REFERENCES: Final = 4096
"""Most descriptors of one manifest: each is a row of the same transaction; images have at most 127 layers."""

INDEX_DEPTH: Final = 8
"""Deepest nesting of indexes that is followed when one is described; each level costs a query."""

IMAGE_CONFIG_BYTES: Final = 4 * MIB
"""Largest image configuration that is read to be described; a larger blob is served, not parsed."""

IMAGE_CONFIG_READS: Final = 8
"""Most image configurations that one process reads at the same time: `IMAGE_CONFIG_BYTES` times this is its memory."""

DESCRIBED_MANIFESTS: Final = 128
"""Most manifests of one tag that are described, each with its layers: the largest official images have about 20."""

DESCRIBED_ENTRIES: Final = 512
"""Most layers of one manifest, and children of one index, that are described: images have at most 127 layers."""

DESCRIBED_CONFIG_BYTES: Final = 8 * MIB
"""Most bytes of image configurations that one answer describes: its text is several times as large in memory."""

LISTED_CONFIG_BYTES: Final = 64 * MIB
"""Most bytes of image configurations that are read to tell the platforms of one page of tags: a page of large ones."""

LISTED_PLATFORMS: Final = 64
"""Most children of an index whose platforms a list of tags tells, for every one of its tags."""

LISTED_MANIFESTS: Final = 4096
"""Most manifests that are looked at to tell the platforms of one page of tags."""

PLATFORM_CHARACTERS: Final = 1024
"""Longest platform, as the text that the database keeps, that is told: real ones have less than 100 characters."""

PLATFORM_CACHE_BYTES: Final = 256 * KIB
"""How much text of images' platforms one process keeps: that of about 10,000 images, which take a few MiB in all."""

FALLBACK_REFERRERS: Final = 256
"""Most entries of a fallback tag's index that are looked at: each is a query, and real subjects have a handful."""

REFERRERS_BYTES: Final = 4 * MIB
"""Largest page of referrers: clients read it as a manifest and stop where manifests stop."""

TAG_PROTECTIONS: Final = 100
"""Most protections of one repository: every push of a tag is compared with all of them, and a pattern means many."""

DESCRIPTION_BYTES: Final = 20 * KIB
"""Longest description of a repository: a page of text. However JSON escapes it, it fits into `WEB_API_BODY_BYTES`."""

DESCRIPTION_OPENING_CHARACTERS: Final = 512
"""How much of each description a list of repositories reads, to tell its first line."""

HEADLINE_CHARACTERS: Final = 100
"""How much of a description's first line a list of repositories tells."""

RESTORE_STEPS: Final = 1000
"""How far back a tag can be restored by counting: nobody counts further; a digest reaches all of its past."""

# Image layouts

LAYOUT_INDEX_BYTES: Final = 64 * MIB
"""Largest `index.json` of a layout: some 250,000 tags. It is read as a whole, into several times as much memory."""

LAYOUT_ENTRIES: Final = 200_000
"""Most tags and referrers that one export lists: an `index.json` of more could not be read again."""

LAYOUT_MEMBERS: Final = 1_000_000
"""Most members of a layout's archive, and most manifests and blobs that one import looks at: what is known of each
is kept in memory until the end."""

BACKUP_LINE_BYTES: Final = 2 * GIB
"""Longest line of a backup: a row of the database. The largest manifest takes a third more than its size there."""

# Lists and answers

WEB_API_PAGE_ENTRIES: Final = 100
"""Entries of a web API page when the request does not say how many."""

WEB_API_PAGE_MAX: Final = 1000
"""Most entries of a web API page that a request may ask for: each costs a few queries' rows, not only a name."""

WEB_API_BODY_BYTES: Final = 64 * KIB
"""Longest body of a web API request: a digest, or a few names."""

WEB_API_PARAMETERS: Final = 32
"""Most parameters of one web API query: none takes as many, and each only once."""

CURSOR_CHARACTERS: Final = 1024
"""Longest cursor of a web API page: a name and a value in base 64."""

LOOKED_AT_REPOSITORIES: Final = 5_000
"""Most repositories that are looked at for one page of a sorted or searched list, where most of them may not belong
to it: some ten milliseconds. A page that is not full by then says where to go on."""

SEARCH_CHARACTERS: Final = 255
"""Longest text to search for: no name is longer."""

SEARCH_TERMS: Final = 8
"""Most words of one search: each is looked for in all that the rarest of them may be in."""

DOCKER_SEARCH_ENTRIES: Final = 100
"""Most entries of one answer to `docker search`: no Docker asks for more."""

DOCKER_SEARCH_PAGES: Final = 10
"""Most pages that such a search has, as they are counted from the beginning for each: nobody reads on."""

MOUNT_CANDIDATES: Final = 64
"""Most repositories that are asked for a blob to mount when the request names none; a miss only costs an upload."""

PENDING_PULLS: Final = 10_000
"""Most pull times that one process keeps before they are written; those beyond it are not recorded."""

# Connections

DESCRIPTORS_PER_CONNECTION: Final = 3
"""What a connection may need: its socket, and for an upload the file and the hold on it. A download has one more, but
not all connections are at once; whoever finds none left is told to try again."""

DESCRIPTORS_OF_A_WORKER: Final = 64
"""What a worker needs beside its connections: database, listening sockets, logs. The rest is for connections."""

DISCARD_BYTES: Final = 256 * KIB
"""Most of an unwanted body that is read to keep a connection usable; beyond it closing is cheaper."""

LINGER_BYTES: Final = 16 * MIB
"""Most of an unwanted body that is read before its connection is closed: what kernels on both sides hold when a client
learns that it need send no more. With some of it unread, the end of the connection would take the answer away."""

DIRECT_BYTES: Final = 64 * KIB
"""Smallest rest of a body that is read past aiohttp: for less, to change hands costs more than it saves."""

CHUNK_LINE_BYTES: Final = 4 * KIB
"""Longest line of a chunked body's framing: a size is 16 digits, extensions are hardly ever sent."""

TRAILER_BYTES: Final = 8 * KIB
"""Most bytes of a chunked body's trailers: none is made use of."""

INLINE_BLOB_BYTES: Final = 64 * KIB
"""Largest blob answered from the page cache without a thread: a hop costs more than reading it."""

BYTE_RANGES: Final = 1024
"""Most parts of one `Range`: what clients that fetch changed files of a layer ask for at once; more get the whole."""

UPLOAD_HOLD_S: Final = 30.0
"""How long a hold on an upload lasts that nobody renews: so long others wait for a machine that died."""

STORE_THREADS: Final = 8
"""Threads of one worker that hash and write: beyond a few, they only wait for the same processors and disk."""

TRANSFER_THREADS: Final = 8
"""Threads of one worker that send files: each is busy only while bytes flow, so a few keep any network full."""

REQUEST_ID_CHARACTERS: Final = 128
"""Longest `X-Request-ID` taken over from a client; it is repeated on every line that is logged."""

# Disks

DATABASE_RESERVE_BYTES: Final = 8 * MIB
"""Room kept beside a SQLite file for the transactions that give room back: some hundreds of deletions at once."""

# Times

READINESS_S: Final = 5
"""Longest wait for one part's answer to the readiness check: a balancer asks again every few seconds."""

FAULT_LOG_S: Final = 60
"""How long a fault that many requests meet is only counted once it was logged: a flood would hide its beginning."""

LEASE_S: Final = 3600
"""How long a positive answer protects a blob from collection: the gap between "it exists" and the manifest."""

GC_GRACE_S: Final = 3600
"""Default of `gc.grace_s`: pushes of one image from several machines, and pulls by a tag just moved, end within it."""

GC_INTERVAL_S: Final = 900
"""Default of `gc.interval_s`: nothing becomes garbage sooner than `gc.grace_s`, and to look for it costs a scan."""

JOB_LEASE_S: Final = 60
"""How long one node owns a periodic job without renewing it; after its death another takes over."""

NODE_BEAT_S: Final = 15
"""How often a node says that it is there; one that has missed three such times counts as gone."""

NODE_FORGOTTEN_S: Final = 24 * 3600
"""How long a node that died is still listed: somebody will want to know that there was one."""

UPLOAD_EXPIRE_S: Final = 24 * 3600
"""Default of `uploads.expire_s`: clients retry a failed push within minutes, people within the day."""

EVENT_RETENTION_S: Final = 7 * 24 * 3600
"""Default of `events.retention_s`: a receiver that was down over a long weekend still gets its events."""

# The audit log

AUDIT_TEXT_CHARACTERS: Final = 512
"""Longest text of an entry that a client has a say in: names fit, and none makes an entry large."""

AUDIT_REFUSALS_PER_MINUTE: Final = 300
"""Most refusals that one process puts down one by one in a minute; the others of it are one entry that counts them,
so that whoever guesses passwords all day does not fill the disk."""

AUDIT_BATCH: Final = 1000
"""Entries that are read, verified, exported or removed at once: some hundred KiB of memory."""

AUDIT_FAULTS: Final = 100
"""Most faults of the chain that one verification tells of: beyond a few, it is the whole that cannot be trusted."""

# Certificates

CERTIFICATE_DAYS: Final = 825
"""Longest life of a certificate that `registry tls` makes, in days: macOS takes no server's that lives longer."""

AUTHORITY_DAYS: Final = 3650
"""Life of an authority that `registry tls` makes, in days: to replace it, every client has to be visited."""

# Accounts

ACCOUNT_NAME_CHARACTERS: Final = 128
"""Longest name of a person, a robot, an organisation or a team: beyond any that people type."""

CREDENTIAL_NAME_CHARACTERS: Final = 64
"""Longest name that somebody gives to a token, to know it again."""

ROBOTS_PER_NAMESPACE: Final = 1000
"""Most robots of one namespace: one for each program of a large organisation, and a bound on what its owners store."""

GRANT_BATCH: Final = 1000
"""Grants that are read and judged at once where not all are for the asker to see: some ten milliseconds."""

TEAMS_PER_ORGANISATION: Final = 1000
"""Most teams of one organisation: more than any company has, and a bound on what its owners store."""

ROBOT_ROLES: Final = 32
"""Most roles that a robot is made with in one request; any number can be granted later."""

CREDENTIAL_DAYS: Final = 3650
"""Longest time for which a token with an expiry is made."""

CREDENTIALS_OF_ACCOUNT: Final = 100
"""Most tokens of one account, ended ones included: they are listed at once, and nobody looks after more."""

EXPIRED_CREDENTIAL_S: Final = 30 * 24 * 3600
"""How long a token is listed after its end, to tell why what used it is refused."""

CREDENTIAL_PATTERNS: Final = 32
"""Most patterns of one token: every request with it tries them one after the other."""

PATTERN_CHARACTERS: Final = 255
"""Longest pattern of repositories: as long as the longest name that it can mean."""

# Passwords

PASSWORD_CHARACTERS_MIN: Final = 8
"""Shortest new password: what NIST SP 800-63B asks of one that people choose."""

PASSWORD_BYTES: Final = 1024
"""Longest password in UTF-8, longer than any that people or their managers make; a longer one is wrong unread."""

PASSWORD_THREADS: Final = 2
"""Threads of one worker that hash passwords: each takes a processor for about 18 ms and 19 MiB a password."""

PASSWORDS_WAITING: Final = 64
"""Most passwords that one worker has in hand: the last waits about half a second, the next is told to come again."""

PASSWORD_CACHE_ENTRIES: Final = 4096
"""Most proved passwords that one worker remembers, a few hundred bytes each."""

PASSWORD_CACHE_S: Final = 300
"""How long a proved password is remembered: a pull's requests come within it, and hashing costs most."""

# Tokens

TOKEN_LIFETIME_S: Final = 300
"""How long a token lives by default: the uploads of one push come within it, and what leaks is soon worth nothing."""

LAPSED_TOKEN_S: Final = 24 * 3600
"""How long after its end a token still goes on with the upload that it began: a blob of a TiB over 100 Mbit/s takes a
day. What its credential and account may do counts all the time."""

TOKEN_CHARACTERS: Final = 16 * KIB
"""Longest bearer token that is looked at: `TOKEN_SCOPES` long names fit, and so does the header that brings it."""

TOKEN_SCOPES: Final = 32
"""Most scopes of one token: a push asks for its repository and a few to mount from, and each costs a check."""

TOKEN_SCOPE_CHARACTERS: Final = 512
"""Longest scope: the longest name of a repository with its type and all actions has less than 300 characters."""

TOKEN_SKEW_S: Final = 60
"""How far the clocks of those who make tokens and of those who verify them may differ."""

VERIFIED_TOKENS: Final = 4096
"""Most verified tokens that one process remembers: about 2 KiB each, and a client uses one for minutes."""

TOKEN_CERTIFICATES: Final = 5
"""Most certificates that a token brings along: longer chains are not in use, and each costs a signature to verify."""

TRUSTED_KEYS_BYTES: Final = MIB
"""Longest file of another token server's keys: some hundred certificates."""

TRUSTED_KEYS_FRESH_S: Final = 300
"""How long the keys of another token server are used before it is asked for them again: so long one may live that it
has withdrawn."""

TRUSTED_KEYS_FILE_FRESH_S: Final = 10
"""The same where a file has them, which costs next to nothing to read."""

TRUSTED_KEYS_AGAIN_S: Final = 2
"""Shortest time between two reads of them, whether they succeed or not: anybody can make tokens with unknown keys. So
long a token may be refused that a brand-new key signed."""

TRUSTED_KEYS_STALE_S: Final = 3600
"""How long they are used though they cannot be read again: a token server may be away for a while, but who keeps it
from being asked must not keep a withdrawn key in force."""

SUBJECT_CHARACTERS: Final = 255
"""Longest name of a subject that another token server vouches for, as it is kept."""

SIGNING_KEYS_FRESH_S: Final = 2
"""How long a process uses the signing keys that it has read: so long after a rotation it does not know of it."""

SIGNING_KEYS_AGAIN_S: Final = 1
"""Shortest time between two reads of the signing keys that tokens with unknown keys cause, which anybody can make: who
shows one waits for the next."""

AUTHORIZATION_CHARACTERS: Final = 16 * KIB
"""Longest `Authorization` header: a token for as many repositories as one push can name is half of it."""

REFRESH_TOKEN_S: Final = 90 * 24 * 3600
"""How long a client that logged in with a password stays logged in, if nobody revokes it."""

REFRESH_TOKENS_OF_ACCOUNT: Final = 100
"""Most clients of one person that stay logged in: who logs in from every build would heap them up for months."""

PENDING_CREDENTIAL_USES: Final = 10_000
"""Most credentials whose last use waits to be written: a hundred bytes each."""

PENDING_LOGINS: Final = 10_000
"""Most logins with credentials that wait to be put down in the audit log: half a KiB each. Those beyond it are put down
when they are made again."""

LOGIN_AGAIN_S: Final = 3600
"""How long the same credential from the same address is one login: docker brings it many times for one push."""

REMEMBERED_LOGINS: Final = 20_000
"""Most logins that one process remembers in order to tell a new one: a few hundred bytes each. Those that it has
forgotten are new ones again."""

TOKEN_FORM_BYTES: Final = 64 * KIB
"""Longest form that asks for a token: all the scopes that it may ask for fit."""

TOKEN_FIELDS: Final = 64
"""Most fields of a form that asks for a token: one for each scope, and a few more."""

CLIENT_NAME_CHARACTERS: Final = 128
"""Longest name of a client that is kept with the refresh token it got."""

# OpenID providers

OPENID_PROVIDERS: Final = 64
"""Most providers whose keys one process remembers: each has one, or one for each CI system in use."""

OPENID_LOGIN_S: Final = 600
"""How old an ID token may be by which somebody logs in: the command that got it brings it at once."""

OPENID_TOKEN_LIFETIME_S: Final = 30 * 24 * 3600
"""How long the token lives by default that a login leaves with the client: so long somebody who left may go on."""

OPENID_DEVICE_S: Final = 1800
"""Longest time for a person to log in at the provider, and longest that a provider may tell: they go for a coffee."""

CLAIM_CHARACTERS: Final = 512
"""Longest claim, and longest audience, that a trusted workload is known by: those of CI systems have some 200."""

CLAIMS_OF_A_TRUST: Final = 16
"""Most claims of one trusted workload: a CI system's tokens have some twenty, of which a few say whose they are."""

TRUSTS_OF_A_ROBOT: Final = 64
"""Most workloads that one robot trusts: each is compared with a token."""

# Asking other servers

OUTGOING_S: Final = 15
"""Longest time for another server to answer as a whole: somebody waits for what depends on it."""

OUTGOING_ANSWER_BYTES: Final = MIB
"""Longest answer of another server that is read as a whole: documents of identity providers have some 10 KiB."""

OUTGOING_CONNECTIONS: Final = 64
"""Most connections that one process has open to other servers."""

OUTGOING_CONNECTIONS_PER_HOST: Final = 16
"""Most of them to one host: a slow one must leave some for the others."""

# Logins

LOGIN_FREE_FAILURES: Final = 10
"""Failures of one account from one address before it has to wait: logins under way count, and clients begin several."""

LOGIN_FREE_FAILURES_KNOWN: Final = 50
"""The same where the account has proved itself from that address before: a build farm begins many at once."""

LOGIN_FREE_FAILURES_ADDRESS: Final = 50
"""Failures from one address, whatever the accounts: a whole office may share it."""

LOGIN_FREE_FAILURES_ACCOUNT: Final = 100
"""Failures of one account, whatever the addresses: fewer would let strangers delay its owner too soon."""

LOGIN_DELAY_MAX_S: Final = 900
"""Longest wait of an address that keeps on failing: four guesses an hour."""

LOGIN_DELAY_KNOWN_MAX_S: Final = 60
"""The same for an account from an address where it has proved itself: others behind it must not lock its owner out."""

LOGIN_DELAY_ACCOUNT_MAX_S: Final = 10
"""Longest wait of an account from addresses that it does not know: some 8,600 guesses a day from the whole world."""

LOGIN_FORGET_S: Final = 3600
"""How long after the last failure a count is forgotten."""

LOGIN_KNOWN_S: Final = 30 * 24 * 3600
"""How long an address is known to an account after a success."""

LOGIN_FORGET_ROWS: Final = 16
"""Most forgotten counts that one login removes: more than it makes, so that they do not heap up."""

HTPASSWD_BYTES: Final = 4 * MIB
"""Largest htpasswd file: some 50,000 people. It is read as a whole when it changes."""

HTPASSWD_COST_MAX: Final = 14
"""Greatest cost of a bcrypt hash in such a file: a login of this one takes a processor for about a second."""

OUTSIDE_PROOF_S: Final = 10
"""How long what an outside source proved is remembered: the requests of one command come within it, and whoever is
removed there is soon out."""

DIRECTORY_THREADS: Final = 8
"""Threads of one worker that ask the LDAP directory: each mostly waits for it."""

DIRECTORY_WAITING: Final = 64
"""Most logins that one worker has in hand with the directory; the next is told to come again."""
