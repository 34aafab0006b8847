"""Where a key stands in a TOML text."""

import pytest

from registry.config.toml_lines import line_of

TEXT = """\
top = 1
[server]  # a comment
  listen = "a = b"

'workers' = 2
[ storage . "filesystem" ]
root = "x"
[storage]
backend.kind = "y"
inline = { deep = 1 }
"""


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("top", 1),
        ("server.listen", 3),
        ("server.workers", 5),
        ("storage.filesystem.root", 7),
        ("storage.filesystem", 6),
        ("storage.backend.kind", 9),
        ("storage.inline.deep", 10),
        ("server.missing", 2),
        ("elsewhere", None),
    ],
)
def test_a_key_is_found_in_its_table_or_the_table_itself(name: str, line: int | None) -> None:
    assert line_of(TEXT, name) == line
