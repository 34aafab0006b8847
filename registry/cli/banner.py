"""What a person reads when the registry has started: where it is, where its data is, and what to paste next."""

from registry.config import Config
from registry.config.values import SocketAddress

_IMAGE = "team/app:1"


def banner(config: Config, address: SocketAddress) -> str:
    """The lines to print once the registry listens on `address` (the real port, where 0 was asked for)."""
    scheme = "https" if config.tls.certificate is not None else "http"
    host = _host_for_clients(config, address)
    lines = [
        f"Moorage listens on {scheme}://{address}",
        f"  database  {config.database.url.masked}",
        f"  blobs     {config.storage.filesystem.root}",
        f"  API       {_base_url(config, scheme, host)}/api/v1/openapi.json",
        "",
        "Push an image and pull it back:",
        "",
        *([f"  docker login {host}"] if config.auth.mode == "token" else []),
        f"  docker tag IMAGE {host}/{_IMAGE}",
        f"  docker push {host}/{_IMAGE}",
        f"  docker pull {host}/{_IMAGE}",
    ]
    if scheme == "http" and config.server.external_url is None:
        lines += [
            "",
            "This is plain HTTP, which these have to be told:",
            "",
            f"  podman push --tls-verify=false {host}/{_IMAGE}",
            f"  skopeo copy --dest-tls-verify=false docker-daemon:IMAGE docker://{host}/{_IMAGE}",
        ]
    return "\n".join(lines)


def _host_for_clients(config: Config, address: SocketAddress) -> str:
    external = config.server.external_url
    if external is not None:
        return f"{external.authority}{external.path_prefix}"
    # Docker takes plain HTTP from localhost only, and no client can connect to "every interface".
    if address.is_loopback or address.host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not listened on
        return f"localhost:{address.port}"
    return str(address)


def _base_url(config: Config, scheme: str, host: str) -> str:
    return str(config.server.external_url) if config.server.external_url is not None else f"{scheme}://{host}"
