"""The published keys of tokens."""

import subprocess
import sys

import jwt

from registry.services.context import Services
from tests.registry.http.serving import Client


async def test_the_published_keys_are_those_that_verify(client: Client, http_services: Services) -> None:
    old = await http_services.database.write(http_services.signing_keys.replace)
    new = await http_services.database.write(http_services.signing_keys.replace)

    answer = await client.get("/.well-known/jwks.json")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/jwk-set+json"
    assert answer.headers["Cache-Control"] == "public, max-age=60"
    assert [key.key_id for key in jwt.PyJWKSet.from_dict(answer.document).keys] == [new, old]
    assert all(key.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"} for key in answer.document["keys"])


async def test_where_no_token_was_made_there_are_no_keys_and_none_is_made(
    client: Client, http_services: Services
) -> None:
    answer = await client.get("/.well-known/jwks.json")

    assert (answer.status, answer.document) == (200, {"keys": []})
    assert await http_services.signing_keys.states() == []


def test_serving_without_accounts_loads_no_library_of_signatures() -> None:
    loaded = "import sys, registry.app.worker; print({'jwt', 'cryptography', 'argon2'} & set(sys.modules))"

    run = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)

    assert run.stdout == "set()\n"
