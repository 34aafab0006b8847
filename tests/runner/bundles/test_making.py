import json
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.bundles import capabilities
from runner.bundles.errors import (
    DeviceUnusable,
    MountSourceMissing,
    NamespaceUnreachable,
    ProcessorsMissing,
    SeccompUnusable,
)
from runner.bundles.image_defaults import ImageDefaults
from runner.bundles.making import Bundle, make
from runner.bundles.merging import merge
from runner.bundles.process import further_process
from runner.bundles.program import Program
from runner.cgroups.hierarchies import Host
from runner.cgroups.resource_parsing import parse_resources
from runner.cli.errors import UsageError
from runner.containers.settings import (
    BIND,
    TMPFS,
    VOLUME,
    Device,
    Mount,
    Namespaces,
    Network,
    Resources,
    Security,
    Settings,
    Ulimit,
)
from runner.network import publications
from runner.oci.spec.config_parsing import parse_config, parse_process_text
from runner.seccomp.profile import SeccompProfile
from tests.runner.bundles.hosts import HOST, ID, opened, place
from tests.runner.cli.creation import asking

Document = dict[str, Any]
USUAL = Settings("alpine", command=("true",), working_directory="/")


def bundle(home: Path, settings: Settings = USUAL, facts: Any = HOST, **more: object) -> Bundle:
    with place(home, **more) as where:
        made = make(settings, where, facts)
    # Whatever it is, a runtime must be able to read it.
    document: Document = json.loads(json.dumps(made.document))
    config = parse_config(json.dumps(document), str(home))
    parse_resources(config.linux.resources)
    if config.linux.seccomp is not None:
        SeccompProfile.parse(config.linux.seccomp)
    return made


def document(home: Path, settings: Settings = USUAL, **more: object) -> Document:
    made: Document = dict(bundle(home, settings, **more).document)
    return made


def mounts(home: Path, *own: Mount, **more: object) -> dict[str, Document]:
    found = document(home, USUAL._replace(mounts=own), **more)["mounts"]
    return {mount["destination"]: mount for mount in found}


def test_a_container_has_what_docker_gives_it(tmp_path: Path) -> None:
    made = document(tmp_path)

    assert made["hostname"] == ID[:12]
    assert made["process"]["env"] == [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", f"HOSTNAME={ID[:12]}",
    ]  # fmt: skip
    assert made["process"]["user"] == {"uid": 0, "gid": 0, "additionalGids": [0]}
    assert [mount["destination"] for mount in made["mounts"]] == [
        "/proc", "/dev", "/dev/pts", "/sys", "/sys/fs/cgroup", "/dev/mqueue", "/dev/shm",
    ]  # fmt: skip
    assert {each["type"] for each in made["linux"]["namespaces"]} == {"pid", "ipc", "network", "uts", "cgroup", "mount"}
    assert made["linux"]["cgroupsPath"] == f"/moorage/{ID}"
    assert {*made["process"]["capabilities"]["bounding"]} == {*capabilities.USUAL}
    assert "inheritable" not in made["process"]["capabilities"]
    assert "ambient" not in made["process"]["capabilities"]
    assert made["linux"]["resources"] == {"devices": [{"allow": False, "access": "rwm"}]}
    assert made["linux"]["sysctl"]["net.ipv4.ip_unprivileged_port_start"] == "0"
    assert "seccomp" in made["linux"]


def test_an_image_steers_nothing_of_the_hosts(tmp_path: Path) -> None:
    """CVE-2026-53488: by its labels."""
    settings = USUAL._replace(labels={"org.criu.config": "/x", "io.kubernetes.cri.hooks": "x", "run.oci.hooks": "x"})

    made = document(tmp_path, settings)

    assert "annotations" not in made
    assert "hooks" not in made
    assert "org.criu" not in json.dumps(made)


def test_variables_of_the_container_come_after_the_usual_ones(tmp_path: Path) -> None:
    made = document(tmp_path, USUAL._replace(environment=("PATH=/x", "A=1"), terminal=True, hostname="box"))

    assert made["process"]["env"] == ["PATH=/x", "HOSTNAME=box", "TERM=xterm", "A=1"]
    assert made["hostname"] == "box"


