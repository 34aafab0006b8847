"""The example file and the documentation say what the code does."""

import tomllib
from pathlib import Path

from registry.config import load, reference, rendering
from registry.config.keys import keys

ROOT = Path(__file__).parents[3]


def test_the_example_file_is_what_the_schema_says() -> None:
    assert (ROOT / "config.example.toml").read_text() == reference.example(), (
        "renew it: python -m registry.config.reference example > config.example.toml"
    )


def test_the_example_file_with_its_comments_removed_sets_every_key_to_its_default(tmp_path: Path) -> None:
    lines = reference.example().splitlines()
    file = tmp_path / "config.toml"
    file.write_text("\n".join(line.removeprefix("#") for line in lines if not line.startswith("# ")))

    config = load(file, environment={})

    assert rendering.to_tree(config) == rendering.to_tree(load(environment={}))
    assert tomllib.loads(file.read_text()).keys() == {name.partition(".")[0] for name in keys()}


def test_the_example_file_can_be_used_as_it_is() -> None:
    assert load(ROOT / "config.example.toml", environment={}) == load(environment={})


def test_the_documentation_names_every_key_with_default_and_unit() -> None:
    assert reference.tables() in (ROOT / "docs" / "configuration.md").read_text(), (
        "put the output of `python -m registry.config.reference tables` there"
    )


def test_every_duration_and_size_names_its_unit() -> None:
    assert {key.unit for key in keys().values() if key.name.endswith("_s")} == {"seconds"}
    assert {key.unit for key in keys().values() if key.name.endswith("_bytes")} == {"bytes"}
