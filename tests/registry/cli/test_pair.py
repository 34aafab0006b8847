from pathlib import Path

from tests.registry.app.processes import running, starting
from tests.registry.cli.running import Run


def test_a_registry_with_another_storage_does_not_start_until_that_is_said_to_be_meant(
    tmp_path: Path, run: Run
) -> None:
    data, other = tmp_path / "data", f"storage.filesystem.root={tmp_path / 'other'}"
    with running(data, "server.workers=1"):
        pass

    with starting(data, "server.workers=1", other) as refused:
        assert refused.ended() == 1
    told = run("gc", "--data", str(data), "--set", other)
    paired = run("pair", "--data", str(data), "--set", other, "--yes")

    assert "the storage to none: name, or mount, the storage of that one" in "".join(refused.said)
    assert (told.code, told.out) == (1, "")
    assert "the storage to none" in told.err
    assert paired.out.startswith("database and storage belong to installation ")
    with running(data, "server.workers=1", other):
        pass