def test_files_of_the_runner_are_mounted_unless_the_user_has_some(tmp_path: Path) -> None:
    own = Mount(BIND, "/etc/hosts", str(tmp_path))

    found = mounts(tmp_path, own, hosts="/r/hosts", hostname="/r/hostname", resolv_conf="/r/resolv")

    assert found["/etc/hosts"]["source"] == str(tmp_path)
    assert found["/etc/hostname"]["source"] == "/r/hostname"
    assert found["/etc/resolv.conf"]["options"] == ["bind", "rprivate"]


def test_files_of_the_runner_lie_in_a_volume_at_their_directory(tmp_path: Path) -> None:
    own = (Mount(BIND, "/etc", str(tmp_path)), Mount(BIND, "/etc/a/b", str(tmp_path)))

    found = mounts(tmp_path, *own, hosts="/r/hosts", hostname="/r/hostname", resolv_conf="/r/resolv")

    assert [*found][-5:] == ["/etc", "/etc/resolv.conf", "/etc/hostname", "/etc/hosts", "/etc/a/b"]


def test_ports_that_the_hosts_network_cannot_publish_are_a_warning(tmp_path: Path) -> None:
    published = Network("host", publications=tuple(publications.parse("80:80")))

    assert bundle(tmp_path, USUAL._replace(network=published)).warnings == (
        "Published ports are discarded when using host network mode",
    )
    assert bundle(tmp_path, USUAL._replace(network=Network("host"))).warnings == ()


def test_mounts_lie_in_each_other_in_their_order(tmp_path: Path) -> None:
    source = str(tmp_path)
    own = (Mount(BIND, "/a/b/c", source), Mount(TMPFS, "/a"), Mount(VOLUME, "/a/b", "v"))

    found = mounts(tmp_path, *own, volumes={"/a/b": "/volumes/v"})

    assert [*found][-3:] == ["/a", "/a/b", "/a/b/c"]
    assert found["/a/b"] == {
        "destination": "/a/b", "type": "bind", "source": "/volumes/v", "options": ["rbind", "rprivate"],
    }  # fmt: skip
    assert found["/a"]["options"] == ["noexec", "nosuid", "nodev"]


def test_a_bind_is_as_it_is_asked_for(tmp_path: Path) -> None:
    source = str(tmp_path)
    own = (
        Mount(BIND, "/a", source, read_only=True),
        Mount(BIND, "/b", source, propagation="rslave"),
        Mount(BIND, "/c", source, recursive=False),
        Mount(TMPFS, "/d", options=("exec", "size=1m")),
    )

    found = mounts(tmp_path, *own)

    assert [found[path]["options"] for path in ("/a", "/b", "/c")] == [
        ["rbind", "rprivate", "ro", "rro"], ["rbind", "rslave"], ["bind", "rprivate"],
    ]  # fmt: skip
    assert found["/d"]["options"] == ["noexec", "nosuid", "nodev", "exec", "size=1m"]
    assert document(tmp_path, USUAL._replace(mounts=own))["linux"]["rootfsPropagation"] == "slave"


def test_the_hosts_devices_hide_none_of_the_containers(tmp_path: Path) -> None:
    found = mounts(tmp_path, Mount(BIND, "/dev", "/dev"))

    assert {path for path in found if path.startswith("/dev")} == {"/dev"}


def test_a_missing_source_is_made_for_v_and_refused_for_mount(tmp_path: Path) -> None:
    missing = tmp_path / "not" / "there"

    with pytest.raises(MountSourceMissing):
        mounts(tmp_path, Mount(BIND, "/a", str(missing)))
    mounts(tmp_path, Mount(BIND, "/a", str(missing), create_source=True))

    assert missing.is_dir()


def test_shared_memory_is_as_large_as_asked_for(tmp_path: Path) -> None:
    def shm(**namespaces: str) -> Document | None:
        settings = USUAL._replace(shm_size=4096, namespaces=Namespaces(**namespaces))
        found = {
            each["destination"]: each for each in document(tmp_path, settings, joined={"container:x": 9})["mounts"]
        }
        return found.get("/dev/shm")

    private, host = shm(), shm(ipc="host")
    assert private is not None
    assert host is not None
    assert "size=4096" in private["options"]
    assert host["source"] == "/dev/shm"
    assert shm(ipc="none") is None


