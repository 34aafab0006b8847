"""Where containers keep what.

    <root>/names/<name>                a symbolic link whose text is the id of the container that is called so
    <root>/names.lock                  held while a name is given or taken away
    <root>/containers/<id>/
        container.json                 what it is, and all that was decided when it was created
        outcome.json                   how its last run began, and how it ended
        lock                           held by who starts, ends, removes or reads it (flock(2))
        monitor                        held by its monitor as long as that lives (fcntl(2), "Advisory record locking")
        upper/ work/                   what it has written
        hostname hosts resolv.conf     what it finds under these names in /etc
        log.json log.json.1 …          what it has said
    <root>/containers/.new-<id>        one that is being made
    <root>/containers/.gone-<id>       one that is being removed; of both the `lock` is held
    <root>/volumes/                    volumes (`volumes`)
    <state>/containers/<id>/           from before it is started until all that its run needed is gone
        rootfs/                        where its root is mounted, in its monitor's mount namespace alone
        shm/                           where another one's shared memory is mounted likewise while it is made
        config.json                    its bundle
        attach                         the socket for those who want to see what it says
        exec                           that for those who want something executed in it
        process.json                   its first process
    <state>/oci/                       the state of the runtime
    <state>/network/                   addresses and ports

What a container does is never taken from files alone: whether it runs is whether somebody holds `monitor`.
"""

from __future__ import annotations

import os

from runner.records import Record

NEW, GONE = ".new-", ".gone-"


class Place(Record):
    """The two directories of a container."""

    container: str
    """Its id."""
    lasting: str
    passing: str
    """What goes when the machine stops."""

    @property
    def cgroup(self) -> str:
        return f"/moorage/{self.container}"

    @property
    def lock(self) -> str:
        return f"{self.lasting}/lock"

    @property
    def monitor(self) -> str:
        return f"{self.lasting}/monitor"

    @property
    def description(self) -> str:
        return f"{self.lasting}/container.json"

    @property
    def outcome(self) -> str:
        return f"{self.lasting}/outcome.json"

    @property
    def upper(self) -> str:
        return f"{self.lasting}/upper"

    @property
    def work(self) -> str:
        return f"{self.lasting}/work"

    @property
    def log(self) -> str:
        return f"{self.lasting}/log.json"

    @property
    def hostname(self) -> str:
        return f"{self.lasting}/hostname"

    @property
    def hosts(self) -> str:
        return f"{self.lasting}/hosts"

    @property
    def resolv_conf(self) -> str:
        return f"{self.lasting}/resolv.conf"

    @property
    def rootfs(self) -> str:
        return f"{self.passing}/rootfs"

    @property
    def shm(self) -> str:
        return f"{self.passing}/shm"

    @property
    def config(self) -> str:
        return f"{self.passing}/config.json"

    @property
    def process(self) -> str:
        return f"{self.passing}/process.json"


class Folders(Record):
    """The two directories of all of them."""

    root: str
    state: str

    @property
    def containers(self) -> str:
        return f"{self.root}/containers"

    @property
    def passing(self) -> str:
        return f"{self.state}/containers"

    @property
    def names(self) -> str:
        return f"{self.root}/names"

    @property
    def names_lock(self) -> str:
        return f"{self.root}/names.lock"

    @property
    def runtime(self) -> str:
        return f"{self.state}/oci"

    @property
    def volumes(self) -> str:
        return f"{self.root}/volumes"

    @property
    def network(self) -> str:
        return f"{self.state}/network"

    def place(self, container: str, mark: str = "") -> Place:
        """The directories of a container, be it there or not; with a mark, those of one that is made or removed."""
        return Place(container, f"{self.containers}/{mark}{container}", f"{self.passing}/{container}")

    def make(self) -> None:
        """Make what is not there. Nobody but root gets into it: images have programs with set-ID bits."""
        for folder in (self.root, self.containers, self.names, self.state, self.passing):
            if not os.path.isdir(folder):
                os.makedirs(folder, mode=0o700, exist_ok=True)


def at(root: str, state: str) -> Folders:
    """Those at these paths, as this process's working directory has them now."""
    return Folders(os.path.abspath(root), os.path.abspath(state))
