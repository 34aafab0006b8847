from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oci_spec.descriptor import Platform
from oci_spec.digest import Digest
from oci_spec.errors import ImageConfigInvalid
from oci_spec.image_config import HistoryEntry, ImageConfig, parse_image_config
from tests.oci_spec.documents import DIGEST, OTHER_DIGEST, encoded
from tests.oci_spec.strategies import json_values

FULL = {
    "created": "2024-02-03T04:05:06.123456789+01:00",
    "author": "Ada",
    "architecture": "arm64",
    "variant": "v8",
    "os": "linux",
    "os.version": "1",
    "os.features": ["a"],
    "config": {
        "User": "1000:1000",
        "ExposedPorts": {"8080/tcp": {}, "53/udp": {}},
        "Env": ["PATH=/bin", "EMPTY="],
        "Entrypoint": ["/bin/app"],
        "Cmd": ["--help"],
        "Volumes": {"/data": {}},
        "WorkingDir": "/srv",
        "Labels": {"org.opencontainers.image.title": "app"},
        "StopSignal": "SIGINT",
    },
    "rootfs": {"type": "layers", "diff_ids": [DIGEST, OTHER_DIGEST]},
    "history": [
        {"created": "2024-02-03T03:05:06Z", "created_by": "COPY . /", "comment": "two\nlines"},
        {"created_by": "CMD", "empty_layer": True},
    ],
    "docker_version": "20.10",
}

EMPTY = ImageConfig(
    platform=Platform("", ""),
    created=None,
    author=None,
    command=(),
    entrypoint=(),
    env=(),
    exposed_ports=(),
    labels={},
    user=None,
    working_dir=None,
    volumes=(),
    stop_signal=None,
    diff_ids=(),
    history=(),
)


def test_a_configuration_says_how_to_run_an_image_and_how_it_was_built() -> None:
    config = parse_image_config(encoded(FULL))

    assert config == ImageConfig(
        platform=Platform("linux", "arm64", "v8", "1", ("a",)),
        created=datetime(2024, 2, 3, 3, 5, 6, 123456, tzinfo=UTC),
        author="Ada",
        command=("--help",),
        entrypoint=("/bin/app",),
        env=("PATH=/bin", "EMPTY="),
        exposed_ports=("8080/tcp", "53/udp"),
        labels={"org.opencontainers.image.title": "app"},
        user="1000:1000",
        working_dir="/srv",
        volumes=("/data",),
        stop_signal="SIGINT",
        diff_ids=(Digest.parse(DIGEST), Digest.parse(OTHER_DIGEST)),
        history=(
            HistoryEntry(datetime(2024, 2, 3, 3, 5, 6, tzinfo=UTC), "COPY . /", "two\nlines", empty_layer=False),
            HistoryEntry(None, "CMD", None, empty_layer=True),
        ),
    )
    assert config.created is not None
    assert config.created.tzinfo is UTC
    assert isinstance(hash(config), int)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"config": None, "rootfs": None, "history": None},
        {"config": {}, "rootfs": {}, "history": []},
        {"config": {"Cmd": None, "Entrypoint": None, "Env": None, "Volumes": None, "Labels": None, "User": ""}},
    ],
)
def test_everything_may_be_left_out_or_null(document: dict[str, object]) -> None:
    assert parse_image_config(encoded(document)) == EMPTY


def test_a_build_without_a_time_is_dated_at_the_beginning_of_the_calendar() -> None:
    config = parse_image_config(encoded({"created": "0001-01-01T00:00:00Z"}))

    assert config.created == datetime(1, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"created": "yesterday"}, "created"),
        ({"created": "2024-02-03T04:05:06"}, "created"),
        ({"created": "0001-01-01T00:00:00+05:00"}, "created"),
        ({"created": 7}, "created"),
        ({"os": 7}, "os"),
        ({"config": []}, "config"),
        ({"config": {"Cmd": "sh"}}, "config.Cmd"),
        ({"config": {"Env": [7]}}, "config.Env"),
        ({"config": {"ExposedPorts": ["80"]}}, "config.ExposedPorts"),
        ({"config": {"Labels": {"a": 7}}}, "config.Labels"),
        ({"rootfs": {"diff_ids": ["sha256:short"]}}, "rootfs.diff_ids"),
        ({"history": [{"empty_layer": 1}]}, "history[0].empty_layer"),
        ({"history": [None]}, "history[0]"),
    ],
)
def test_an_ill_typed_field_is_refused_by_its_place(document: dict[str, object], place: str) -> None:
    with pytest.raises(ImageConfigInvalid) as refusal:
        parse_image_config(encoded(document))

    assert refusal.value.reason.startswith(f"{place}: ")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff", b'{"os": "a", "os": "b"}', b'{"a": NaN}'])
def test_what_is_not_one_strict_json_object_is_refused(content: bytes) -> None:
    with pytest.raises(ImageConfigInvalid):
        parse_image_config(content)


def attempt(content: bytes) -> ImageConfig | None:
    try:
        return parse_image_config(content)
    except ImageConfigInvalid:
        return None


@given(st.binary())
def test_arbitrary_bytes_raise_only_the_parsers_own_error(content: bytes) -> None:
    attempt(content)


@given(st.dictionaries(st.sampled_from(sorted(FULL)), json_values(), max_size=4))
def test_arbitrary_fields_raise_only_the_parsers_own_error(changes: dict[str, object]) -> None:
    attempt(encoded(FULL | changes))


@given(st.dictionaries(st.sampled_from(["Cmd", "Env", "User", "Labels", "Volumes"]), json_values(), max_size=2))
def test_arbitrary_run_fields_raise_only_the_parsers_own_error(changes: dict[str, object]) -> None:
    config = attempt(encoded({"config": changes}))

    assert config is None or all(isinstance(argument, str) for argument in config.command + config.env)