def test_namespaces_are_the_containers_the_hosts_or_anothers(tmp_path: Path) -> None:
    settings = USUAL._replace(
        namespaces=Namespaces(pid="host", ipc="container:x", uts="host", cgroup="host"),
        network=Network(mode="container:x"),
    )

    made = document(tmp_path, settings, joined={"container:x": 42})

    assert {each["type"]: each.get("path") for each in made["linux"]["namespaces"]} == {
        "ipc": "/proc/42/ns/ipc", "network": "/proc/42/ns/net", "mount": None,
    }  # fmt: skip
    assert "hostname" not in made
    assert "sysctl" not in made["linux"]
    with pytest.raises(NamespaceUnreachable):
        document(tmp_path, settings)


def test_with_the_hosts_network_the_name_is_the_hosts(tmp_path: Path) -> None:
    made = document(tmp_path, USUAL._replace(network=Network(mode="host")))

    assert made["hostname"] == "machine"
    assert "network" not in {each["type"] for each in made["linux"]["namespaces"]}


def test_a_privileged_container_sees_all(tmp_path: Path) -> None:
    made = document(tmp_path, USUAL._replace(security=Security(privileged=True)))

    assert not {"seccomp", "maskedPaths", "readonlyPaths"} & made["linux"].keys()
    assert len(made["process"]["capabilities"]["effective"]) == len(HOST.capabilities)
    assert made["linux"]["resources"]["devices"] == [{"allow": True, "access": "rwm"}]
    sys = next(mount for mount in made["mounts"] if mount["destination"] == "/sys")
    assert "ro" not in sys["options"]
    assert "cgroup" not in {each["type"] for each in made["linux"]["namespaces"]}


@pytest.mark.parametrize(
    ("added", "dropped", "held"),
    [
        ((), (), {*capabilities.USUAL}),
        (("CAP_SYS_PTRACE",), ("CAP_CHOWN",), ({*capabilities.USUAL} | {"CAP_SYS_PTRACE"}) - {"CAP_CHOWN"}),
        ((), ("ALL",), set()),
        (("CAP_KILL",), ("ALL",), {"CAP_KILL"}),
        (("ALL",), ("CAP_SYS_ADMIN",), {*HOST.capabilities} - {"CAP_SYS_ADMIN"}),
    ],
)
def test_capabilities_are_added_and_dropped(
    added: tuple[str, ...], dropped: tuple[str, ...], held: set[str], tmp_path: Path
) -> None:
    security = Security(capabilities_added=added, capabilities_dropped=dropped)

    sets = document(tmp_path, USUAL._replace(security=security))["process"]["capabilities"]

    assert {*sets["bounding"]} == {*sets["effective"]} == {*sets["permitted"]} == held


def test_another_user_holds_no_capability_but_may_be_given_one(tmp_path: Path) -> None:
    sets = document(tmp_path, USUAL._replace(user="7"))["process"]["capabilities"]

    assert [*sets] == ["bounding"]


def test_a_capability_that_the_host_lacks_is_a_warning(tmp_path: Path) -> None:
    lacking = HOST._replace(capabilities=tuple(name for name in HOST.capabilities if name != "CAP_SYS_RESOURCE"))
    settings = USUAL._replace(security=Security(capabilities_added=("CAP_SYS_RESOURCE",)))

    made = bundle(tmp_path, settings, lacking)

    assert any("CAP_SYS_RESOURCE" in warning for warning in made.warnings)
    assert "CAP_SYS_RESOURCE" not in json.dumps(made.document)
    assert bundle(tmp_path, USUAL, lacking).warnings == ()


def test_limits_become_those_of_the_specification(tmp_path: Path) -> None:
    wanted = Resources(
        memory=64 << 20, memory_reservation=32 << 20, nano_cpus=1_500_000_000, cpu_shares=512, cpuset_cpus="0-1",
        pids=100, blkio_weight=300,
    )  # fmt: skip

    limits = document(tmp_path, USUAL._replace(resources=wanted))["linux"]["resources"]

    assert limits["memory"] == {"limit": 64 << 20, "reservation": 32 << 20, "swap": 128 << 20}
    assert limits["cpu"] == {"shares": 512, "period": 100_000, "quota": 150_000, "cpus": "0-1"}
    assert (limits["pids"], limits["blockIO"]) == ({"limit": 100}, {"weight": 300})


