"""The flags of `run`, `create` and `exec`, and those of docker's that are not built: a table, which loads nothing."""

from __future__ import annotations

from runner.cli.flags import NUMBER, TEXT, TEXTS, Flag

CREATE_FLAGS: tuple[Flag, ...] = (
    Flag("add-host", "Add a custom host-to-IP mapping (host:ip)", TEXTS),
    Flag("blkio-weight", "Block IO (relative weight), between 10 and 1000, or 0 to disable", NUMBER),
    Flag("cap-add", "Add Linux capabilities", TEXTS),
    Flag("cap-drop", "Drop Linux capabilities", TEXTS),
    Flag("cgroupns", "Cgroup namespace to use (host|private)", TEXT),
    Flag("cidfile", "Write the container ID to the file", TEXT),
    Flag("cpu-period", "Limit CPU CFS (Completely Fair Scheduler) period", NUMBER),
    Flag("cpu-quota", "Limit CPU CFS (Completely Fair Scheduler) quota", NUMBER),
    Flag("cpu-shares", "CPU shares (relative weight)", NUMBER, "c"),
    Flag("cpus", "Number of CPUs", TEXT),
    Flag("cpuset-cpus", "CPUs in which to allow execution (0-3, 0,1)", TEXT),
    Flag("cpuset-mems", "MEMs in which to allow execution (0-3, 0,1)", TEXT),
    Flag("device", "Add a host device to the container", TEXTS),
    Flag("dns", "Set custom DNS servers", TEXTS),
    Flag("dns-option", "Set DNS options", TEXTS, aliases=("dns-opt",)),
    Flag("dns-search", "Set custom DNS search domains", TEXTS),
    Flag("entrypoint", "Overwrite the default ENTRYPOINT of the image", TEXT),
    Flag("env", "Set environment variables", TEXTS, "e"),
    Flag("env-file", "Read in a file of environment variables", TEXTS),
    Flag("expose", "Expose a port or a range of ports", TEXTS),
    Flag("group-add", "Add additional groups to join", TEXTS),
    Flag("hostname", "Container host name", TEXT, "h"),
    Flag("init", "Run an init inside the container that forwards signals and reaps processes"),
    Flag("interactive", "Keep STDIN open even if not attached", short="i"),
    Flag("ipc", "IPC mode to use", TEXT),
    Flag("label", "Set meta data on a container", TEXTS, "l"),
    Flag("log-driver", "Logging driver for the container (json-file|none)", TEXT),
    Flag("log-opt", "Log driver options (max-size, max-file)", TEXTS),
    Flag("memory", "Memory limit", TEXT, "m"),
    Flag("memory-reservation", "Memory soft limit", TEXT),
    Flag("memory-swap", "Swap limit equal to memory plus swap: '-1' to enable unlimited swap", TEXT),
    Flag("mount", "Attach a filesystem mount to the container", TEXTS),
    Flag("name", "Assign a name to the container", TEXT),
    Flag("network", "Connect a container to a network (bridge|host|none|container:NAME)", TEXT, aliases=("net",)),
    Flag("oom-score-adj", "Tune host's OOM preferences (-1000 to 1000)", NUMBER),
    Flag("pid", "PID namespace to use", TEXT),
    Flag("pids-limit", "Tune container pids limit (set -1 for unlimited)", NUMBER),
    Flag("platform", "Set platform if server is multi-platform capable", TEXT),
    Flag("privileged", "Give extended privileges to this container"),
    Flag("publish", "Publish a container's port(s) to the host", TEXTS, "p"),
    Flag("publish-all", "Publish all exposed ports to random ports", short="P"),
    Flag("pull", "Pull image before running (always|missing|never)", TEXT, default="missing"),
    Flag("quiet", "Suppress the pull output", short="q"),
    Flag("read-only", "Mount the container's root filesystem as read only"),
    Flag("restart", "Restart policy to apply when a container exits (no)", TEXT, default="no"),
    Flag("rm", "Automatically remove the container and its associated anonymous volumes when it exits"),
    Flag("runtime", "Runtime to use for this container", TEXT),
    Flag("security-opt", "Security Options", TEXTS),
    Flag("shm-size", "Size of /dev/shm", TEXT),
    Flag("stop-signal", "Signal to stop the container", TEXT),
    Flag("stop-timeout", "Timeout (in seconds) to stop a container", NUMBER),
    Flag("sysctl", "Sysctl options", TEXTS),
    Flag("tmpfs", "Mount a tmpfs directory", TEXTS),
    Flag(
        "tls-verify", "Demand HTTPS with a certificate that can be trusted (not with loopback addresses)", default=True
    ),
    Flag("tty", "Allocate a pseudo-TTY", short="t"),
    Flag("ulimit", "Ulimit options", TEXTS),
    Flag("user", "Username or UID (format: <name|uid>[:<group|gid>])", TEXT, "u"),
    Flag("uts", "UTS namespace to use", TEXT),
    Flag("volume", "Bind mount a volume", TEXTS, "v"),
    Flag("workdir", "Working directory inside the container", TEXT, "w"),
)

CREATE_UNBUILT: tuple[str, ...] = (
    "annotation", "attach", "blkio-weight-device", "cgroup-parent", "cpu-count", "cpu-percent", "cpu-rt-period",
    "cpu-rt-runtime", "device-cgroup-rule", "device-read-bps", "device-read-iops", "device-write-bps",
    "device-write-iops", "disable-content-trust", "domainname", "gpus", "health-cmd", "health-interval",
    "health-retries", "health-start-interval", "health-start-period", "health-timeout", "io-maxbandwidth", "io-maxiops",
    "ip", "ip6", "isolation", "kernel-memory", "label-file", "link", "link-local-ip", "mac-address",
    "memory-swappiness", "net-alias", "network-alias", "no-healthcheck", "oom-kill-disable", "storage-opt",
    "use-api-socket", "userns", "volume-driver", "volumes-from",
)  # fmt: skip
"""Flags of docker's `create` that are refused by name."""

EXEC_FLAGS: tuple[Flag, ...] = (
    Flag("detach", "Detached mode: run command in the background", short="d"),
    Flag("env", "Set environment variables", TEXTS, "e"),
    Flag("env-file", "Read in a file of environment variables", TEXTS),
    Flag("interactive", "Keep STDIN open even if not attached", short="i"),
    Flag("privileged", "Give extended privileges to the command"),
    Flag("tty", "Allocate a pseudo-TTY", short="t"),
    Flag("user", "Username or UID (format: <name|uid>[:<group|gid>])", TEXT, "u"),
    Flag("workdir", "Working directory inside the container", TEXT, "w"),
)

EXEC_UNBUILT: tuple[str, ...] = ("detach-keys",)
