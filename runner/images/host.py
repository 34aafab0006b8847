"""What images this machine runs."""

from __future__ import annotations

import os

from oci_spec.descriptor import Platform
from oci_spec.platforms import normalized


def platform() -> Platform:
    """The platform of this machine; on 32-bit ARM with the variant that the kernel names."""
    return normalized(Platform("linux", os.uname().machine))
