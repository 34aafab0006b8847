"""Keys of `[storage.s3]` that contradict each other, or need one another."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.app.stores import s3_settings
from registry.config import ConfigInvalid, load

S3 = {"storage.backend": "s3", "storage.s3.bucket": "registry"}
KEY = {"storage.s3.access_key_id": "AKIA"}
SECRET = {"storage.s3.secret_access_key": "correct horse"}


def problems(flags: dict[str, str]) -> list[str]:
    try:
        load(environment={}, flags=flags)
    except ConfigInvalid as error:
        return [f"{problem.key}: {problem.reason}" for problem in error.problems]
    return []


@pytest.mark.parametrize(
    "flags",
    [
        S3,
        S3 | KEY | SECRET,
        S3 | {"storage.s3.server_side_encryption": "aws:kms", "storage.s3.kms_key_id": "alias/registry"},
        S3 | {"storage.s3.checksum": "crc64nvme", "storage.s3.ca_bundle": "/dev/null"},
        # What stands ready for a move to S3 is nobody's mistake.
        KEY,
    ],
)
def test_what_goes_together_is_taken(flags: dict[str, str]) -> None:
    assert problems(flags) == []


@pytest.mark.parametrize(
    ("flags", "key", "reason"),
    [
        ({"storage.backend": "s3"}, "storage.s3.bucket", "is missing"),
        (S3 | KEY, "storage.s3.secret_access_key", "is missing beside"),
        (S3 | SECRET, "storage.s3.access_key_id", "is missing beside"),
        (S3 | {"storage.s3.ca_bundle": "/none"}, "storage.s3.ca_bundle", "cannot be read"),
        (S3 | {"storage.s3.kms_key_id": "alias/registry"}, "storage.s3.kms_key_id", "aws:kms"),
        (
            S3 | {"storage.s3.part_bytes": "33554432", "storage.s3.buffer_bytes": "16777216"},
            "storage.s3.buffer_bytes",
            "is less than",
        ),
    ],
)
def test_what_contradicts_itself_is_told_with_its_key(flags: dict[str, str], key: str, reason: str) -> None:
    (found,) = problems(flags)

    assert found.startswith(f"{key}: ")
    assert reason in found


def test_the_secret_is_read_from_its_file_and_shown_by_nobody(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("correct horse\n")

    config = load(environment={"REGISTRY_STORAGE__S3__SECRET_ACCESS_KEY_FILE": str(file)}, flags=S3 | KEY)
    settings = s3_settings(config.storage.s3)

    assert settings.secret_access_key == "correct horse"
    assert "horse" not in repr(settings)
    assert "horse" not in repr(config)
