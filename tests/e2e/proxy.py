"""nginx, as docs/deployment.md configures it, in front of registries: on a machine whose names all lead to itself."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import log_files
from tests.certificates import Authority
from tests.e2e.client import Client, client
from tests.e2e.server import REGISTRY, START_DEADLINE_S, STOP_DEADLINE_S
from tests.requirements import require_tool

_DOCUMENT = Path(__file__).parents[2] / "docs" / "deployment.md"
_POLL_S = 0.02
_NGINX = """\
user root;
error_log {root}/error.log warn;
pid {root}/nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {root}/body;
    proxy_temp_path {root}/answers;
    include conf.d/*.conf;
}}
"""


def documented_nginx() -> Sequence[str]:
    """The document's configurations of nginx: a whole server, one that shares its host, and one below a path."""
    return re.findall(r"^```nginx\n(.*?)^```$", _DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class House:
    """A network of its own and an /etc of its own, with an authority that the clients in it trust; files in `root`."""

    root: Path
    holder: int
    authority: Authority

    def command(self, program: Path | str) -> list[str | Path]:
        """What runs `program` in there, in the process that it is started in."""
        return [require_tool("nsenter"), "--target", str(self.holder), "--net", "--mount", program]

    def client(self, program: str, *arguments: str | Path) -> Client:
        """`program` in there; Go's and curl's way to be told of an authority is in its environment."""
        enter, *rest = self.command(require_tool(program))
        trust = {name: str(self.authority.certificate) for name in ("SSL_CERT_FILE", "CURL_CA_BUNDLE")}
        return client(Path(enter), *rest, *arguments, home=self.root / "homes" / program, environment=trust)

    def wrapper(self, program: str) -> Path:
        """A program that is `program` in there."""
        script = self.root / program
        enter = " ".join(f"'{part}'" for part in self.command(require_tool(program)))
        script.write_text(f'#!/bin/sh\nSSL_CERT_FILE={self.authority.certificate} exec {enter} "$@"\n')
        script.chmod(0o755)
        return script

    @contextmanager
    def registry(self, port: int, *settings: str) -> Iterator[Path]:
        """A registry at 127.0.0.1; its access log."""
        home = self.root / f"registry-{port}"
        home.mkdir()
        listen = ("serve", "--listen", f"127.0.0.1:{port}", "--data", home / "data")
        command: list[str | Path] = [
            *self.command(REGISTRY),
            *listen,
            *(part for setting in settings for part in ("--set", setting)),
        ]
        with self._running(command, home / "access.log", home / "log"):
            _wait_for(lambda: "listening" in (home / "log").read_text(), home / "log")
            yield home / "access.log"

    @contextmanager
    def nginx(self, servers: Mapping[str, str]) -> Iterator[None]:
        """An nginx with these configurations, by file name."""
        for name, text in servers.items():
            (self.root / "nginx" / "conf.d" / f"{name}.conf").write_text(text)
        log = self.root / "error.log"
        command = [*self.command(require_tool("nginx")), "-g", "daemon off;"]
        with self._running(command, self.root / "nginx.out", self.root / "nginx.out"):
            _wait_for((self.root / "nginx.pid").exists, log)
            yield
        # So it would tell of a body that it kept before it passed it on.
        assert "temporary file" not in log.read_text()

    @contextmanager
    def _running(self, command: Sequence[str | Path], output: Path, errors: Path) -> Iterator[None]:
        with output.open("ab") as out, errors.open("ab") as err:
            process = subprocess.Popen(command, stdout=out, stderr=err)
        try:
            yield
            assert process.poll() is None, errors.read_text()
        finally:
            process.terminate()
            try:
                assert process.wait(STOP_DEADLINE_S) == 0, errors.read_text()
            finally:
                process.kill()


@contextmanager
def house(root: Path, names: Sequence[str]) -> Iterator[House]:
    """A house whose files are in `root`, with a certificate for each of `names`, until the block ends."""
    for folder in (root / "nginx" / "conf.d", root / "homes"):
        folder.mkdir(parents=True)
    authority = Authority.made_in(root / "nginx")
    for name in names:
        authority.sign(name)
    (root / "nginx" / "nginx.conf").write_text(_NGINX.format(root=root))
    (root / "hosts").write_text("".join(f"127.0.0.1 {name}\n" for name in ("localhost", *names)))
    arrange = 'ip link set lo up && mount --bind "$0/hosts" /etc/hosts && mount --bind "$0/nginx" /etc/nginx'
    script = f"{arrange} && echo ready && exec cat"
    command: list[str | Path] = [require_tool("unshare"), "--net", "--mount", "sh", "-c", script, root]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        try:
            assert holder.stdout.readline() == b"ready\n"
            yield House(root, holder.pid, authority)
        finally:
            holder.stdin.close()


@contextmanager
def registry_behind_nginx(root: Path) -> Iterator[House]:
    """A house with a registry behind nginx under three names, and another one behind two proxies.

    `registry.example.org` is the documented server itself, `localhost:8443` the same on another port,
    `shared.example.org/images` the one that shares its host, and `images.example.org/images` the one below a path.
    `edge.example.org` has one more proxy before it.
    """
    whole, shared, below = documented_nginx()
    everything = "    location / { proxy_pass http://moorage; }\n"
    assert everything in whole
    with ExitStack() as stack:
        names = ("registry.example.org", "localhost", "shared.example.org", "images.example.org", "edge.example.org")
        made = stack.enter_context(house(root, names))
        common = ("server.workers=2", "limits.page_entries=1", "server.trusted_proxies=127.0.0.1,127.0.0.2")
        stack.enter_context(made.registry(5000, *common))
        stack.enter_context(made.registry(5001, *common, "server.external_url=https://images.example.org/images"))
        servers = {
            "registry": whole,
            "ported": _renamed(whole, "localhost", "ported").replace("listen 443 ssl", "listen 8443 ssl"),
            "shared": _renamed(whole.replace(everything, shared), "shared.example.org", "shared"),
            "below": _renamed(whole.replace(everything, below), "images.example.org", "below").replace("5000", "5001"),
            "edge": _edge(whole),
        }
        stack.enter_context(made.nginx(servers))
        yield made


def entries(house: House, port: int, request_id: str) -> dict[str, Any]:
    """What the access log of the registry at `port` says of a request."""
    file = house.root / f"registry-{port}" / "access.log"
    end = time.monotonic() + START_DEADLINE_S
    while time.monotonic() < end:
        for entry in log_files.entries(file):
            if entry["request_id"] == request_id:
                return entry
        time.sleep(_POLL_S)
    raise AssertionError(f"{request_id} is not in {file}")


def _renamed(server: str, name: str, upstream: str) -> str:
    assert "registry.example.org" in server
    return server.replace("registry.example.org", name).replace("moorage", upstream)


def _edge(server: str) -> str:
    """Two proxies one after the other: the outer one is documented, the inner one leaves to it what is said once."""
    outer = _renamed(server, "edge.example.org", "outer").replace("127.0.0.1:5000", "127.0.0.1:8080")
    outer = outer.replace("    location", "    proxy_bind 127.0.0.2;\n\n    location")
    inner = re.sub(r".*X-Forwarded-(Proto|Host).*\n|.*ssl_certificate.*\n", "", server)
    return outer + inner.replace("listen 443 ssl", "listen 127.0.0.1:8080").replace("moorage", "inner")


def _wait_for(condition: Any, log: Path) -> None:
    end = time.monotonic() + START_DEADLINE_S
    while not condition():
        assert time.monotonic() < end, log.read_text()
        time.sleep(_POLL_S)
