"""`registry client-config`: the files that clients on other machines need, and where they go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from registry.certificates.errors import CertificateError
from registry.cli import output
from registry.cli.options import as_json, configured_unchecked
from registry.client_files import containerd, docker, k3s, podman
from registry.client_files.target import PathUnreachable, Setup, Target
from registry.config import Config, Resolved
from registry.config.values import ExternalUrl

_SETUPS: Final[Mapping[str, Callable[[Sequence[Target], int], Setup]]] = {
    "docker": lambda targets, _: docker.setup(targets),
    "containerd": containerd.setup,
    "podman": lambda targets, _: podman.setup(targets),
    "kubernetes": containerd.kubernetes_setup,
    "k3s": lambda targets, _: k3s.setup(targets),
}

_file = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("client-config")
@click.argument("kind", type=click.Choice(list(_SETUPS)), metavar="KIND")
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="How clients reach the registry: NAME, NAME:PORT or a URL; may be repeated.",
)
@click.option("--ca", type=_file, metavar="FILE", help="Certificates of the authority that clients have to trust.")
@click.option("--cert", type=_file, metavar="FILE", help="Certificate that the client shows (tls.client_ca).")
@click.option("--key", type=_file, metavar="FILE", help="Its key; default the file beside it that ends with .key.")
@click.option(
    "--containerd-major",
    type=click.IntRange(1, 2),
    default=2,
    show_default=True,
    metavar="N",
    help="Major version of containerd, whose configuration names things differently.",
)
@click.option(
    "--write",
    "root",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Place the files below DIR, as if that were /, and list them.",
)
@click.option("--force", is_flag=True, help="With --write: replace files that are there, unless others share them.")
@as_json
@configured_unchecked()
def command(
    resolved: Resolved,
    *,
    kind: str,
    hosts: Sequence[str],
    ca: Path | None,
    cert: Path | None,
    key: Path | None,
    containerd_major: int,
    root: Path | None,
    force: bool,
    json_output: bool,
) -> None:
    """Show the files that clients need, and where they go.

    KIND is docker, containerd, podman (also buildah, skopeo and CRI-O), kubernetes or k3s. What is not said with flags
    comes from the configuration: names and port, whether it speaks HTTPS, and who vouches for its certificate.
    """
    if key is not None and cert is None:
        raise click.UsageError("--key goes with --cert")
    if force and root is None:
        raise click.UsageError("--force goes with --write")
    with _refusals():
        targets = _targets(resolved.config, hosts=hosts, ca=ca, cert=cert, key=key)
        setup = _SETUPS[kind](targets, containerd_major)
        written = _written(setup, root, force) if root is not None else None
    if json_output:
        output.print_json(_as_json(targets, setup, written))
    else:
        _print(setup, written)
        _tell(targets, setup)


def _targets(
    config: Config, *, hosts: Sequence[str], ca: Path | None, cert: Path | None, key: Path | None
) -> list[Target]:
    from registry.client_files import finding

    urls = _addresses(config, hosts)
    if (ca or cert) and (plain := next((url for url in urls if url.scheme == "http"), None)):
        raise click.UsageError(f"certificates are for HTTPS, and {plain} is not; say --host https://{plain.authority}")
    pair = finding.client_pair(cert, key or cert.with_suffix(".key")) if cert is not None else None
    if config.tls.client_ca is not None and pair is None:
        _say("the registry asks clients for certificates: make one with `registry tls client`, and name it with --cert")
    authorities = finding.authorities(ca) if ca is not None else _vouched(config, urls)
    return [Target(url, authorities, pair) for url in urls]


def _addresses(config: Config, hosts: Sequence[str]) -> list[ExternalUrl]:
    from registry.client_files import finding

    try:
        if hosts:
            return [finding.address(host, config) for host in hosts]
    except ValueError as error:
        raise click.UsageError(f"Invalid value for '--host': {error}") from error
    try:
        found = finding.addresses(config)
    except ValueError as error:
        raise click.ClickException(f"server.external_url: {error}") from error
    if config.server.external_url is None and config.server.listen.is_loopback:
        _say(f"the registry listens on {config.server.listen}, where only this machine reaches it: set server.listen")
    return found


def _vouched(config: Config, urls: Sequence[ExternalUrl]) -> str | None:
    from registry.client_files import finding

    if all(url.scheme == "http" for url in urls):
        return None
    found = finding.vouched(config)
    if found.issuer is not None:
        _say(f"clients have to trust {found.issuer} already; if they do not, name its certificate with --ca")
    return found.text


def _written(setup: Setup, root: Path, force: bool) -> list[Path]:
    from registry.client_files import writing

    return writing.overwrite(setup.files, root) if force else writing.write(setup.files, root)


@contextmanager
def _refusals() -> Iterator[None]:
    from registry.client_files.finding import AddressUnknown
    from registry.client_files.writing import InTheWay

    try:
        yield
    except (CertificateError, PathUnreachable, AddressUnknown, InTheWay, OSError) as error:
        raise click.ClickException(str(error)) from error


def _print(setup: Setup, written: Sequence[Path] | None) -> None:
    if written is not None:
        for path in written:
            click.echo(path)
        return
    texts = []
    for file in setup.files:
        shared = ", to be put into the file that may be there" if file.is_shared else ""
        texts.append(f"# {file.path} (mode {file.mode:o}{shared})\n{file.content}")
    click.echo("\n".join(texts), nl=False)


def _tell(targets: Sequence[Target], setup: Setup) -> None:
    for target in targets:
        how = "over plain HTTP" if target.is_plain else "over HTTPS"
        _say(f"for images whose names begin with {target.authority}/, {how}")
    if not setup.files:
        _say("no file is needed")
    for hint in setup.hints:
        _say(hint)


def _say(text: str) -> None:
    click.echo(text, err=True)


def _as_json(targets: Sequence[Target], setup: Setup, written: Sequence[Path] | None) -> dict[str, object]:
    document: dict[str, object] = {
        "registries": [str(target.url) for target in targets],
        "files": [
            {"path": str(file.path), "mode": f"{file.mode:04o}", "shared": file.is_shared, "content": file.content}
            for file in setup.files
        ],
        "hints": list(setup.hints),
    }
    return document if written is None else {**document, "written": [str(path) for path in written]}