def test_a_limit_that_the_host_cannot_keep_is_a_warning(tmp_path: Path) -> None:
    wanted = Resources(memory=64 << 20, memory_swap=-1, cpu_shares=2, cpuset_cpus="0", pids=3, blkio_weight=10)
    settings = USUAL._replace(resources=wanted)
    nothing = HOST._replace(cgroups=Host((), {}), swap_is_limited=False, disks_have_weights=False)

    without = bundle(tmp_path, settings, nothing)
    partly = bundle(tmp_path, settings, HOST._replace(swap_is_limited=False, disks_have_weights=False))

    assert [warning.split()[0] for warning in without.warnings] == ["memory", "cpu", "cpuset", "pids", "blkio"]
    assert len(partly.warnings) == 2
    assert "blockIO" not in json.dumps(partly.document)
    assert '"swap"' not in json.dumps(partly.document)


@pytest.mark.parametrize(
    "wanted", [Resources(nano_cpus=5_000_000_000), Resources(nano_cpus=1), Resources(cpuset_cpus="1,2-4")]
)
def test_processors_that_are_not_there_are_refused(wanted: Resources, tmp_path: Path) -> None:
    with pytest.raises(ProcessorsMissing):
        document(tmp_path, USUAL._replace(resources=wanted))


def test_ulimits_become_rlimits(tmp_path: Path) -> None:
    settings = USUAL._replace(ulimits=(Ulimit("nofile", 10, 20), Ulimit("core", 0, -1)), oom_score_adj=5)

    process = document(tmp_path, settings)["process"]

    assert process["rlimits"] == [
        {"type": "RLIMIT_NOFILE", "soft": 10, "hard": 20}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 2**64 - 1},
    ]  # fmt: skip
    assert process["oomScoreAdj"] == 5


def test_a_device_is_made_and_allowed(tmp_path: Path) -> None:
    linux = document(tmp_path, USUAL._replace(devices=(Device("/dev/null", "/dev/nothing", "r"),)))["linux"]

    assert [(each["path"], each["type"], each["major"], each["minor"]) for each in linux["devices"]] == [
        ("/dev/nothing", "c", 1, 3)
    ]
    assert linux["resources"]["devices"][1:] == [{"allow": True, "type": "c", "major": 1, "minor": 3, "access": "r"}]


@pytest.mark.parametrize("path", ["/dev/not-there", "/etc/passwd", "/proc"])
def test_what_is_no_device_is_refused(path: str, tmp_path: Path) -> None:
    folder = str(tmp_path) if path == "/proc" else path

    with pytest.raises(DeviceUnusable):
        document(tmp_path, USUAL._replace(devices=(Device(folder, "/dev/x", "rwm"),)))


def test_a_profile_of_the_users_takes_the_place_of_the_usual_one(tmp_path: Path) -> None:
    def filter_(profile: str, **more: Any) -> Document | None:
        made = document(tmp_path, USUAL._replace(security=Security(seccomp=profile, **more)))
        found: Document | None = made["linux"].get("seccomp")
        return found

    own = filter_('{"defaultAction": "SCMP_ACT_ALLOW"}')
    assert own is not None
    assert own["defaultAction"] == "SCMP_ACT_ALLOW"
    assert filter_('{"defaultAction": "SCMP_ACT_ALLOW"}', privileged=True) is not None
    assert filter_("unconfined") is None
    with pytest.raises(SeccompUnusable):
        filter_('{"defaultAction": 1, "what": 2}')


def test_a_call_of_administrators_is_allowed_with_their_capability(tmp_path: Path) -> None:
    def allowed(security: Security) -> set[str]:
        rules = document(tmp_path, USUAL._replace(security=security))["linux"]["seccomp"]["syscalls"]
        return {name for rule in rules if rule["action"] == "SCMP_ACT_ALLOW" for name in rule["names"]}

    assert "mount" not in allowed(Security())
    assert "mount" in allowed(Security(capabilities_added=("CAP_SYS_ADMIN",)))


def test_nothing_is_hidden_if_the_user_says_so(tmp_path: Path) -> None:
    made = document(tmp_path, USUAL._replace(security=Security(unmasked=True, no_new_privileges=True), read_only=True))

    assert not {"maskedPaths", "readonlyPaths"} & made["linux"].keys()
    assert "seccomp" in made["linux"]
    assert made["process"]["noNewPrivileges"]
    assert made["root"]["readonly"]


