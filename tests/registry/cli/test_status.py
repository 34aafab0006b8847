import json

from tests.registry.cli.running import Run


def test_the_status_is_told_to_people_and_programs(registry: Run) -> None:
    shown, told = registry("status"), registry("status", "--json")

    assert shown.code == 0
    assert [line.split("\t")[0] for line in shown.out.splitlines()] == [
        "registry",
        "schema",
        "queue",
        "queue",
        "storage",
    ]
    document = json.loads(told.out)
    assert document["schema"]["revision"] == document["schema"]["program_revision"]
    assert document["installation"] in shown.out
    assert document["queues"] == {"unwritten_changes": 0, "oldest_unwritten_change": None, "uploads": 0}
    assert document["storage"] == {"blobs": 0, "bytes": 0}
