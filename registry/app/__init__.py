"""Assembly: the one place where the parts of the registry meet."""

from registry.app.assembly import open_services
from registry.app.serving import serve

__all__ = ["open_services", "serve"]