def test_the_first_program_of_init_is_the_hosts(tmp_path: Path) -> None:
    made = document(tmp_path, USUAL._replace(init=True), init="/usr/bin/tini-static")

    assert made["process"]["args"] == ["/sbin/docker-init", "--", "true"]
    assert made["mounts"][-1]["source"] == "/usr/bin/tini-static"


def further(home: Path, settings: Settings, program: Program) -> Document:
    rootfs = home / "rootfs"
    (rootfs / "etc").mkdir(parents=True, exist_ok=True)
    (rootfs / "etc/passwd").write_text("app:x:7:8::/:\n")
    with opened(rootfs) as root:
        made, _ = further_process(settings, program, root, facts=HOST, hostname="box")
    parse_process_text(json.dumps(made))
    return made


def test_a_further_program_is_as_the_containers_own(tmp_path: Path) -> None:
    security = Security(no_new_privileges=True, capabilities_added=("CAP_SYS_ADMIN",), capabilities_dropped=("ALL",))
    settings = USUAL._replace(
        environment=("A=1", "B=2"), user="app", added_groups=("9",), security=security, working_directory="/srv",
        ulimits=(Ulimit("core", 0, 0),), init=True, terminal=True,
    )  # fmt: skip

    made = further(tmp_path, settings, Program(("ls",), ("A", "C=3")))

    assert made["args"] == ["ls"]
    assert made["env"][1:] == ["HOSTNAME=box", "B=2", "C=3"]
    assert (made["user"], made["cwd"]) == ({"uid": 7, "gid": 8, "additionalGids": [8, 9]}, "/srv")
    assert made["capabilities"] == {"bounding": ["CAP_SYS_ADMIN"]}
    assert made["noNewPrivileges"]
    assert made["rlimits"]
    assert not made["terminal"]


def test_a_further_program_may_be_asked_for_otherwise(tmp_path: Path) -> None:
    program = Program(("ls",), user="0:3", working_directory="/", terminal=True, privileged=True)

    made = further(tmp_path, USUAL._replace(user="app"), program)

    assert made["user"] == {"uid": 0, "gid": 3, "additionalGids": [3]}
    assert made["env"][2] == "TERM=xterm"
    assert len(made["capabilities"]["effective"]) == len(HOST.capabilities)
    assert "inheritable" not in made["capabilities"]


WORDS = (
    "-it", "--rm", "-e A=1", "-e HOME", "-w /a/../b", "-u 1:2", "--group-add 5", "--read-only", "--init",
    "--privileged", "--cap-add ALL", "--cap-drop ALL", "--cap-add chown", "--security-opt no-new-privileges",
    "--security-opt seccomp=unconfined", "--security-opt systempaths=unconfined", "--device /dev/null:/dev/x:r",
    "--ulimit nofile=1:2", "--ulimit core=-1", "--sysctl net.core.somaxconn=1", "--sysctl kernel.sem=1",
    "--shm-size 1m", "--pid host",
    "--ipc none", "--ipc host", "--uts host", "--cgroupns host", "--network host", "--network none", "-p 80",
    "--expose 1-3", "-P", "-m 64m", "--memory-swap -1", "--cpus 0.5", "-c 5", "--cpuset-cpus 0", "--pids-limit -1",
    "--blkio-weight 10", "--oom-score-adj 7", "--hostname a.b", "--tmpfs /t:exec,size=1m", "-v v:/data:ro",
    "-v /usr:/usr:ro,rslave", "--mount type=tmpfs,dst=/u,tmpfs-mode=700", "--entrypoint x",
)  # fmt: skip


@hypothesis.settings(deadline=None, max_examples=60, suppress_health_check=[*hypothesis.HealthCheck])
@given(words=st.lists(st.sampled_from(WORDS), max_size=9, unique=True))
def test_whatever_words_are_taken_a_runtime_can_read_the_bundle(words: list[str], tmp_path: Path) -> None:
    try:
        asked = asking.settings(*(word for each in words for word in each.split()), "alpine", "true")
    except UsageError:
        return
    merged = merge(asked, ImageDefaults(volumes=("/data", "/more"), labels={"a": "b"}))
    volumes = {mount.destination: "/volumes/v" for mount in merged.mounts if mount.kind == VOLUME}

    made = document(tmp_path, merged, volumes=volumes, init="/usr/bin/tini-static")

    assert made["process"]["args"][-1] == "true"
    assert not {"hooks", "annotations"} & made.keys()
