"""A bundle's directory and its config.json."""

from __future__ import annotations

import errno
import os

from runner.oci.errors import BundleInvalid

_LARGEST_CONFIG = 16 * 1024 * 1024


def read_config_text(bundle: str) -> str:
    """The text of a bundle's config.json.

    Raises:
        BundleInvalid: there is none that can be read.
    """
    return read_text(f"{bundle}/config.json")


def read_text(path: str) -> str:
    """The text of a file of an engine's.

    Raises:
        BundleInvalid: it cannot be read, or is larger than any honest one.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        with open(descriptor, encoding="utf-8") as file:
            text = file.read(_LARGEST_CONFIG + 1)
    except OSError as error:
        raise BundleInvalid(f"cannot be read: {os.strerror(error.errno or errno.EIO)}") from error
    except UnicodeDecodeError as error:
        raise BundleInvalid("is not UTF-8") from error
    if len(text) > _LARGEST_CONFIG:
        raise BundleInvalid(f"is larger than {_LARGEST_CONFIG} bytes")
    return text
