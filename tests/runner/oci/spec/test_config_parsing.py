import contextlib
import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.oci.errors import BundleInvalid
from runner.oci.spec.config_parsing import parse_config, parse_process_text
from runner.oci.spec.values import Config

MINIMAL: dict[str, Any] = {
    "ociVersion": "1.0.2",
    "root": {"path": "rootfs"},
    "process": {"cwd": "/", "args": ["true"]},
}


def parse(**changes: object) -> Config:
    return parse_config(json.dumps({**MINIMAL, **changes}), "/bundle")


def process(**changes: object) -> dict[str, object]:
    return {**MINIMAL["process"], **changes}


def test_paths_of_a_bundle_are_relative_to_it() -> None:
    mounts = [
        {"destination": "/data", "source": "data", "options": ["rbind"]},
        {"destination": "tmp", "type": "tmpfs", "source": "tmpfs"},
    ]

    config = parse(mounts=mounts)

    assert config.root.path == "/bundle/rootfs"
    assert config.mounts[0].source == "/bundle/data"
    assert config.mounts[1].destination == "/tmp"


def test_what_is_absent_or_null_has_its_default() -> None:
    config = parse(linux=None, hooks=None, mounts=None, hostname="")

    assert config.process.user == (0, 0, None, ())
    assert config.process.capabilities is None
    assert config.linux.namespaces == ()
    assert config.linux.seccomp is None
    assert config.hostname is None


def test_unknown_properties_are_passed_over() -> None:
    assert parse(unknown={"a": 1}, process=process(unknown=3), linux={"unknown": []})


def test_capabilities_that_nobody_knows_are_told_and_left_out() -> None:
    config = parse(process=process(capabilities={"bounding": ["CAP_KILL", "CAP_NOBODY_KNOWS"]}))

    assert config.process.capabilities is not None
    assert config.process.capabilities.bounding == {5}
    assert config.process.capabilities.unknown == ("CAP_NOBODY_KNOWS",)


