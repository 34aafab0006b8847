"""The values of single flags."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.cli.creation import environment, limits, modes, mounts, names, security, sizes
from runner.containers.settings import BIND, TMPFS, VOLUME, Device, Mount, Security, Ulimit
from runner.errors import RunnerError
from runner.network import files, publications

PARSERS: list[Callable[[str], object]] = [
    sizes.size, sizes.size_or_unlimited, sizes.nano_cpus, sizes.whole, mounts.volume, mounts.mount, mounts.tmpfs,
    limits.ulimit, limits.sysctl, limits.device, limits.processors, modes.network, modes.pid, modes.ipc, modes.uts,
    modes.cgroup, names.container, names.hostname, names.working_directory, names.stop_signal, security.capability,
    environment.label, lambda text: environment.variable(text, {}), publications.parse_exposed, files.parse_server,
    files.parse_word,
]  # fmt: skip


@given(text=st.text(max_size=20) | st.text("019-.,:=/kKmMiB container:rowz", max_size=20))
def test_no_text_makes_a_parser_fail(text: str) -> None:
    for parse in PARSERS:
        with suppress(ValueError, RunnerError):
            parse(text)


@given(number=st.integers(0, 2**30), unit=st.sampled_from(["", "b", "k", "kb", "KiB", "m", "M", "g", " GB"]))
def test_a_size_is_its_number_times_its_unit(number: int, unit: str) -> None:
    power = "bkmg".index((unit.strip().lower() or "b")[0])

    assert sizes.size(f"{number}{unit}") == number * 1024**power


@pytest.mark.parametrize(("text", "size"), [("1.5k", 1536), (".5m", 524288), ("0.1g", 107374182), ("2.", 2)])
def test_a_size_may_have_a_fraction(text: str, size: int) -> None:
    assert sizes.size(text) == size


@pytest.mark.parametrize(
    "text", ["", "-1", "1x", "1mm", "m", "1e3", "nan", "1 2", "1.2.3", "٣", "9999999p", "1ib", "."]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid size"):
        sizes.size(text)


def test_processors_are_counted_in_billionths() -> None:
    assert [sizes.nano_cpus(text) for text in ("1", "0.5", "1.000000001", ".25")] == [
        1_000_000_000, 500_000_000, 1_000_000_001, 250_000_000,
    ]  # fmt: skip
    for text in ("", "-1", "1.0000000001", "1/2", "x"):
        with pytest.raises(ValueError, match=r"precise|not a number"):
            sizes.nano_cpus(text)


@pytest.mark.parametrize(
    ("text", "mount"),
    [
        ("/data", Mount(VOLUME, "/data")),
        ("name:/data", Mount(VOLUME, "/data", "name")),
        ("name:/data:ro,nocopy", Mount(VOLUME, "/data", "name", read_only=True, copy=False)),
        ("/a:/b", Mount(BIND, "/b", "/a", create_source=True)),
        ("/a/../c//:/b/./d/../e/", Mount(BIND, "/b/e", "/c", create_source=True)),
        ("/a:/b:ro,rslave,Z", Mount(BIND, "/b", "/a", read_only=True, propagation="rslave", create_source=True)),
        ("/:/host:rw", Mount(BIND, "/host", "/", create_source=True)),
        ("/a:/../../etc", Mount(BIND, "/etc", "/a", create_source=True)),
    ],
)
def test_volumes_and_binds_are_told_apart_by_their_source(text: str, mount: Mount) -> None:
    assert mounts.volume(text) == mount


def test_a_source_that_begins_with_a_dot_is_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert mounts.volume("./x:/y").source == str(tmp_path / "x")
    assert mounts.mount("type=bind,src=..,dst=/y").source == str(tmp_path.parent)


@pytest.mark.parametrize(
    "text",
    [
        "", ":", "/a:", ":/b", "/a:/b:", "/a:/b:ro:x", "name:relative", "relative", "/", "/a:/", "/a:/..", "n:/b",
        "../../etc:relative", "na/me:/b", "na me:/b", "..:relative", "name:/b:rslave", "/a:/b:nocopy", "/a:/b:ro,rw",
        "/a:/b:what", "/a:/b:shared,slave", "/a:ro", "-name:/b", f"{'n' * 256}:/b",
    ],
)  # fmt: skip
def test_what_is_no_volume_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        mounts.volume(text)


@pytest.mark.parametrize(
    ("text", "mount"),
    [
        ("target=/data", Mount(VOLUME, "/data")),
        ("source=name,destination=/data,volume-nocopy", Mount(VOLUME, "/data", "name", copy=False)),
        ("type=bind,src=/a,dst=/b,readonly", Mount(BIND, "/b", "/a", read_only=True)),
        ("type=bind,src=/a,dst=/b,ro=false,bind-propagation=rshared", Mount(BIND, "/b", "/a", propagation="rshared")),
        ("type=bind,src=/a,dst=/b,bind-recursive=disabled", Mount(BIND, "/b", "/a", recursive=False)),
        ('type=bind,"src=/a,b",dst=/b', Mount(BIND, "/b", "/a,b")),
        ("type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770", Mount(TMPFS, "/t", options=("size=1048576", "mode=1770"))),
    ],
)
def test_mounts_are_written_in_fields(text: str, mount: Mount) -> None:
    assert mounts.mount(text) == mount


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("type=bind,src=/a", "target is required"),
        ("type=bind,dst=/b", "field Source must not be empty"),
        ("type=bind,src=a,dst=/b", "must be absolute"),
        ("type=,dst=/b", "type is required"),
        ("type=npipe,dst=/b", "mounts of type 'npipe' are not built"),
        ("dst=/b,what=x", "unexpected key 'what'"),
        ("dst=/b,volume-driver=x", "unexpected key 'volume-driver'"),
        ("type=tmpfs,dst=/b,volume-nocopy", "unexpected key 'volume-nocopy'|volume-nocopy"),
        ("dst", "must be a key=value pair"),
        ("type=tmpfs,src=x,dst=/b", "cannot specify source"),
        ("type=tmpfs,dst=/b,tmpfs-mode=9", "tmpfs-mode"),
        ("type=bind,src=/a,dst=/b,bind-propagation=x", "invalid propagation"),
        ("dst=/b,readonly=maybe", "expected true or false"),
        ('"dst=/b', "a quotation mark is not closed"),
    ],
)
def test_a_field_that_its_type_does_not_know_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        mounts.mount(text)


def test_a_tmpfs_takes_the_options_of_mount() -> None:
    assert mounts.tmpfs("/run:size=64k,exec,mode=1777") == Mount(
        TMPFS, "/run", options=("size=64k", "exec", "mode=1777")
    )
    for text in ("run", "/run:what", "/run:remount", "/run:size=", "/:exec"):
        with pytest.raises(ValueError, match=r"tmpfs option|mount path|destination"):
            mounts.tmpfs(text)


def test_a_variable_without_a_value_has_its_own_one() -> None:
    own = {"HOME": "/root", "EMPTY": ""}

    given = [environment.variable(text, own) for text in ("A=b=c", "HOME", "EMPTY", "NOWHERE", "B=")]

    assert given == ["A=b=c", "HOME=/root", "EMPTY=", "NOWHERE", "B="]


def test_a_file_of_variables_has_one_a_line(tmp_path: Path) -> None:
    file = tmp_path / "variables"
    file.write_bytes(b"\xef\xbb\xbfA=1\n# comment\n\n  B= two words \nHOME\nNOWHERE\r\nC=\r\n")

    found = environment.variables_of_file(str(file), {"HOME": "/root"})

    assert found == ["A=1", "B= two words ", "HOME=/root", "C="]


@pytest.mark.parametrize("content", [b"=x\n", b"A B=1\n", b"A =1\n", b"\xff=1\n", b"A=\x00\n"])
def test_a_file_with_a_line_that_is_no_variable_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "variables"
    file.write_bytes(content)

    with pytest.raises(ValueError, match=r"line|whitespaces"):
        environment.variables_of_file(str(file), {})


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No such file"):
        environment.variables_of_file(str(tmp_path / "none"), {})


def test_limits_have_one_number_or_two() -> None:
    given = [limits.ulimit(text) for text in ("nofile=10", "core=0:-1", "nproc=-1", "stack=1:2")]

    assert given == [Ulimit("nofile", 10, 10), Ulimit("core", 0, -1), Ulimit("nproc", -1, -1), Ulimit("stack", 1, 2)]
    for text in ("nofile", "files=1", "nofile=", "nofile=3:2", "nofile=-1:5", "nofile=x", "nofile=-2", "nofile=1:2:3"):
        with pytest.raises(ValueError, match=r"ulimit|number"):
            limits.ulimit(text)


def test_only_settings_of_the_containers_own_namespaces_are_taken() -> None:
    assert limits.sysctl("net.ipv4.ip_forward=1") == ("net.ipv4.ip_forward", "1")
    assert limits.sysctl("kernel.shmmax=") == ("kernel.shmmax", "")
    for text in ("net.x", "kernel.panic=1", "vm.swappiness=1", "net.../../kernel/panic=1", "net.=1", "net.a b=1"):
        with pytest.raises(ValueError, match="is not allowed"):
            limits.sysctl(text)


def test_a_device_has_its_place_and_its_permissions() -> None:
    given = [limits.device(text) for text in ("/dev/null", "/dev/sda:/dev/xvda", "/dev/sda:r", "/dev/sda:/dev/b:rw")]

    assert given == [
        Device("/dev/null", "/dev/null", "rwm"),
        Device("/dev/sda", "/dev/xvda", "rwm"),
        Device("/dev/sda", "/dev/sda", "r"),
        Device("/dev/sda", "/dev/b", "rw"),
    ]
    for text in ("", "null", "/dev/null:null", "/dev/null:/dev/x:rx", "/dev/null:/dev/x:rr", "vendor.com/class=all"):
        with pytest.raises(ValueError, match=r"device|mode|absolute"):
            limits.device(text)


def test_processors_are_listed_as_the_kernel_does() -> None:
    assert limits.processors("0-3,7") == "0-3,7"
    for text in ("x", "3-1", "1,", "1--2", "99999", "٣"):
        with pytest.raises(ValueError, match=r"list|backwards"):
            limits.processors(text)


def test_capabilities_are_named_with_or_without_their_beginning() -> None:
    assert [security.capability(text) for text in ("chown", "CAP_NET_RAW", "all", "Cap_Bpf")] == [
        "CAP_CHOWN", "CAP_NET_RAW", "ALL", "CAP_BPF",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="invalid capability"):
        security.capability("everything")


def test_options_of_security_change_what_is_usual(tmp_path: Path) -> None:
    profile = tmp_path / "profile.json"
    profile.write_text('{"defaultAction": "SCMP_ACT_ALLOW"}')
    made = Security()

    for text in (
        "no-new-privileges",
        "systempaths=unconfined",
        f"seccomp={profile}",
        "label=disable",
        "apparmor:unconfined",
    ):
        made = security.apply(made, text)

    assert made == Security(no_new_privileges=True, unmasked=True, seccomp='{"defaultAction": "SCMP_ACT_ALLOW"}')
    assert security.apply(made, "no-new-privileges=false").no_new_privileges is False
    assert security.apply(made, "seccomp=builtin").seccomp is None
    assert security.apply(made, "seccomp=unconfined").seccomp == "unconfined"


@pytest.mark.parametrize("content", [None, "", "[]", "{", "\udcff"])
def test_a_profile_that_is_none_is_refused(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "profile.json"
    if content is not None:
        file.write_bytes(content.encode("utf-8", "surrogateescape"))

    with pytest.raises(ValueError, match="seccomp profile"):
        security.apply(Security(), f"seccomp={file}")


@pytest.mark.parametrize("text", ["", "what", "apparmor=strict", "label=type:x", "seccomp=", "no-new-privileges=maybe"])
def test_an_option_of_security_that_is_not_built_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not built|invalid --security-opt"):
        security.apply(Security(), text)


@pytest.mark.parametrize("text", ["", "-a", "a b", "a\nb", "a..b", "x" * 65, "b#c", "-"])
def test_a_name_that_would_spoil_the_hosts_file_is_no_hostname(text: str) -> None:
    with pytest.raises(ValueError, match="invalid hostname"):
        names.hostname(text)


@pytest.mark.parametrize("text", ["a", "../x", "a/b", ".a", "a b", "", "x" * 201])
def test_a_name_that_would_be_another_directory_is_no_containers(text: str) -> None:
    with pytest.raises(ValueError, match="Invalid container name"):
        names.container(text)


def test_signals_are_named_or_numbered() -> None:
    assert [names.stop_signal(text) for text in ("SIGTERM", "quit", "9", "RTMIN+3")] == [
        "SIGTERM",
        "quit",
        "9",
        "RTMIN+3",
    ]
    with pytest.raises(ValueError, match="Invalid signal"):
        names.stop_signal("SIGNOTHING")


def test_namespaces_have_dockers_words() -> None:
    assert [modes.network(text) for text in ("default", "host", "none", "container:x")] == [
        "bridge", "host", "none", "container:x",
    ]  # fmt: skip
    assert [modes.pid(""), modes.pid("host"), modes.ipc("none"), modes.ipc("shareable")] == [
        "private", "host", "none", "shareable",
    ]  # fmt: skip
    assert [modes.uts("host"), modes.cgroup(""), modes.cgroup("private")] == ["host", None, "private"]
    for parse, text in ((modes.network, "mine"), (modes.pid, "x"), (modes.ipc, "container:"), (modes.uts, "none")):
        with pytest.raises(ValueError, match=r"mode|network"):
            parse(text)
