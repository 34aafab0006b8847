"""The same words mean the same to docker's own client, and what it refuses is refused."""

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.cli.errors import UsageError
from runner.containers.settings import BIND, DEFAULT_SHM_SIZE, TMPFS, VOLUME, Mount, Settings
from tests.requirements import require_tool
from tests.runner.cli.creation.asking import OWN, settings
from tests.runner.cli.creation.docker_client import DockerClient, Request, docker_client

SAME = [
    "",
    "-it --rm --name box --hostname box.local -w /srv/app -u 1000:nogroup --read-only --init",
    "-e A=1 -e HOME -e NOWHERE -e EMPTY --env C= -l one=1 --label two",
    "--env-file variables -e D=4",
    "--entrypoint sh",
    "--entrypoint= ",
    "-m 512m --memory-swap -1 --memory-reservation 256MB --cpus 1.5 -c 512 --cpuset-cpus 0-1 --cpuset-mems 0",
    "--cpu-period 50000 --cpu-quota 25000 --pids-limit 100 --blkio-weight 300 --shm-size 1g --oom-score-adj -5",
    "-v name:/data -v ./here:/there:ro -v /a:/b:rshared",
    "--mount type=bind,src=/a,dst=/b,ro,bind-propagation=rslave --mount src=name,dst=/c --mount dst=/d,volume-nocopy",
    "--mount type=tmpfs,dst=/e,tmpfs-size=1m,tmpfs-mode=1770 --tmpfs /f --tmpfs /g:size=64k,exec",
    "--cap-add chown --cap-add CAP_SYS_PTRACE --cap-drop all --privileged",
    "--security-opt no-new-privileges --security-opt seccomp=unconfined --group-add audio --group-add 27",
    "--device /dev/null --device /dev/zero:/dev/x:rw",
    "--ulimit core=0 --ulimit nofile=10:20 --sysctl net.core.somaxconn=9",
    "--network host --pid host --ipc host --uts host --cgroupns host",
    "--net none --pid container:x --ipc container:x --cgroupns private",
    "--network container:x",
    "-p 80 -p 8080:80/udp -p 127.0.0.1:90-91:90-91 --expose 70 --expose 60-61/udp -P",
    "--dns 10.0.0.1 --dns-search example.org --dns-opt ndots:2 --add-host a:10.0.0.2 --add-host b=host-gateway",
    "--stop-signal QUIT --stop-timeout 3 --log-driver json-file --log-opt max-size=1m --log-opt max-file=2",
    "--runtime crun --cidfile box.id",
]
REFUSED = [
    "-m 1x", "-m=", "--cpus x", "--pids-limit x", "-e =x", "--env-file nowhere", "-l=", "-v", "-v /a:/b:",
    "--mount type=bind,dst", "--mount dst=/b,what=x", "--mount type=bind,src=/a", "--ulimit nofile=3:2",
    "--ulimit files=1", "--sysctl kernel.panic=1", "--device /dev/null:/dev/x:rx", "-p 99999:80", "-p 80-82:80-81",
    "--expose x", "--dns x", "--pid x", "--uts x", "--userns private",
    "--security-opt seccomp=nowhere",
    "--pull sometimes", "--what", "-Z", "--blkio-weight x",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands are given."""
    folder = tmp_path_factory.mktemp("asking")
    (folder / "variables").write_text("# comment\nX=1\nHOME\n")
    return folder


@pytest.fixture(scope="module")
def docker(folder: Path) -> Iterator[DockerClient]:
    with docker_client(str(require_tool("docker")), folder) as client:
        yield client


@pytest.mark.tool("docker")
@pytest.mark.parametrize("flags", SAME)
def test_words_mean_what_they_mean_to_docker(
    flags: str, docker: DockerClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    words = [*shlex.split(flags), "alpine", "echo", "--rm", "-x"]

    asked = docker.create(*words, own=OWN, folder=folder)

    assert asked is not None
    (folder / "box.id").unlink(missing_ok=True)
    assert _of_settings(settings(*words)) == _of_request(asked)


@pytest.mark.tool("docker")
@pytest.mark.parametrize("flags", REFUSED)
def test_what_docker_refuses_is_refused(
    flags: str, docker: DockerClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    words = [*shlex.split(flags), *(["alpine"] if flags != "-v" else [])]

    asked = docker.create(*words, own=OWN, folder=folder)

    assert asked is None
    with pytest.raises(UsageError) as caught:
        settings(*words)
    assert caught.value.status == 125


def _of_request(asked: Request) -> Request:
    """What docker's client asks for, without what is as usual, and with mounts in one form."""
    host = asked.pop("HostConfig")
    found = {**asked, **{f"Host{name}": value for name, value in host.items()}}
    mounts = [_of_bind(text) for text in found.pop("HostBinds") or []]
    mounts += [_of_mount(each) for each in found.pop("HostMounts", None) or []]
    tmpfs = found.pop("HostTmpfs", None) or {}
    mounts += [("tmpfs", path, "", False, sorted(filter(None, words.split(",")))) for path, words in tmpfs.items()]
    ports = found.pop("HostPortBindings", None) or {}
    found["ports"] = sorted(
        (port, each["HostIp"], each["HostPort"]) for port, several in ports.items() for each in several
    )
    found["ExposedPorts"] = sorted({*(found.get("ExposedPorts") or {})} - {*ports})
    found["mounts"] = sorted(mounts)
    # Their order is another one at each call.
    found["Env"] = sorted(found["Env"] or [])
    # Which streams the client wants, and what the daemon decides of itself.
    for name in ("AttachStdin", "AttachStdout", "AttachStderr", "StdinOnce", "NetworkingConfig", "HostConsoleSize"):
        found.pop(name, None)
    log = found.pop("HostLogConfig")
    found["log"] = (log["Type"] or "json-file", log["Config"] or {})
    return {name: value for name, value in found.items() if value and value != -1 and (name, value) not in USUAL}


USUAL = [
    ("HostNetworkMode", "bridge"),
    ("HostNetworkMode", "default"),
    ("HostRestartPolicy", {"Name": "no", "MaximumRetryCount": 0}),
]


def _of_bind(text: str) -> tuple[object, ...]:
    source, destination, *mode = text.split(":")
    words = mode[0].split(",") if mode else []
    kind = BIND if source.startswith("/") else VOLUME
    return kind, destination, source, "ro" in words, sorted(word for word in words if word != "ro")


def _of_mount(each: Request) -> tuple[object, ...]:
    words = [each.get("BindOptions", {}).get("Propagation", "")]
    words += ["nocopy"] if each.get("VolumeOptions", {}).get("NoCopy") else []
    tmpfs = each.get("TmpfsOptions", {})
    words += [f"size={tmpfs['SizeBytes']}"] if "SizeBytes" in tmpfs else []
    words += [f"mode={tmpfs['Mode']:o}"] if "Mode" in tmpfs else []
    return (
        each["Type"],
        each["Target"],
        each.get("Source", ""),
        each.get("ReadOnly", False),
        sorted(filter(None, words)),
    )


def _of_settings(asked: Settings) -> Request:
    """The same of ours, under docker's names."""
    limits, spaces, network, security = asked.resources, asked.namespaces, asked.network, asked.security
    log = {
        "max-size": asked.log.max_size and "1m",
        "max-file": asked.log.max_size and str(asked.log.max_files),
    }
    found = {
        "Image": asked.image,
        "Cmd": list(asked.command or ()),
        "Entrypoint": None if asked.entrypoint is None else [*asked.entrypoint] or [""],
        "Env": sorted(asked.environment),
        "User": asked.user,
        "WorkingDir": asked.working_directory,
        "Tty": asked.terminal,
        "OpenStdin": asked.stdin_open,
        "Hostname": asked.hostname,
        "Labels": asked.labels,
        "StopSignal": asked.stop_signal,
        "StopTimeout": asked.stop_timeout_s,
        "ExposedPorts": sorted({*network.exposed_ports} - {f"{p.port}/{p.protocol}" for p in network.publications}),
        "HostGroupAdd": list(asked.added_groups),
        "HostAutoRemove": asked.remove,
        "HostReadonlyRootfs": asked.read_only,
        "HostInit": asked.init,
        "HostPrivileged": security.privileged,
        "HostCapAdd": list(security.capabilities_added),
        "HostCapDrop": list(security.capabilities_dropped),
        "HostSecurityOpt": (["no-new-privileges"] if security.no_new_privileges else [])
        + ([f"seccomp={security.seccomp}"] if security.seccomp else []),
        "HostMemory": limits.memory,
        "HostMemorySwap": limits.memory_swap,
        "HostMemoryReservation": limits.memory_reservation,
        "HostNanoCpus": limits.nano_cpus,
        "HostCpuShares": limits.cpu_shares,
        "HostCpuPeriod": limits.cpu_period_us,
        "HostCpuQuota": limits.cpu_quota_us,
        "HostCpusetCpus": limits.cpuset_cpus,
        "HostCpusetMems": limits.cpuset_mems,
        "HostPidsLimit": limits.pids,
        "HostBlkioWeight": limits.blkio_weight,
        "HostShmSize": asked.shm_size if asked.shm_size != DEFAULT_SHM_SIZE else None,
        "HostOomScoreAdj": asked.oom_score_adj,
        "HostDevices": [
            {"PathOnHost": each.host_path, "PathInContainer": each.path, "CgroupPermissions": each.permissions}
            for each in asked.devices
        ],
        "HostUlimits": [{"Name": each.name, "Soft": each.soft, "Hard": each.hard} for each in asked.ulimits],
        "HostSysctls": asked.sysctls,
        "HostNetworkMode": network.mode,
        "HostPublishAllPorts": network.publish_all,
        "HostDns": list(network.dns_servers),
        "HostDnsSearch": list(network.dns_search),
        "HostDnsOptions": list(network.dns_options),
        "HostExtraHosts": [entry.replace("=", ":", 1) for entry in network.added_hosts],
        "HostPidMode": spaces.pid if spaces.pid != "private" else None,
        "HostIpcMode": spaces.ipc if spaces.ipc != "private" else None,
        "HostUTSMode": spaces.uts if spaces.uts != "private" else None,
        "HostCgroupnsMode": spaces.cgroup,
        "HostRuntime": asked.runtime,
        "HostContainerIDFile": asked.cidfile,
        "ports": sorted(
            (f"{each.port}/{each.protocol}", each.address.replace("0.0.0.0", ""), str(each.first or ""))
            for each in network.publications
        ),
        "mounts": sorted(map(_of_mounted, asked.mounts)),
        "log": (asked.log.driver, {name: value for name, value in log.items() if value}),
    }
    return {name: value for name, value in found.items() if value and value != -1 and (name, value) not in USUAL}


def _of_mounted(mount: Mount) -> tuple[object, ...]:
    words = [*mount.options, mount.propagation, "" if mount.copy or mount.kind == TMPFS else "nocopy"]
    return mount.kind, mount.destination, mount.source, mount.read_only, sorted(filter(None, words))
