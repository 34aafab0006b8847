"""Every bound on what a registry can make its client do, each with its reason.

Nothing that a registry answers is believed to be short, quick or finite. Sizes are bytes and durations are seconds.
What a caller may have cause to change is a field of `Settings`, whose default is the constant here.
"""

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB
TIB: Final = 1024 * 1024 * MIB

# Answers

MANIFEST_BYTES: Final = 4 * MIB
"""Largest manifest, and largest page of tags, repositories or referrers: where registries and other clients stop."""

BLOB_BYTES: Final = 1 * TIB
"""Most bytes of a blob whose size nobody told: an endless body must end somewhere."""

TOKEN_BYTES: Final = 256 * KIB
"""Largest answer of a token server: tokens with long access lists have some 10 KiB."""

ERROR_BYTES: Final = 64 * KIB
"""Most of an error's body that is read; registries that add an access record for each scope stay far below."""

MESSAGE_CHARACTERS: Final = 300
"""Longest message of a registry that an error carries: it is shown in one line, and who wrote it is not trusted."""

CODE_CHARACTERS: Final = 64
"""Longest error code that an error carries: the specification's have at most 21 characters."""

HEADER_BYTES: Final = 32 * KIB
"""Longest status line and longest header field: presigned locations and challenges of many scopes fit."""

HEADERS: Final = 128
"""Most header fields of an answer; real ones have less than 40."""

# Authorization

CHALLENGE_CHARACTERS: Final = 16 * KIB
"""Most text of challenges that is looked at; a scope has at most some 300 characters."""

CHALLENGES: Final = 16
"""Most challenges of one answer: registries offer one or two."""

CHALLENGE_PARAMETERS: Final = 32
"""Most parameters of one challenge: Bearer has four that mean something."""

CHALLENGE_ROUNDS: Final = 2
"""How often one request is challenged anew: once for a token at all, and once for a fresh or a larger one."""

TOKEN_CHARACTERS: Final = 24 * KIB
"""Longest token: more would not fit the header fields that servers accept."""

TOKEN_LIFE_S: Final = 60
"""How long a token is good when its server does not tell, and the least that one may tell (distribution's "Token
Authentication Specification")."""

TOKEN_LIFE_MAX_S: Final = 24 * 3600
"""How long a token is believed to be good at the most: keeping it longer saves nothing."""

TOKEN_MARGIN: Final = 0.1
"""The part of a token's life in which it is not used any more: clocks differ, and requests take time to arrive."""

TOKENS: Final = 256
"""Most tokens that are kept for one registry: one for each set of scopes, the one used longest ago makes room."""

# Following

REDIRECTS: Final = 5
"""Most redirects of one request: registries redirect to their storage, once or twice."""

PAGES: Final = 10_000
"""Most pages of one list: ten million tags. A list that never ends must end somewhere."""

PAGE_ENTRIES: Final = 1000
"""Entries that are asked for with each page: what the strictest registries allow."""

LINK_CHARACTERS: Final = 8 * KIB
"""Longest `Link` that is looked at: a path, a tag and a number."""

# Time

CONNECT_S: Final = 10
"""Longest time for a connection to be made, TLS included."""

STALL_S: Final = 60
"""Longest time without one byte of progress, in an answer or in sending: networks recover in less."""

ANSWER_S: Final = 120
"""Longest time for an answer that is read as a whole, however steadily it drips."""

DISCARD_S: Final = 1
"""Longest time that is spent on a body that nobody wants, to keep its connection: a new one costs less."""

COMMIT_S: Final = 600
"""Longest time until a sent body is answered: a registry may hash or copy the whole of a large blob before."""

ATTEMPTS: Final = 5
"""How often a request is made before its failure is final; a transfer that gets on begins to count anew."""

BACKOFF_S: Final = 0.5
"""Longest pause after a first failure; it doubles with each that follows."""

BACKOFF_MAX_S: Final = 15
"""Longest pause that the client chooses itself."""

RETRY_AFTER_MAX_S: Final = 60
"""Longest pause that a registry's `Retry-After` is obeyed for; with a longer one the caller is told instead."""

# Transfers

SENT_BYTES: Final = 256 * KIB
"""Bytes that are sent at once. Each such piece must leave within `STALL_S`: at 4 KiB/s an upload still gets on."""

BLOCK_BYTES: Final = 1 * MIB
"""Bytes that are gathered before they are worth a hop to a thread: with less, the hop costs more than the hashing."""

INLINE_BYTES: Final = 64 * KIB
"""Most bytes that are hashed on the event loop: it takes 50 µs, no longer than a hop to a thread."""

PROGRESS_BYTES: Final = 1 * MIB
"""How far a transfer must get on for its failures to be counted anew: one byte a connection is no progress."""