NAMESPACE = {"namespaces": [{"type": "network"}, {"type": "ipc"}, {"type": "uts"}]}
WRONG: list[tuple[dict[str, object], str]] = [
    ({"ociVersion": "2.0.0"}, "ociVersion"),
    ({"ociVersion": "x"}, "ociVersion"),
    ({"ociVersion": None}, "ociVersion"),
    ({"root": {}}, "root.path"),
    ({"process": None}, "process"),
    ({"process": process(cwd="tmp")}, "cwd"),
    ({"process": process(args=[])}, "args"),
    ({"process": process(args=["a\0b"])}, "args"),
    ({"process": process(env=["NAME"])}, "env"),
    ({"process": process(env=["=x"])}, "env"),
    ({"process": process(user={"uid": -1})}, "uid"),
    ({"process": process(user={"uid": 2**32 - 1})}, "uid"),
    ({"process": process(user={"additionalGids": ["wheel"]})}, "additionalGids"),
    ({"process": process(rlimits=[{"type": "RLIMIT_NONE", "soft": 1, "hard": 1}])}, "rlimits"),
    ({"process": process(rlimits=[{"type": "RLIMIT_CORE", "soft": 2, "hard": 1}])}, "rlimits"),
    ({"process": process(rlimits=[{"type": "RLIMIT_CORE", "soft": 1, "hard": 1}] * 2)}, "rlimits"),
    ({"process": process(oomScoreAdj=1001)}, "oomScoreAdj"),
    ({"process": process(execCPUAffinity={})}, "execCPUAffinity"),
    ({"hostname": "h" * 65}, "hostname"),
    ({"mounts": [{"destination": ""}]}, "destination"),
    ({"mounts": [{"destination": "/a"}]}, "type"),
    ({"mounts": [{"destination": "/a", "type": "bind"}]}, "source"),
    ({"mounts": [{"destination": "/a", "type": "tmpfs", "options": ["remount"]}]}, "remount"),
    ({"hooks": {"prestart": [{"path": "bin/hook"}]}}, "path"),
    ({"hooks": {"poststop": [{"path": "/hook", "timeout": 0}]}}, "timeout"),
    ({"annotations": {"": "x"}}, "annotations"),
    ({"annotations": {"a": 1}}, "annotations"),
    ({"linux": {"namespaces": [{"type": "moon"}]}}, "type"),
    ({"linux": {"namespaces": [{"type": "pid"}, {"type": "pid"}]}}, "twice"),
    ({"linux": {"namespaces": [{"type": "pid", "path": "ns"}]}}, "path"),
    ({"linux": {"namespaces": [{"type": "user"}]}}, "uidMappings"),
    ({"linux": {"uidMappings": [{"containerID": 0, "hostID": 1, "size": 1}]}}, "uidMappings"),
    ({"linux": {"timeOffsets": {"boottime": {"secs": 1}}}}, "timeOffsets"),
    ({"linux": {"devices": [{"type": "x", "path": "/dev/x"}]}}, "type"),
    ({"linux": {"devices": [{"type": "c", "path": "/dev/x"}]}}, "major"),
    ({"linux": {"rootfsPropagation": "sideways"}}, "rootfsPropagation"),
    ({"linux": {"maskedPaths": ["proc"]}}, "maskedPaths"),
    ({"linux": {"intelRdt": {}}}, "intelRdt"),
    ({"linux": {"personality": {"domain": "PERSONAL"}}}, "domain"),
    ({"linux": {"sysctl": {"net.ipv4.ip_forward": "1"}}}, "network"),
    ({"linux": {**NAMESPACE, "sysctl": {"kernel.panic": "1"}}}, "kernel.panic"),
    ({"linux": {**NAMESPACE, "sysctl": {"kernel.hostname": "x"}}}, "kernel.hostname"),
    ({"linux": {**NAMESPACE, "sysctl": {"fs/../net": "x"}}}, "name of a setting"),
    ({"linux": {**NAMESPACE, "sysctl": {"net/../kernel/core_pattern": "x"}}}, "name of a setting"),
    ({"linux": {**NAMESPACE, "sysctl": {"fs/mqueue/../../kernel/core_pattern": "x"}}}, "name of a setting"),
    ({"linux": {**NAMESPACE, "sysctl": {"net..core": "x"}}}, "name of a setting"),
    ({"linux": {**NAMESPACE, "sysctl": {"net.core\0": "x"}}}, "name of a setting"),
]


@pytest.mark.parametrize(("changes", "named"), WRONG, ids=[str(changes)[:60] for changes, _ in WRONG])
def test_what_is_wrong_is_refused_with_its_place(changes: dict[str, object], named: str) -> None:
    with pytest.raises(BundleInvalid, match=named):
        parse(**changes)


@pytest.mark.parametrize("text", ["", "[]", "{", '"x"', "NaN"])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(BundleInvalid):
        parse_config(text, "/bundle")
    with pytest.raises(BundleInvalid):
        parse_process_text(text)


def test_sysctls_of_namespaces_that_the_container_has_are_taken() -> None:
    settings = {"net.ipv4.ip_forward": "1", "kernel.shmmax": "5", "fs.mqueue.msg_max": "5", "kernel.domainname": "d"}

    assert parse(linux={**NAMESPACE, "sysctl": settings}).linux.sysctls == settings


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.lists(st.none(), max_size=2),
    st.dictionaries(st.sampled_from(["path", "type", "args", "uid"]), st.integers() | st.text(max_size=3), max_size=2),
)  # fmt: skip


@given(
    place=st.sampled_from(["process", "mounts", "hooks", "linux", "root", "annotations", "hostname"]),
    inner=st.sampled_from(
        ["args", "env", "user", "namespaces", "devices", "prestart", "resources", "seccomp", "sysctl", "path", None]
    ),
    junk=JUNK,
)
def test_junk_is_refused_with_no_other_error(place: str, inner: str | None, junk: object) -> None:
    document = copy.deepcopy(MINIMAL)
    if inner is None:
        document[place] = junk
    else:
        document.setdefault(place, {})
        if isinstance(document[place], dict):
            document[place][inner] = junk
    with contextlib.suppress(BundleInvalid):
        parse_config(json.dumps(document), "/bundle")
