"""What the configuration says to the store."""

from __future__ import annotations

import pytest

from registry.app.stores import s3_settings
from registry.config import load

S3 = {"storage.backend": "s3", "storage.s3.bucket": "registry"}


@pytest.mark.parametrize(
    ("flags", "leads"),
    [
        ({}, True),
        ({"endpoint": "https://s3.example.org"}, True),
        ({"endpoint": "https://8.8.8.8:9000"}, True),
        ({"endpoint": "http://s3.example.org"}, False),
        ({"endpoint": "https://10.0.0.7:9000"}, False),
        ({"endpoint": "https://[::1]:9000"}, False),
        ({"endpoint": "https://minio:9000"}, False),
        ({"endpoint": "https://minio.storage.internal"}, False),
        ({"endpoint": "https://minio:9000", "cdn_url": "https://cdn.example.org"}, True),
        ({"endpoint": "http://127.0.0.1:9000", "redirect": "on"}, True),
        ({"redirect": "off"}, False),
    ],
)
def test_clients_are_led_to_s3_where_they_most_likely_reach_it(flags: dict[str, str], leads: bool) -> None:
    config = load(environment={}, flags=S3 | {f"storage.s3.{name}": value for name, value in flags.items()})

    assert (s3_settings(config.storage.s3).redirect_lifetime_s is not None) is leads
