"""What each client is told, read as it reads it; tests/e2e/test_second_machine.py gives it to the real ones."""

import json
import tomllib
from collections.abc import Callable, Sequence

import pytest

from registry.client_files import containerd, docker, k3s, podman
from registry.client_files.target import ClientFile, ClientPair, PathUnreachable, Setup, Target
from registry.config.values import ExternalUrl

PAIR = ClientPair("the client's certificate", "the client's key")


def target(url: str, ca: str | None = None, client: ClientPair | None = None) -> Target:
    return Target(ExternalUrl.parse(url), ca, client)


PRIVATE = target("https://registry.example.com:5000", "the authority", PAIR)
PUBLIC = target("https://registry.example.com")
PLAIN = target("http://10.0.0.5:5000")
SIX = target("https://[fd00::5]:5000", "the authority")
BELOW_A_PATH = target("https://example.com/images", "the authority")

ALL: Sequence[Callable[[Sequence[Target]], Setup]] = [
    docker.setup,
    podman.setup,
    lambda targets: containerd.setup(targets, 1),
    lambda targets: containerd.setup(targets, 2),
    lambda targets: containerd.kubernetes_setup(targets, 2),
    k3s.setup,
]


def by_path(setup: Setup) -> dict[str, ClientFile]:
    return {str(file.path): file for file in setup.files}


@pytest.mark.parametrize("setup", ALL)
def test_who_trusts_the_certificate_anyway_needs_no_file(setup: Callable[[Sequence[Target]], Setup]) -> None:
    assert setup([PUBLIC]).files == ()


@pytest.mark.parametrize("setup", ALL)
@pytest.mark.parametrize("described", [PRIVATE, PLAIN, SIX])
def test_only_a_key_is_for_its_owner_alone(setup: Callable[[Sequence[Target]], Setup], described: Target) -> None:
    for file in setup([described]).files:
        assert file.path.is_absolute()
        assert file.mode == (0o600 if file.content == PAIR.key else 0o644)
        assert (PAIR.key in file.content) == (file.path.name == "client.key")


@pytest.mark.parametrize("setup", ALL)
def test_every_address_is_named(setup: Callable[[Sequence[Target]], Setup]) -> None:
    told = "\n".join(f"{file.path}\n{file.content}" for file in setup([PRIVATE, SIX, PLAIN]).files)

    for one in (PRIVATE, SIX, PLAIN):
        assert one.authority in told


@pytest.mark.parametrize(
    ("setup", "directory"), [(docker.setup, "/etc/docker/certs.d"), (podman.setup, "/etc/containers/certs.d")]
)
def test_docker_and_podman_find_certificates_by_host_and_port(
    setup: Callable[[Sequence[Target]], Setup], directory: str
) -> None:
    files = by_path(setup([PRIVATE, SIX]))

    assert {path: file.content for path, file in files.items()} == {
        f"{directory}/registry.example.com:5000/ca.crt": PRIVATE.ca,
        f"{directory}/registry.example.com:5000/client.cert": PAIR.certificate,
        f"{directory}/registry.example.com:5000/client.key": PAIR.key,
        f"{directory}/[fd00::5]:5000/ca.crt": SIX.ca,
    }


def test_docker_hears_of_all_plain_addresses_in_one_file_but_those_it_tries_by_itself() -> None:
    other = target("http://registry:80")
    here = [target(f"http://{host}:5000") for host in ("localhost", "127.0.0.2", "[::1]")]

    (file,) = docker.setup([PLAIN, other, *here]).files

    assert str(file.path) == "/etc/docker/daemon.json"
    assert file.is_shared
    assert json.loads(file.content) == {"insecure-registries": ["10.0.0.5:5000", "registry:80"]}


def test_podman_hears_of_each_plain_address_in_a_file_of_its_own() -> None:
    files = podman.setup([PLAIN, target("http://[fd00::5]:5000"), target("http://localhost:5000")]).files

    assert [file.path.name for file in files] == [
        "moorage-10.0.0.5-5000.conf",
        "moorage-fd00-5-5000.conf",
        "moorage-localhost-5000.conf",
    ]
    assert tomllib.loads(files[1].content) == {"registry": [{"location": "[fd00::5]:5000", "insecure": True}]}
    assert not any(file.is_shared for file in files)


def test_containerd_finds_certificates_and_scheme_in_hosts_toml() -> None:
    directory = "/etc/containerd/certs.d/registry.example.com:5000"
    files = by_path(containerd.setup([PRIVATE, PLAIN, BELOW_A_PATH], 2))

    told = tomllib.loads(files[f"{directory}/hosts.toml"].content)
    assert told["server"] == "https://registry.example.com:5000"
    assert set(told["capabilities"]) == {"pull", "resolve", "push"}
    assert files[told["ca"]].content == PRIVATE.ca
    ((certificate, key),) = told["client"]
    assert (files[certificate].content, files[key].content) == (PAIR.certificate, PAIR.key)
    plain = tomllib.loads(files["/etc/containerd/certs.d/10.0.0.5:5000/hosts.toml"].content)
    assert (plain["server"], "ca" in plain) == ("http://10.0.0.5:5000", False)
    below = tomllib.loads(files["/etc/containerd/certs.d/example.com/hosts.toml"].content)
    assert below["server"] == "https://example.com/images"


@pytest.mark.parametrize(("major", "version"), [(1, 2), (2, 3)])
def test_containerd_is_told_where_to_look_in_the_words_of_its_version(major: int, version: int) -> None:
    file = by_path(containerd.kubernetes_setup([PRIVATE], major))["/etc/containerd/config.toml"]

    told = tomllib.loads(file.content)
    (plugin,) = told["plugins"].values()
    assert told["version"] == version
    assert plugin == {"registry": {"config_path": "/etc/containerd/certs.d"}}
    assert file.is_shared


def test_k3s_reads_everything_in_one_file() -> None:
    files = by_path(k3s.setup([PRIVATE, PLAIN, BELOW_A_PATH, PUBLIC]))

    registries = files["/etc/rancher/k3s/registries.yaml"]
    assert registries.is_shared
    assert registries.content == (
        "mirrors:\n"
        '  "registry.example.com:5000":\n'
        "    endpoint:\n"
        '      - "https://registry.example.com:5000"\n'
        '  "10.0.0.5:5000":\n'
        "    endpoint:\n"
        '      - "http://10.0.0.5:5000"\n'
        '  "example.com":\n'
        "    endpoint:\n"
        '      - "https://example.com/images/v2"\n'
        "configs:\n"
        '  "registry.example.com:5000":\n'
        "    tls:\n"
        '      ca_file: "/etc/rancher/k3s/certs.d/registry.example.com:5000/ca.crt"\n'
        '      cert_file: "/etc/rancher/k3s/certs.d/registry.example.com:5000/client.cert"\n'
        '      key_file: "/etc/rancher/k3s/certs.d/registry.example.com:5000/client.key"\n'
        '  "example.com":\n'
        "    tls:\n"
        '      ca_file: "/etc/rancher/k3s/certs.d/example.com/ca.crt"\n'
    )
    assert len(files) == 5


@pytest.mark.parametrize("setup", [docker.setup, podman.setup])
def test_a_registry_below_a_path_is_refused_where_it_cannot_be_reached(
    setup: Callable[[Sequence[Target]], Setup],
) -> None:
    with pytest.raises(PathUnreachable, match=r"https://example\.com/images"):
        setup([PUBLIC, BELOW_A_PATH])
