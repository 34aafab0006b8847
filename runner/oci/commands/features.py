"""`features`: what this runtime can do (runtime-spec, "Features Structure")."""

from __future__ import annotations

import sys

from runner.json_text import encode
from runner.oci.command import SPECIFICATION, VERSION, Command
from runner.oci.kernel.namespaces import FLAGS
from runner.oci.operands import none
from runner.oci.spec.capability_names import NAMES
from runner.oci.spec.config_parsing import HOOK_POINTS
from runner.oci.spec.mount_options import WORDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.oci.command import Context
    from runner.oci.options import Given


def _run(given: Given, _context: Context) -> int:
    none(given.operands)
    sys.stdout.write(encode(_features()) + "\n")
    return 0


def _features() -> dict[str, object]:
    from runner.seccomp.profile import FLAGS as SECCOMP_FLAGS
    from runner.seccomp.profile import OPERATORS

    return {
        "ociVersionMin": "1.0.0",
        "ociVersionMax": SPECIFICATION,
        "hooks": HOOK_POINTS,
        "mountOptions": sorted(WORDS),
        "linux": {
            "namespaces": sorted(FLAGS),
            "capabilities": NAMES,
            "cgroup": {"v1": True, "v2": True, "systemd": False, "systemdUser": False, "rdma": False},
            "seccomp": {
                "enabled": True,
                "operators": [f"SCMP_CMP_{operator}" for operator in OPERATORS],
                "supportedFlags": sorted(SECCOMP_FLAGS),
            },
            "apparmor": {"enabled": True},
            "selinux": {"enabled": True},
            "intelRdt": {"enabled": False},
            "mountExtensions": {"idmap": {"enabled": False}},
        },
        "annotations": {"org.moorage.runner-oci.version": VERSION},
    }


COMMAND = Command("print what this runtime can do, as JSON", "", (), _run)
