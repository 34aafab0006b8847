import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import runner
from runner.containers.errors import SettingsInvalid
from runner.containers.settings import (
    BIND,
    BRIDGE,
    TMPFS,
    VOLUME,
    Device,
    Log,
    Mount,
    Namespaces,
    Network,
    Resources,
    Security,
    Settings,
    Ulimit,
    read,
    write,
)
from runner.network.publications import Publication

# Arguments and environment are bytes to the kernel: what is no UTF-8 has to come back, too.
TEXT = st.text(st.characters(exclude_characters="\0") | st.sampled_from("\udc80\udcff"), max_size=8)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
MAYBE_TEXT = st.none() | TEXT
MAYBE_NUMBER = st.none() | st.integers(-1, 2**63 - 1)
TEXT_MAP = st.dictionaries(TEXT, TEXT, max_size=3)

MOUNTS = st.builds(
    Mount,
    kind=st.sampled_from([BIND, VOLUME, TMPFS]),
    destination=TEXT,
    source=TEXT,
    read_only=st.booleans(),
    propagation=TEXT,
    recursive=st.booleans(),
    create_source=st.booleans(),
    copy=st.booleans(),
    options=TEXTS,
)
PUBLICATIONS = st.builds(
    Publication,
    port=st.integers(1, 65535),
    first=st.integers(0, 65535),
    last=st.integers(0, 65535),
    address=TEXT,
    protocol=st.sampled_from(["tcp", "udp"]),
)
NETWORKS = st.builds(
    Network,
    mode=st.sampled_from([BRIDGE, "container:x"]),
    publications=st.lists(PUBLICATIONS, max_size=2).map(tuple),
    publish_all=st.booleans(),
    exposed_ports=TEXTS,
    dns_servers=TEXTS,
    added_hosts=TEXTS,
)
SETTINGS = st.builds(
    Settings,
    image=TEXT,
    image_id=MAYBE_TEXT,
    name=MAYBE_TEXT,
    entrypoint=st.none() | TEXTS,
    command=st.none() | TEXTS,
    environment=TEXTS,
    labels=TEXT_MAP,
    mounts=st.lists(MOUNTS, max_size=2).map(tuple),
    namespaces=st.builds(Namespaces, pid=TEXT, cgroup=MAYBE_TEXT),
    network=NETWORKS,
    resources=st.builds(Resources, memory=MAYBE_NUMBER, cpuset_cpus=MAYBE_TEXT),
    security=st.builds(Security, privileged=st.booleans(), capabilities_added=TEXTS, seccomp=MAYBE_TEXT),
    devices=st.lists(st.builds(Device, host_path=TEXT, path=TEXT, permissions=TEXT), max_size=2).map(tuple),
    ulimits=st.lists(st.builds(Ulimit, name=TEXT, soft=st.integers(), hard=st.integers()), max_size=2).map(tuple),
    sysctls=TEXT_MAP,
    stop_timeout_s=MAYBE_NUMBER,
    log=st.builds(Log, max_size=MAYBE_NUMBER),
    remove=st.booleans(),
)


@given(settings=SETTINGS)
def test_settings_last_as_json(settings: Settings) -> None:
    text = write(settings)

    assert read(text) == settings
    assert "\n" not in text
    json.loads(text)


def test_only_the_image_is_needed() -> None:
    assert read('{"image": "alpine"}') == Settings("alpine")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"image": 1}', '{"image": "a", "unknown": 1}', '{"image": "a", "mounts": [{"kind": "bind"}]}'],
)
def test_a_document_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        read(text)

    assert str(caught.value).isprintable()


def test_settings_are_read_with_what_a_container_start_loads_anyway() -> None:
    root = str(Path(runner.__file__).parent.parent)
    program = (
        f"import sys; sys.path.insert(0, {root!r}); import runner.containers.settings;"
        "print({'dataclasses', 'typing', 'collections', 're', 'enum', 'json', 'pathlib'} & sys.modules.keys())"
    )

    printed = subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True, capture_output=True, text=True)

    assert printed.stdout == "set()\n"
