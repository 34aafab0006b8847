import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.bundles.errors import CommandMissing, ImageUnusable
from runner.bundles.image_defaults import ImageDefaults, read_defaults
from runner.bundles.merging import join_variables, merge
from runner.containers.settings import VOLUME, Mount, Network, Settings
from runner.network.publications import Publication

IMAGE = ImageDefaults(
    command=("-l",),
    entrypoint=("ls",),
    environment=("PATH=/image", "A=1"),
    exposed_ports=("80/tcp", "53/udp"),
    labels={"by": "image", "kept": "yes"},
    user="nobody",
    working_directory="/srv",
    volumes=("/data",),
    stop_signal="SIGQUIT",
)


def merged(image: ImageDefaults = IMAGE, **asked: object) -> Settings:
    return merge(Settings("alpine", **asked), image)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("entrypoint", "command", "program"),
    [
        (None, None, ("ls", "-l")),
        (None, ("-a",), ("ls", "-a")),
        (("cat",), None, ("cat",)),
        (("cat",), ("x",), ("cat", "x")),
        ((), ("true",), ("true",)),
    ],
)
def test_the_users_words_replace_the_images(
    entrypoint: tuple[str, ...] | None, command: tuple[str, ...] | None, program: tuple[str, ...]
) -> None:
    settings = merged(entrypoint=entrypoint, command=command)

    assert (settings.entrypoint or ()) + (settings.command or ()) == program


def test_a_container_without_a_program_is_refused() -> None:
    with pytest.raises(CommandMissing):
        merged(entrypoint=())
    with pytest.raises(CommandMissing):
        merged(ImageDefaults())


def test_what_the_user_does_not_say_the_image_says() -> None:
    settings = merged()

    assert settings.environment == ("PATH=/image", "A=1")
    assert (settings.user, settings.working_directory, settings.stop_signal) == ("nobody", "/srv", "SIGQUIT")
    assert settings.mounts == (Mount(VOLUME, "/data"),)
    assert settings.network.exposed_ports == ("80/tcp", "53/udp")
    assert settings.labels == {"by": "image", "kept": "yes"}


def test_what_the_user_says_counts() -> None:
    mount = Mount(VOLUME, "/data", "mine")

    settings = merged(
        environment=("A=2", "PATH"), user="root", working_directory="/", stop_signal="9", mounts=(mount,),
        labels={"by": "user"},
    )  # fmt: skip

    assert settings.environment == ("A=2",)
    assert (settings.user, settings.working_directory, settings.stop_signal) == ("root", "/", "9")
    assert settings.mounts == (mount,)
    assert settings.labels == {"by": "user", "kept": "yes"}


def test_all_exposed_ports_that_are_not_published_get_any() -> None:
    own = Publication(80, first=8080, last=8080)

    network = merged(network=Network(publications=(own,), publish_all=True, exposed_ports=("9/sctp",))).network

    assert network.publications == (own, Publication(53, first=0, last=0, protocol="udp"))
    assert network.exposed_ports == ("9/sctp", "80/tcp", "53/udp")


def test_a_published_port_is_an_exposed_one() -> None:
    network = merged(ImageDefaults(command=("x",)), network=Network(publications=(Publication(1, first=2, last=2),)))

    assert network.network.exposed_ports == ("1/tcp",)


@pytest.mark.parametrize("path", ["data", "/", "/..", "/proc", "/proc/self", "//sys/./fs", "/a/../proc/1"])
def test_an_image_that_wants_a_volume_where_none_can_be_is_refused(path: str) -> None:
    with pytest.raises(ImageUnusable, match="no place for a volume"):
        merged(IMAGE._replace(volumes=(path,)))


def test_a_volume_of_the_image_stays_in_the_container_however_it_is_written() -> None:
    assert merged(IMAGE._replace(volumes=("/../../etc/./x/",))).mounts == (Mount(VOLUME, "/etc/x"),)


@pytest.mark.parametrize(
    "image",
    [
        IMAGE._replace(stop_signal="SIGNOTHING"),
        IMAGE._replace(exposed_ports=("what",)),
        IMAGE._replace(exposed_ports=("1-65535",)),
    ],
)
def test_an_image_that_asks_for_what_cannot_be_is_refused(image: ImageDefaults) -> None:
    with pytest.raises(ImageUnusable) as caught:
        merged(image)

    assert str(caught.value).isprintable()


def test_a_relative_working_directory_of_the_image_is_taken_from_the_root() -> None:
    assert merged(IMAGE._replace(working_directory="app/../x")).working_directory == "/x"


NAMES = st.sampled_from(["A", "B", "C"])
LISTS = st.lists(st.builds(lambda name, value: f"{name}={value}", NAMES, st.text(max_size=3)) | NAMES, max_size=6)


@given(first=LISTS, then=LISTS)
def test_of_several_variables_of_one_name_the_last_counts(first: list[str], then: list[str]) -> None:
    joined = join_variables(first, then)

    names = [text.partition("=")[0] for text in joined]
    assert len(names) == len(set(names))
    for name in names:
        given = [text for text in first + then if text.partition("=")[0] == name]
        assert given[-1] in joined
    for name in {"A", "B", "C"} - set(names):
        given = [text for text in first + then if text.partition("=")[0] == name]
        assert not given or given[-1] == name


def test_a_configuration_is_read_as_images_have_it() -> None:
    run = {
        "Cmd": ["-l"], "Entrypoint": ["ls"], "Env": ["PATH=/image", "A=1"],
        "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
        "Labels": {"by": "image", "kept": "yes"}, "User": "nobody", "WorkingDir": "/srv", "Volumes": {"/data": {}},
        "StopSignal": "SIGQUIT", "Healthcheck": {"Test": ["CMD"]},
    }  # fmt: skip

    assert read_defaults(json.dumps({"architecture": "amd64", "config": run}).encode()) == IMAGE
    assert read_defaults(b"{}") == read_defaults(b'{"config": null}') == ImageDefaults()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"\xff", b'{"config": []}', b'{"config": {"Cmd": "ls"}}', b'{"config": {"Cmd": ["a\\u0000"]}}',
        b'{"config": {"Env": ["A"]}}', b'{"config": {"Env": ["=x"]}}', b'{"config": {"Labels": {"a": 1}}}',
        b'{"config": {"User": 1}}', b'{"config": {"User": "a\\u0000"}}', b'{"config": {"Volumes": ["/a"]}}',
    ],
)  # fmt: skip
def test_a_configuration_that_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(ImageUnusable):
        read_defaults(content)
