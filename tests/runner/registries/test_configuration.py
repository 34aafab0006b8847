from pathlib import Path

import pytest

from oci_spec.image_name import ImageName
from runner.registries import configuration
from runner.registries.configuration import Mirror, Registries, Registry
from runner.registries.endpoints import Endpoint, candidates, is_loopback, to_pull, to_push
from runner.registries.errors import ConfigurationInvalid, RegistryBlocked

WHOLE = """
unqualified-search-registries = ["quay.example", "docker.io"]

[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "mirror.example:5000/hub"
insecure = true
[[registry.mirror]]
location = "digests.example"
pull-from-mirror = "digest-only"

[[registry]]
location = "plain.example:5000"
insecure = true

[[registry]]
prefix = "old.example/team"
location = "new.example/other/team"

[[registry]]
location = "bad.example"
blocked = true
"""

DIGEST = "@sha256:" + "a" * 64


@pytest.fixture
def registries(tmp_path: Path) -> Registries:
    (tmp_path / "registries.conf").write_text(WHOLE)
    return configuration.read({"HOME": "/nonexistent"}, tmp_path)


def pulled_from(registries: Registries, text: str, *, tls_verify: bool | None = None) -> list[str]:
    return [
        f"{'insecure ' if each.insecure else ''}{each.address} {each.repository}"
        for each in to_pull(ImageName.parse(text), registries, tls_verify=tls_verify)
    ]


def test_nothing_said_is_https_at_the_registry_of_the_name() -> None:
    nothing = Registries()

    assert pulled_from(nothing, "alpine") == ["registry-1.docker.io library/alpine"]
    assert pulled_from(nothing, "a.example:5000/x/y") == ["a.example:5000 x/y"]
    assert pulled_from(nothing, "a.example/x", tls_verify=False) == ["insecure a.example x"]


def test_plain_http_is_for_loopback_addresses_unless_it_is_forbidden() -> None:
    for host in ("localhost:5000", "127.0.0.1:5000", "127.1.2.3", "[::1]:5000"):
        assert pulled_from(Registries(), f"{host}/x") == [f"insecure {host} x"]
        assert pulled_from(Registries(), f"{host}/x", tls_verify=True) == [f"{host} x"]
    assert not any(map(is_loopback, ("localhost.example", "10.0.0.1", "128.0.0.1:5000", "[::2]", "127.0.0.1.nip.io")))


def test_mirrors_are_asked_first_and_each_as_it_is_configured(registries: Registries) -> None:
    assert pulled_from(registries, "alpine") == [
        "insecure mirror.example:5000 hub/library/alpine",
        "registry-1.docker.io library/alpine",
    ]
    assert pulled_from(registries, "alpine" + DIGEST) == [
        "insecure mirror.example:5000 hub/library/alpine",
        "digests.example library/alpine",
        "registry-1.docker.io library/alpine",
    ]
    assert pulled_from(registries, "plain.example:5000/x") == ["insecure plain.example:5000 x"]
    assert pulled_from(registries, "plain.example:5000/x", tls_verify=True) == ["plain.example:5000 x"]


def test_a_prefix_is_moved_at_the_borders_of_components_only(registries: Registries) -> None:
    assert pulled_from(registries, "old.example/team/app") == ["new.example other/team/app"]
    assert pulled_from(registries, "old.example/teams/app") == ["old.example teams/app"]


def test_a_push_goes_to_no_mirror(registries: Registries) -> None:
    assert to_push(ImageName.parse("alpine"), registries).address == "registry-1.docker.io"
    assert to_push(ImageName.parse("localhost/x"), registries) == Endpoint(
        "localhost", ImageName.parse("localhost/x").repository, insecure=True
    )


def test_a_blocked_registry_is_not_spoken_to(registries: Registries) -> None:
    for ask in (to_pull, to_push):
        with pytest.raises(RegistryBlocked):
            ask(ImageName.parse("bad.example/x"), registries)


def test_names_without_a_registry_are_looked_for_where_the_configuration_says(registries: Registries) -> None:
    assert list(map(str, candidates("alpine:3", registries))) == [
        "quay.example/alpine:3",
        "docker.io/library/alpine:3",
    ]
    assert list(map(str, candidates("a.example/alpine", registries))) == ["a.example/alpine"]
    assert list(map(str, candidates("alpine", Registries()))) == ["docker.io/library/alpine"]


def test_the_users_file_takes_the_place_of_the_systems_and_drop_ins_add_to_both(tmp_path: Path) -> None:
    system, own = tmp_path / "etc", tmp_path / "home/.config/containers"
    for folder in (system, own):
        (folder / "registries.conf.d").mkdir(parents=True)
    (system / "registries.conf").write_text('[[registry]]\nlocation = "system.example"\n')
    (own / "registries.conf").write_text('[[registry]]\nlocation = "own.example"\n')
    (system / "registries.conf.d/1.conf").write_text('[[registry]]\nlocation = "drop.example"\ninsecure = true\n')
    (own / "registries.conf.d/2.conf").write_text('unqualified-search-registries = ["a.example"]\n')

    found = configuration.read({"HOME": str(tmp_path / "home")}, system)

    assert found == Registries(
        (Registry("own.example", "own.example"), Registry("drop.example", "drop.example", insecure=True)),
        ("a.example",),
    )
    assert configuration.read({"HOME": "/nonexistent"}, tmp_path / "nowhere") == Registries()
    chosen = {"CONTAINERS_REGISTRIES_CONF": str(system / "registries.conf")}
    assert configuration.read(chosen, system).registries == (Registry("system.example", "system.example"),)


def test_a_wildcard_covers_the_hosts_below_it() -> None:
    registry = Registry("*.example.com", "", insecure=True)

    assert registry.covers(ImageName.parse("a.example.com:5000/x"))
    assert not registry.covers(ImageName.parse("example.com/x"))
    assert pulled_from(Registries((registry,)), "a.example.com/x") == ["insecure a.example.com x"]


def test_where_mirrors_may_serve() -> None:
    mirrors = tuple(Mirror(f"{kind}.example", pull_from=kind) for kind in ("all", "digest-only", "tag-only"))
    registries = Registries((Registry("a.example", "a.example", mirrors=mirrors),))

    assert [each.split(".")[0] for each in pulled_from(registries, "a.example/x:1")] == ["all", "tag-only", "a"]
    assert [each.split(".")[0] for each in pulled_from(registries, "a.example/x" + DIGEST)] == [
        "all",
        "digest-only",
        "a",
    ]


@pytest.mark.parametrize(
    "content",
    [
        "[[registry]]",
        "[[registry]]\ninsecure = true",
        "registry = 7",
        "[[registry]]\nlocation = 7",
        '[[registry]]\nlocation = "a"\n[[registry.mirror]]\ninsecure = true',
        '[[registry]]\nlocation = "a"\n[[registry.mirror]]\nlocation = "b"\npull-from-mirror = "x"',
        "unqualified-search-registries = 7",
        "[registries.search]\nregistries = ['a']",
        "nonsense",
        "#" * 2_000_000,
    ],
    ids=lambda text: text[-30:],
)
def test_a_file_that_cannot_be_understood_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "registries.conf").write_text(content)

    with pytest.raises(ConfigurationInvalid, match=r"registries\.conf"):
        configuration.read({"HOME": "/nonexistent"}, tmp_path)
