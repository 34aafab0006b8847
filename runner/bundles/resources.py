"""`linux.resources`: limits that the host can keep. What it cannot is left out with a warning, as docker does."""

from __future__ import annotations

from runner.bundles.errors import ProcessorsMissing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.bundles.facts import Facts
    from runner.containers.settings import Resources

    Document = dict[str, object]

_PERIOD_US = 100_000
_NANO = 1_000_000_000
_DISCARDED = "is not limited: this host has no cgroup controller"


def resources(wanted: Resources, facts: Facts) -> tuple[Document, list[str]]:
    """The limits without those of devices, and warnings.

    Raises:
        ProcessorsMissing: more processors are asked for than there are.
    """
    _check_processors(wanted, facts)
    document: Document = {}
    warnings: list[str] = []
    for controller, name, section in (
        ("memory", "memory", _memory(wanted)),
        ("cpu", "cpu", _cpu(wanted)),
        ("cpuset", "cpu", _cpuset(wanted)),
        ("pids", "pids", {} if wanted.pids is None else {"limit": wanted.pids}),
        ("blkio", "blockIO", {} if wanted.blkio_weight is None else {"weight": wanted.blkio_weight}),
    ):
        if not section:
            continue
        if facts.cgroups.find(controller) is None:
            warnings.append(f"{controller} {_DISCARDED} {controller}")
            continue
        before = document.get(name)
        document[name] = {**before, **section} if isinstance(before, dict) else section
    if wanted.blkio_weight is not None and "blockIO" in document and not facts.disks_have_weights:
        del document["blockIO"]
        warnings.append("disks have no weights on this host: the kernel needs CONFIG_BFQ_GROUP_IOSCHED")
    memory = document.get("memory")
    if isinstance(memory, dict) and "swap" in memory and not facts.swap_is_limited:
        del memory["swap"]
        if wanted.memory_swap is not None:
            warnings.append("swap is not limited on this host: the kernel needs CONFIG_SWAP and swapaccount=1")
    return document, warnings


def _memory(wanted: Resources) -> Document:
    swap = wanted.memory_swap
    if swap is None and wanted.memory is not None:
        # As much swap as memory.
        swap = 2 * wanted.memory
    return _given(limit=wanted.memory, reservation=wanted.memory_reservation, swap=swap)


def _cpu(wanted: Resources) -> Document:
    if wanted.nano_cpus is not None:
        return _given(
            shares=wanted.cpu_shares, period=_PERIOD_US, quota=max(1000, wanted.nano_cpus * _PERIOD_US // _NANO)
        )
    return _given(shares=wanted.cpu_shares, period=wanted.cpu_period_us, quota=wanted.cpu_quota_us)


def _cpuset(wanted: Resources) -> Document:
    return _given(cpus=wanted.cpuset_cpus, mems=wanted.cpuset_mems)


def _given(**values: object) -> Document:
    return {name: value for name, value in values.items() if value is not None}


def _check_processors(wanted: Resources, facts: Facts) -> None:
    if wanted.nano_cpus is not None and not _NANO // 100 <= wanted.nano_cpus <= facts.processors * _NANO:
        raise ProcessorsMissing(f"{wanted.nano_cpus / _NANO:g}", f"from 0.01 to {facts.processors}")
    for part in (wanted.cpuset_cpus or "").split(","):
        last = part.rpartition("-")[2]
        if last and int(last) >= facts.processors:
            raise ProcessorsMissing(str(wanted.cpuset_cpus), f"0-{facts.processors - 1}")
