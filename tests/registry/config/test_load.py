"""The configuration's sources, their order, and everything that can be wrong with them."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.config import ConfigInvalid, ignored_variables, load, resolve
from registry.config.keys import from_toml, keys
from registry.config.values import SocketAddress


def written(folder: Path, text: str) -> Path:
    file = folder / "config.toml"
    file.write_text(text)
    return file


def problems(
    file: Path | None = None, environment: dict[str, str] | None = None, flags: dict[str, str] | None = None
) -> list[str]:
    with pytest.raises(ConfigInvalid) as caught:
        load(file, environment=environment or {}, flags=flags)
    return str(caught.value).splitlines()


def test_without_any_source_every_key_has_its_default() -> None:
    config = load(environment={})

    assert config.server.listen == SocketAddress("127.0.0.1", 5000)
    assert config.auth.mode == "none"
    assert config.manifests.sparse == "refuse"
    assert config.database.migrate_at_start


def test_a_flag_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, "[server]\nworkers = 1\ngrace_period_s = 1\ndrain_delay_s = 1\n")
    environment = {"REGISTRY_SERVER__WORKERS": "2", "REGISTRY_SERVER__GRACE_PERIOD_S": "2"}

    config = load(file, environment=environment, flags={"server.workers": "3"})

    assert (config.server.workers, config.server.grace_period_s, config.server.drain_delay_s) == (3, 2, 1)


def test_resolving_tells_where_each_value_was_read(tmp_path: Path) -> None:
    file = written(tmp_path, "[server]\n\nworkers = 1\n[log]\nlevel = 'debug'\n")

    origins = resolve(file, environment={"REGISTRY_LOG__LEVEL": "error"}, flags={"server.data": "x"}).origins

    assert origins == {
        "server.workers": f"{file}:3",
        "log.level": "REGISTRY_LOG__LEVEL",
        "server.data": "command line",
    }


def test_the_data_folder_gives_blobs_and_database_their_place(tmp_path: Path) -> None:
    config = load(environment={}, flags={"server.data": str(tmp_path / "here")})

    assert config.storage.filesystem.root == tmp_path / "here" / "storage"
    assert str(config.database.url) == f"sqlite:///{tmp_path}/here/registry.db"
    assert config.database.url.sqlite_file == tmp_path / "here" / "registry.db"


def test_a_place_that_is_set_does_not_move_with_the_data_folder(tmp_path: Path) -> None:
    environment = {"REGISTRY_STORAGE__FILESYSTEM__ROOT": "/blobs", "REGISTRY_DATABASE__URL": "postgresql://u:p@h/d"}

    config = load(environment=environment, flags={"server.data": str(tmp_path)})

    assert config.storage.filesystem.root == Path("/blobs")
    assert str(config.database.url) == "postgresql://u:p@h/d"


def test_relative_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    config = load(environment={"REGISTRY_DATABASE__URL": "sqlite:///meta.db"}, flags={"server.data": "d"})

    assert config.server.data == tmp_path / "d"
    assert config.database.url.sqlite_file == tmp_path / "meta.db"


def test_a_list_from_the_environment_is_separated_by_commas() -> None:
    config = load(environment={"REGISTRY_SERVER__TRUSTED_PROXIES": "10.0.0.0/8, ::1"})

    assert [str(network) for network in config.server.trusted_proxies] == ["10.0.0.0/8", "::1/128"]
    assert "10.1.2.3" in config.server.trusted_proxies[0]


def test_an_optional_key_is_empty_where_it_is_not_set(tmp_path: Path) -> None:
    file = written(tmp_path, '[metrics]\nlisten = "127.0.0.1:9000"\n[tls]\ncertificate = ""\n')

    config = load(file, environment={"REGISTRY_METRICS__LISTEN": ""})

    assert config.metrics.listen is None
    assert config.tls.certificate is None


def test_all_that_is_wrong_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        '[server]\nlistn = "a"\nworkers = "two"\n\n'
        '[srver]\nx = 1\n\n[manifests]\nsparse = "alow"\n[tls]\nexpire_s = 1\n',
    )

    found = problems(file, {"REGISTRY_LOG__LEVELS": "info"}, {"uploads.expire_s": "1"})

    assert found == [
        f"{file}:2: server.listn: no such key; did you mean `server.listen`?",
        f'{file}:3: server.workers: Expected an integer from 0 to 1024, got `"two"`',
        f"{file}:5: srver: no such table; did you mean `server`?",
        f'{file}:9: manifests.sparse: Expected `"refuse"` or `"allow"`, got `"alow"`; did you mean `allow`?',
        f"{file}:11: tls.expire_s: no such key; did you mean `uploads.expire_s`?",
        "REGISTRY_LOG__LEVELS: no such key; did you mean `REGISTRY_LOG__LEVEL`?",
        'command line: uploads.expire_s: Expected an integer from 60 to 31536000, got `"1"`',
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[server]\nworkers = true\n", "Expected an integer"),
        ("[server]\nworkers = '1'\n", "Expected an integer"),
        ("[server]\nlisten = 5000\n", "Expected `host:port`"),
        ("[server]\nlisten = '5000'\n", "Expected `host:port`"),
        ("[server]\nlisten = ':5000'\n", "every interface"),
        ("[server]\nlisten = '::1:5000'\n", "in brackets"),
        ("[server]\nlisten = '127.0.0.1:65536'\n", "Expected `host:port`"),
        ("[server]\ndata = ''\n", "Expected a path"),
        ("[server]\ngrace_period_s = nan\n", "Expected a number"),
        ("[server]\ngrace_period_s = -1\n", "Expected a number"),
        ("[server]\nexternal_url = 'registry.example.com'\n", "Expected a URL"),
        ("[server]\nexternal_url = 'https://registry.example.com:port'\n", "port"),
        ("[server]\nexternal_url = 'https://registry.example.com/a b'\n", "Expected a URL"),
        ("[server]\nexternal_url = 'https://u:p@registry.example.com'\n", "without credentials"),
        ("[server]\ntrusted_proxies = '10.0.0.0/8'\n", "Expected a list"),
        ("[server]\ntrusted_proxies = ['10.0.0.1/8']\n", "Expected a network"),
        ("[database]\nmigrate_at_start = 1\n", "Expected `true` or `false`"),
        ("[database]\nurl = 'mysql://h/d'\n", "Expected `sqlite"),
        ("[storage]\nbackend = 'swift'\n", 'Expected `"filesystem"` or `"s3"`'),
        ("[storage.s3]\nprefix = '/registry'\n", "single `/`"),
        ("[storage.s3]\nprefix = 'a//b'\n", "single `/`"),
        ("[storage.s3]\nsecret_access_key = 5\n", "Expected a text"),
        ("[storage.s3]\npart_bytes = 5000000\n", "an integer from 5242880"),
        ("[storage.filesystem.root]\nx = 1\n", "Expected a path"),
        ("server = 5\n", "Expected a table"),
        ("[[server]]\nworkers = 1\n", "Expected a table"),
        ("listen = '127.0.0.1:1'\n", "no such key"),
        ("[server\n", "is not TOML"),
    ],
)
def test_an_ill_typed_value_is_refused_with_what_was_expected(tmp_path: Path, text: str, reason: str) -> None:
    (found,) = problems(written(tmp_path, text))

    assert reason in found
    assert str(tmp_path / "config.toml") in found


def test_a_file_that_is_missing_or_no_text_is_one_problem(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xff")

    assert problems(tmp_path / "none.toml") == [f"{tmp_path}/none.toml: cannot be read: No such file or directory"]
    assert problems(tmp_path / "config.toml") == [f"{tmp_path}/config.toml: is not UTF-8"]


@pytest.mark.parametrize("listen", ["0.0.0.0:5000", "[::]:5000", "192.0.2.1:5000", "registry.example.com:5000"])
def test_listening_to_others_without_authentication_is_refused_naming_both_ways_out(listen: str) -> None:
    (found,) = problems(flags={"server.listen": listen})

    assert 'auth.mode = "token"' in found
    assert "auth.allow_open = true" in found


@pytest.mark.parametrize("listen", ["127.0.0.1:5000", "127.8.9.10:5000", "[::1]:5000", "localhost:5000"])
def test_listening_on_loopback_needs_no_permission(listen: str) -> None:
    assert str(load(environment={}, flags={"server.listen": listen}).server.listen) == listen


def test_listening_to_others_is_possible_where_it_is_meant() -> None:
    config = load(environment={"REGISTRY_AUTH__ALLOW_OPEN": "true"}, flags={"server.listen": "0.0.0.0:80"})

    assert config.auth.allow_open
    assert not config.metrics_on_main_listener


def test_metrics_are_beside_the_registry_only_on_loopback_and_without_an_address_of_their_own() -> None:
    assert load(environment={}).metrics_on_main_listener
    assert not load(environment={}, flags={"metrics.listen": "127.0.0.1:9000"}).metrics_on_main_listener
    assert "metrics.listen" in problems(flags={"metrics.listen": "127.0.0.1:5000"})[0]


def test_certificate_and_key_belong_together_and_have_to_be_readable(tmp_path: Path) -> None:
    file = tmp_path / "tls.pem"
    file.touch()

    assert "tls.key" in problems(flags={"tls.certificate": str(file)})[0]
    assert "tls.certificate" in problems(flags={"tls.key": str(file)})[0]
    assert "tls.client_ca" in problems(flags={"tls.client_ca": str(file)})[0]
    assert "cannot be read" in problems(flags={"tls.certificate": str(file), "tls.key": str(tmp_path / "none")})[0]
    assert load(environment={}, flags={"tls.certificate": str(file), "tls.key": str(file)}).tls.key == file


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://u:secret@h/d\n")

    config = load(environment={"REGISTRY_DATABASE__URL_FILE": str(tmp_path / "url")})

    assert str(config.database.url) == "postgresql://u:secret@h/d"


def test_a_secret_is_set_once_and_only_secrets_are_read_from_files(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://u:secret@h/d\n")
    both = {"REGISTRY_DATABASE__URL_FILE": str(tmp_path / "url"), "REGISTRY_DATABASE__URL": "sqlite:////x"}

    assert "set one of them" in problems(environment=both)[0]
    assert "cannot be read" in problems(environment={"REGISTRY_DATABASE__URL_FILE": str(tmp_path / "none")})[0]
    assert "no such key" in problems(environment={"REGISTRY_SERVER__WORKERS_FILE": str(tmp_path / "url")})[0]


@pytest.mark.parametrize(
    "url", ["postgres://u:hunter2@h/d", "postgresql://u:hunter2/x@h/d", "postgresql://u:hunter2@h"]
)
def test_a_refused_secret_is_not_repeated(url: str) -> None:
    (found,) = problems(environment={"REGISTRY_DATABASE__URL": url})

    assert "hunter2" not in found


_TOML_VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.floats(), st.text(), st.datetimes()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=5,
)


@given(name=st.sampled_from(sorted(keys())), value=_TOML_VALUES)
def test_no_value_of_toml_breaks_the_reader(name: str, value: object) -> None:
    with contextlib.suppress(ValueError):
        from_toml(keys()[name], value)


@given(name=st.sampled_from(sorted(keys())), text=st.text())
def test_no_text_breaks_the_reader(name: str, text: str) -> None:
    with contextlib.suppress(ConfigInvalid):
        load(environment={}, flags={name: text})


@given(text=st.one_of(st.text(), st.text("[]=.\"'#{}\n serverlistn12", max_size=60)))
def test_no_file_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_text(text, errors="surrogatepass")

    with contextlib.suppress(ConfigInvalid):
        load(file, environment={})


def test_variables_of_other_programs_are_ignored_and_named() -> None:
    environment = {
        "REGISTRY_HTTP_ADDR": ":5000",
        "REGISTRY_PORT": "tcp://10.0.0.1",
        "REGISTRY_AUTH_FILE": "/home/alice/auth.json",
        "PATH": "/",
        "REGISTRY_LOG__LEVEL": "info",
    }

    load(environment=environment)

    assert ignored_variables(environment) == ("REGISTRY_HTTP_ADDR", "REGISTRY_PORT")
