"""Which devices a container may use: what its configuration says, between a rule that denies all and the defaults."""

from __future__ import annotations

from runner.cgroups.resources import DeviceRule, Resources

_DENY_ALL = DeviceRule(False, "a", None, None, "rwm")
# What every container may use, as other runtimes let it: making device files of any kind (which are of no use without a
# rule that allows reading or writing), the default devices, and terminals.
_ALWAYS = (
    DeviceRule(True, "c", None, None, "m"),
    DeviceRule(True, "b", None, None, "m"),
    *(DeviceRule(True, "c", 1, minor, "rwm") for minor in (3, 5, 7, 8, 9)),
    DeviceRule(True, "c", 5, 0, "rwm"),
    DeviceRule(True, "c", 5, 2, "rwm"),
    DeviceRule(True, "c", 136, None, "rwm"),
)


def complete(resources: Resources) -> Resources:
    """The same limits with all rules that devices have, in the order in which the kernel is to take them."""
    return resources._replace(devices=(_DENY_ALL, *resources.devices, *_ALWAYS))
