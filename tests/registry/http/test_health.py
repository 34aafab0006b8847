import shutil
from pathlib import Path

import pytest

from registry.config.schema import Metrics, Server
from registry.config.values import SocketAddress
from tests.registry.http.serving import Client, Serve

SOMEWHERE_ELSE = SocketAddress("127.0.0.1", 9)


async def test_a_process_that_answers_is_healthy(client: Client) -> None:
    answer = await client.get("/healthz")

    assert (answer.status, answer.document) == (200, {"status": "ok"})
    assert answer.headers["Cache-Control"] == "no-store"


async def test_a_process_with_database_and_storage_is_ready(client: Client) -> None:
    answer = await client.get("/readyz")

    assert (answer.status, answer.document) == (200, {"database": "ok", "storage": "ok"})


async def test_a_process_without_its_storage_is_not_ready_but_healthy(client: Client, storage_root: Path) -> None:
    moved = storage_root.with_name("moved")
    storage_root.rename(moved)
    try:
        ready, healthy = await client.get("/readyz"), await client.get("/healthz")
    finally:
        if storage_root.exists():
            shutil.rmtree(storage_root)
        moved.rename(storage_root)

    assert ready.status == 503
    assert ready.document["database"] == "ok"
    assert ready.document["storage"] != "ok"
    assert healthy.status == 200


async def test_a_process_that_is_about_to_stop_is_not_ready_and_still_serves(client: Client) -> None:
    client.environment.lifecycle.draining = True

    ready, served = await client.get("/readyz"), await client.get("/v2/")

    assert (ready.status, ready.document["process"]) == (503, "shutting down")
    assert served.status == 200


async def test_metrics_count_requests_and_bytes_by_resource(client: Client) -> None:
    digest = await client.push_blob("team/app", b"0123456789")
    await client.get(f"/v2/team/app/blobs/{digest}")
    await client.get("/nowhere")

    text = (await client.get("/metrics")).body.decode()

    assert 'registry_http_requests_total{code="201",handler="blob_upload",method="post"} 1.0' in text
    assert 'registry_http_requests_total{code="200",handler="blob",method="get"} 1.0' in text
    assert 'registry_http_requests_total{code="404",handler="other",method="get"} 1.0' in text
    assert 'moorage_http_received_bytes_total{handler="blob_upload"} 10.0' in text
    assert 'moorage_http_sent_bytes_total{handler="blob"} 10.0' in text
    assert 'registry_http_in_flight_requests{handler="metrics"} 1.0' in text
    assert 'registry_http_in_flight_requests{handler="blob"} 0.0' in text


async def test_metrics_come_in_the_format_that_is_asked_for(client: Client) -> None:
    plain = await client.get("/metrics")
    openmetrics = await client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})

    assert plain.headers["Content-Type"].startswith("text/plain")
    assert openmetrics.headers["Content-Type"].startswith("application/openmetrics-text")


@pytest.mark.parametrize(
    "tables",
    [
        {"metrics": Metrics(listen=SOMEWHERE_ELSE)},
        {"server": Server(listen=SocketAddress("0.0.0.0", 5000))},
    ],
)
async def test_metrics_are_not_beside_the_registry_where_others_could_see_them(
    serve: Serve, tables: dict[str, object]
) -> None:
    client = await serve(tables=tables)

    assert (await client.get("/metrics")).status == 404
