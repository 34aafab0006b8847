"""The example file and the documentation's tables, written from the schema.

`python -m registry.config.reference example > config.example.toml` renews the one,
`python -m registry.config.reference tables` prints the other; tests hold both against what is committed.
"""

import sys
import textwrap

import msgspec

from registry.config.keys import Key
from registry.config.rendering import keys_by_table, toml_literal
from registry.config.schema import Config
from registry.config.takes_effect import TakesEffect

_HEAD = """\
# The configuration of `registry`: every key, with its default, its unit and what it means.
#
# Each key can also be given as an environment variable (REGISTRY_<TABLE>__<KEY>, with two underscores before the key)
# or as a flag (--set table.key=value). A flag wins over the environment, the environment over this file. Paths are
# relative to the folder in which the registry is started. An optional key is empty ("") where it is not set.
# What changes here is taken up at SIGHUP; what is marked [restart] is read at the start only.
"""


def example() -> str:
    """The text of `config.example.toml`: every key as a comment, so that the file can be used as it is."""
    blocks = [_HEAD]
    for table, members in keys_by_table().items():
        blocks.append(f"\n# {meaning(table)}\n[{table}]\n")
        blocks += [_commented(key) for key in members]
    return "".join(blocks)


def tables() -> str:
    """The tables of the documentation, one per table of the configuration."""
    blocks = []
    for table, members in keys_by_table().items():
        rows = [
            f"| `{key.name}` | `{toml_literal(key.default)}` | {key.unit} | {_cell(key.expected)} "
            f"| {_cell(key.description)} | {key.takes_effect.value} |"
            for key in members
        ]
        head = ["| key | default | unit | values | meaning | change |", "|---|---|---|---|---|---|"]
        blocks.append("\n".join([f"### `[{table}]`", "", meaning(table), "", *head, *rows]))
    return "\n\n".join(blocks) + "\n"


def meaning(table: str) -> str:
    """What a table of the configuration is about."""
    kind: type = Config
    for part in table.split("."):
        kind = next(field.type for field in msgspec.structs.fields(kind) if field.name == part)
    assert kind.__doc__ is not None
    return kind.__doc__


def _commented(key: Key) -> str:
    unit = f" ({key.unit})" if key.unit else ""
    mark = " [restart]" if key.takes_effect is TakesEffect.RESTART else ""
    text = f"{key.description} Expected: {key.expected.replace('`', '')}{unit}.{mark}"
    lines = textwrap.wrap(text, 117, initial_indent="# ", subsequent_indent="# ", break_long_words=False)
    return "\n".join(lines) + f"\n#{key.name.rpartition('.')[2]} = {toml_literal(key.default)}\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(example() if sys.argv[1:] == ["example"] else tables())
