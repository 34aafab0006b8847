from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.images.changes import Config, apply
from runner.images.errors import ChangeInvalid

APPLIED: dict[str, Config] = {
    'CMD ["a", "b c"]': {"Cmd": ["a", "b c"]},
    "CMD echo $HOME": {"Cmd": ["/bin/sh", "-c", "echo $HOME"]},
    'entrypoint ["/init"]': {"Entrypoint": ["/init"]},
    "ENV A=1 B='two words'": {"Env": ["A=1", "B=two words"]},
    "ENV A  one two": {"Env": ["A=one two"]},
    "EXPOSE 80 53/udp 8000-8001": {"ExposedPorts": {"80/tcp": {}, "53/udp": {}, "8000/tcp": {}, "8001/tcp": {}}},
    'LABEL a=b "c d"="e f"': {"Labels": {"a": "b", "c d": "e f"}},
    "USER 1000:1000": {"User": "1000:1000"},
    "WORKDIR /srv": {"WorkingDir": "/srv"},
    "WORKDIR srv": {"WorkingDir": "/srv"},
    'VOLUME ["/a", "/b c"]': {"Volumes": {"/a": {}, "/b c": {}}},
    "VOLUME /a /b": {"Volumes": {"/a": {}, "/b": {}}},
    "STOPSIGNAL SIGINT": {"StopSignal": "SIGINT"},
}


@pytest.mark.parametrize(("text", "config"), APPLIED.items())
def test_a_line_changes_the_configuration_as_docker_would(text: str, config: Config) -> None:
    changed: Config = {}

    apply(changed, text)

    assert changed == config


def test_later_lines_add_to_earlier_ones_or_take_their_place() -> None:
    config: Config = {}
    for line in ("ENV A=1 B=2", "ENV A=3", "EXPOSE 1", "EXPOSE 2", "LABEL a=1", "LABEL b=2", "CMD x", "CMD y",
                 "WORKDIR /a", "WORKDIR b"):  # fmt: skip
        apply(config, line)

    assert config == {
        "Env": ["A=3", "B=2"],
        "ExposedPorts": {"1/tcp": {}, "2/tcp": {}},
        "Labels": {"a": "1", "b": "2"},
        "Cmd": ["/bin/sh", "-c", "y"],
        "WorkingDir": "/a/b",
    }


@pytest.mark.parametrize(
    "text",
    ["", "CMD", "RUN x", "FROM x", "COPY a b", "CMD [", 'CMD ["a", 1]', "ENV A", "ENV A=1 B", "EXPOSE x", "EXPOSE 0",
     "EXPOSE 80/x", "EXPOSE 9-8", "EXPOSE 70000", "LABEL 'a=b", "ENV =x y=z"],
)  # fmt: skip
def test_what_changes_no_configuration_is_refused(text: str) -> None:
    with pytest.raises(ChangeInvalid):
        apply({}, text)


@given(st.sampled_from(sorted(APPLIED)), st.text(max_size=20))
def test_malformed_lines_raise_only_their_own_error(line: str, text: str) -> None:
    with suppress(ChangeInvalid):
        apply({}, line.partition(" ")[0] + " " + text)
