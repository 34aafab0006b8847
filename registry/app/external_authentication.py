"""`auth.mode = "external"`: another token server proves who asks; imported in this mode only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus

from registry import limits
from registry.app.refusals import LoginSourceUnusable
from registry.auth.external import ExternalTokens
from registry.auth.kept_keys import KeptKeys, file_content, read_file
from registry.auth.rules import RulesPolicy
from registry.auth.trusted_keys import TrustedKeys
from registry.config import Config
from registry.config.schema import External
from registry.egress.contract import Egress, Question
from registry.errors import OutgoingAnswerInvalid, TrustedKeysInvalid
from registry.http.external_authentication import ExternalAuthentication
from registry.services.context import Services


def check_keys(external: External) -> None:
    """Return when the file of keys, if they come from one, can be used at this moment.

    Raises:
        LoginSourceUnusable: it cannot.
    """
    name = "certificates" if external.jwks_file is None else "jwks_file"
    path = external.jwks_file or external.certificates
    if path is None:
        return
    try:
        _parser(external)(file_content(path))
    except TrustedKeysInvalid as error:
        raise LoginSourceUnusable(f"auth.external.{name}", str(error)) from error


@asynccontextmanager
async def open_external_authentication(config: Config, services: Services) -> AsyncIterator[ExternalAuthentication]:
    """What proves who asks, until the block ends."""
    policy, external = services.policy, config.auth.external
    assert isinstance(policy, RulesPolicy), "the policy of this mode"
    reads_file = external.jwks_url is None
    fresh_s = limits.TRUSTED_KEYS_FILE_FRESH_S if reads_file else limits.TRUSTED_KEYS_FRESH_S
    keys = KeptKeys(_reader(external, services.egress), _parser(external), fresh_s=fresh_s)
    try:
        service = str(config.auth.service)
        tokens = ExternalTokens(keys, issuer=str(config.auth.issuer), service=service)
        yield ExternalAuthentication(tokens, policy, realm=str(external.realm), service=service)
    finally:
        await keys.close()


def _reader(external: External, egress: Egress) -> Callable[[], Awaitable[bytes]]:
    if external.jwks_url is not None:
        return partial(_fetched, egress, str(external.jwks_url))
    path = external.jwks_file or external.certificates
    assert path is not None, "the configuration was checked"
    return partial(read_file, path)


def _parser(external: External) -> Callable[[bytes], TrustedKeys]:
    if external.certificates is not None:
        return partial(TrustedKeys.of_certificates, place=str(external.certificates))
    return partial(TrustedKeys.of_key_set_text, place=str(external.jwks_url or external.jwks_file))


async def _fetched(egress: Egress, url: str) -> bytes:
    question = Question(url=url, headers={"Accept": "application/json"}, answer_bytes=limits.TRUSTED_KEYS_BYTES)
    answer = await egress.ask(question)
    if answer.status != HTTPStatus.OK:
        raise OutgoingAnswerInvalid(f"{url} answers {answer.status}")
    return answer.body
