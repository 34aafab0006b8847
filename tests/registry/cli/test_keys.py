"""`registry keys`, on a real database that no server has open."""

import json
from pathlib import Path

from tests.registry.cli.running import Run


def test_a_rotated_key_is_listed_until_old_ones_are_refused(registry: Run) -> None:
    first = json.loads(registry("keys", "rotate", "--json").out)
    second = registry("keys", "rotate")
    listed = [line.split("\t") for line in registry("keys", "list").out.splitlines()]
    third = registry("keys", "rotate", "--refuse-old")
    left = json.loads(registry("keys", "list", "--json").out)["keys"]

    assert first["old_keys"] == "verify"
    assert second.out.endswith(" signs from now on; older keys verify until their last tokens have expired\n")
    assert [(row[0], row[1]) for row in listed] == [(second.out.split()[0], "ES256"), (first["key_id"], "ES256")]
    assert listed[0][3] == "signs"
    assert listed[1][3].startswith("verifies until 2")
    assert third.out.endswith(" signs from now on; tokens of older keys are refused\n")
    assert [(key["key_id"], key["verifies_until"]) for key in left] == [(third.out.split()[0], None)]


def test_new_keys_are_sealed_by_the_key_file_and_of_the_configured_algorithm(registry: Run, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(bytes(range(32)))
    sealed = ("--set", f"auth.key_file={tmp_path / 'key'}", "--set", "auth.algorithm=EdDSA")

    registry("keys", "rotate", *sealed)

    assert registry("keys", "list", *sealed).out.split("\t")[1] == "EdDSA"
    assert registry("keys", "list").out.split("\t")[1] == "-"


def test_a_key_file_that_cannot_be_used_is_named(registry: Run, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"short")

    missing = registry("keys", "list", "--set", f"auth.key_file={tmp_path / 'none'}")
    short = registry("keys", "list", "--set", f"auth.key_file={tmp_path / 'key'}")

    assert (missing.code, short.code) == (1, 1)
    assert f"auth.key_file: {tmp_path / 'none'} cannot be read" in missing.err
    assert f"auth.key_file: {tmp_path / 'key'}: holds 5 bytes, not 32 random ones" in short.err
