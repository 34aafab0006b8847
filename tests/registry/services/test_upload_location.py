"""The state in an upload's Location: made here, for one upload, at one offset."""

from __future__ import annotations

import string
from dataclasses import replace

import msgspec
import pytest

from registry.auth.subject import OPERATOR
from registry.errors import UploadUnknown
from registry.services import upload_location, uploads
from registry.services.context import Services
from tests.registry.assembly import ON_SQLITE, OpenWorker, access_to
from tests.registry.uploading import body

pytestmark = ON_SQLITE

ACCESS = access_to("team/app")


async def test_a_state_names_the_offset_at_which_it_was_given_out(open_worker: OpenWorker) -> None:
    services = await open_worker()
    upload = await uploads.start(services, ACCESS, "sha256")
    early = upload_location.query_state(services, upload)
    late = upload_location.query_state(services, await uploads.append(services, ACCESS, upload.id, body(b"12345")))

    for worker in (services, await open_worker()):
        assert await upload_location.check_state(worker, ACCESS, upload.id, early) == 0
        assert await upload_location.check_state(worker, ACCESS, upload.id, late) == 5


async def test_a_state_needs_no_escaping_in_a_query(services: Services) -> None:
    upload = await uploads.start(services, ACCESS, "sha256")

    for offset in range(100):
        state = upload_location.query_state(services, msgspec.structs.replace(upload, offset=offset))
        assert set(state) <= set(string.ascii_letters + string.digits + "-_")


async def test_a_state_that_was_not_made_for_the_upload_is_refused(services: Services) -> None:
    upload = await uploads.start(services, ACCESS, "sha256")
    other = await uploads.start(services, ACCESS, "sha256")
    state = upload_location.query_state(services, upload)

    forgeries = [
        "",
        "A",
        "====",
        "ä",
        "\0",
        state[:-1],
        state + "A",
        state[:-2],
        ("B" if state[0] == "A" else "A") + state[1:],
        upload_location.query_state(services, other),
        upload_location.query_state(services, msgspec.structs.replace(upload, offset=9))[:11] + state[11:],
    ]
    for forged in forgeries:
        with pytest.raises(UploadUnknown):
            await upload_location.check_state(services, ACCESS, upload.id, forged)


async def test_a_state_is_good_in_its_own_repository_only(services: Services) -> None:
    upload = await uploads.start(services, ACCESS, "sha256")
    state = upload_location.query_state(services, upload)

    with pytest.raises(UploadUnknown):
        await upload_location.check_state(services, access_to("team/other"), upload.id, state)


async def test_a_state_is_good_for_who_began_the_session_only(services: Services) -> None:
    upload = await uploads.start(services, ACCESS, "sha256")
    state = upload_location.query_state(services, upload)

    with pytest.raises(UploadUnknown):
        await upload_location.check_state(services, replace(ACCESS, subject=OPERATOR), upload.id, state)


async def test_a_session_that_is_gone_can_be_claimed_by_nobody(services: Services) -> None:
    upload = await uploads.start(services, ACCESS, "sha256")
    state = upload_location.query_state(services, upload)
    assert (await upload_location.claimed(services, ACCESS.repository, upload.id, state)).id == upload.id
    await uploads.cancel(services, ACCESS, upload.id)

    with pytest.raises(UploadUnknown):
        await upload_location.claimed(services, ACCESS.repository, upload.id, state)
