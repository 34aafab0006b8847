"""What a container finds in /etc/resolv.conf, /etc/hosts and /etc/hostname. Plain functions from text to text."""

from __future__ import annotations

from _socket import AF_INET, AF_INET6, inet_pton

from runner.network.errors import HostEntryInvalid

RESOLVED_STUB = "127.0.0.53"
"""Where systemd-resolved answers the host alone; it keeps the servers that it asks in `RESOLVED_FILE`."""

RESOLVED_FILE = "/run/systemd/resolve/resolv.conf"

HOST_FILE = "/etc/resolv.conf"

_LOOPBACK_OF_4 = "127."
_LOOPBACK_OF_6 = bytes(15) + b"\1"


class Resolution:
    """Who answers a container's questions for names. What is empty is taken from the host."""

    __slots__ = ("options", "search", "servers")

    def __init__(
        self, servers: tuple[str, ...] = (), search: tuple[str, ...] = (), options: tuple[str, ...] = ()
    ) -> None:
        self.servers = servers
        """Addresses, in the order in which they are asked (`--dns`)."""
        self.search = search
        """Domains in which a name without dots is looked for (`--dns-search`); `.` alone stands for none."""
        self.options = options
        """As in resolv.conf(5) (`--dns-option`)."""


def host_resolution_file(host: str) -> str:
    """Which file tells of the servers that the host asks, by the content of its /etc/resolv.conf."""
    return RESOLVED_FILE if _values(host, "nameserver") == [RESOLVED_STUB] else HOST_FILE


def resolv_conf(host: str, wanted: Resolution) -> str:
    """A container's /etc/resolv.conf, for a network of its own.

    The host's servers on its loopback are left out: the container's loopback is another one. Where none is left there
    is none, and no stranger's is put in.

    Args:
        host: the content of the host's file.
        wanted: what the user says.
    """
    servers = [*wanted.servers] or [server for server in _values(host, "nameserver") if not _is_loopback(server)]
    search = [*wanted.search] or _last_search(host)
    options = [*wanted.options] or _values(host, "options")
    lines = [f"nameserver {server}" for server in servers]
    lines += [f"search {' '.join(search)}"] if search and search != ["."] else []
    lines += [f"options {' '.join(options)}"] if options else []
    return "".join(f"{line}\n" for line in lines)


def hosts(hostname: str, addresses: tuple[str, ...], added: tuple[tuple[str, str], ...] = ()) -> str:
    """A container's /etc/hosts.

    Args:
        hostname: the container's own.
        addresses: those that it has; with none, its name is on the loopback.
        added: names and addresses of others (`--add-host`, as `parse_added_host` reads it).
    """
    lines = [
        "127.0.0.1\tlocalhost",
        "::1\tlocalhost ip6-localhost ip6-loopback",
        "fe00::0\tip6-localnet",
        "ff00::0\tip6-mcastprefix",
        "ff02::1\tip6-allnodes",
        "ff02::2\tip6-allrouters",
        *(f"{address}\t{name}" for name, address in added),
        *(f"{address}\t{_names(hostname)}" for address in addresses or ("127.0.0.1",)),
    ]
    return "".join(f"{line}\n" for line in lines)


def hostname_file(hostname: str) -> str:
    """A container's /etc/hostname."""
    return f"{hostname}\n"


def parse_added_host(text: str, gateway: str | None = None) -> tuple[str, str]:
    """The name and the address of an `--add-host NAME:ADDRESS`, or NAME=ADDRESS.

    Args:
        text: what the user says; the address `host-gateway` stands for the host.
        gateway: the host's address as the container sees it.

    Raises:
        HostEntryInvalid: it is none.
    """
    at = min((place for place in (text.find(":"), text.find("=")) if place > 0), default=0)
    name, address = text[:at], text[at + 1 :].removeprefix("[").removesuffix("]")
    if address == "host-gateway" and gateway is not None:
        address = gateway
    # A name with a space or a line's end would write entries of its own.
    if not name or not name.isprintable() or any(sign in name for sign in " #") or not _is_address(address):
        raise HostEntryInvalid(text)
    return name, address


def parse_server(text: str) -> str:
    """The address of a `--dns`.

    Raises:
        HostEntryInvalid: it is none.
    """
    if not _is_address(text.strip()):
        raise HostEntryInvalid(text, "expected an address")
    return text.strip()


def parse_word(text: str) -> str:
    """A `--dns-search` or `--dns-option`, which becomes a word of resolv.conf.

    Raises:
        HostEntryInvalid: it would become more than that.
    """
    if not text.isprintable() or not text.isascii() or " " in text or not text:
        raise HostEntryInvalid(text, "expected a word")
    return text


def _names(hostname: str) -> str:
    """A name, and its first part, by which it is known as well."""
    short, dot, _ = hostname.partition(".")
    return f"{hostname} {short}" if dot and short else hostname


def _values(text: str, keyword: str) -> list[str]:
    """The values of all lines with a keyword, which stands at the line's beginning (resolv.conf(5))."""
    fields = (line.split() for line in text.splitlines() if not line.startswith(("#", ";")))
    found = [words[1:] for words in fields if words and words[0] == keyword]
    # One server stands on a line.
    return [value for values in found for value in (values[:1] if keyword == "nameserver" else values)]


def _last_search(text: str) -> list[str]:
    """Of several lists of domains, the last counts; `domain` is a list of one."""
    found: list[str] = []
    for line in text.splitlines():
        words = line.split()
        if words and words[0] in {"search", "domain"}:
            found = words[1:]
    return found


def _is_loopback(server: str) -> bool:
    try:
        return inet_pton(AF_INET6, server.partition("%")[0]) == _LOOPBACK_OF_6
    except (OSError, ValueError):
        return server.startswith(_LOOPBACK_OF_4)


def _is_address(text: str) -> bool:
    for family in (AF_INET, AF_INET6):
        try:
            inet_pton(family, text)
        except (OSError, ValueError):
            continue
        return True
    return False
