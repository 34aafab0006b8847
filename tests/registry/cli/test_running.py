"""What stands around a command's work."""

import shutil
from pathlib import Path

import pytest
from click import ClickException

from registry.cli.running import with_services
from registry.config import load
from registry.observability.logging import logger
from registry.services.context import Services


async def warn(services: Services) -> None:
    logger(__name__).warning("a part was slow", part="storage")


def test_what_is_logged_does_not_mix_with_what_was_asked_for(
    tmp_path: Path, migrated_sqlite_file: Path, capfd: pytest.CaptureFixture[str], restored_logging: None
) -> None:
    shutil.copyfile(migrated_sqlite_file, tmp_path / "registry.db")

    with_services(load(environment={}, flags={"server.data": str(tmp_path)}), warn)

    captured = capfd.readouterr()
    assert captured.out == ""
    assert "a part was slow" in captured.err


def test_a_place_without_a_registry_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClickException) as raised:
        with_services(load(environment={}, flags={"server.data": str(tmp_path)}), warn)

    assert raised.value.message.startswith(f"there is no registry in sqlite:///{tmp_path}/registry.db: --data or")
    assert not list(tmp_path.iterdir())
