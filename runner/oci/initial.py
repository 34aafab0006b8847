"""The container's first process, from its fork to its program."""

from __future__ import annotations

import os

from runner.cgroups import hierarchies
from runner.oci import children, dialogue, hooks, sysctls
from runner.oci.kernel import tasks
from runner.oci.program import becoming, labels, terminal
from runner.oci.rootfs import assembly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from runner.cgroups.hierarchies import Host
    from runner.oci.dialogue import Channel
    from runner.oci.order import Order
    from runner.oci.program.terminal import Terminal


def run(order: Order, channel: Channel, opened: list[int] | None) -> NoReturn:
    """Become the container's program; or tell why not, and end.

    Args:
        order: what the container shall be.
        channel: to the runtime.
        opened: what the binds show, where the runtime has opened that.
    """
    children.run(channel, lambda: _begin(order, channel, opened))


def _begin(order: Order, channel: Channel, opened: list[int] | None) -> None:
    config = order.config
    os.setsid()
    _settle(order)
    chosen = labels.open_all(config.process, labels.open_proc())
    root = assembly.assemble(config, _hierarchies(order), opened)
    console = _open_console(order, root)
    if config.hooks:
        channel.send(dialogue.HOOKS)
        number = int(channel.wait_for_go())
        state = {**order.state, "status": "creating", "pid": number}
        hooks.run("createContainer", config.hooks.get("createContainer", ()), state)
    assembly.restrict(root, config)
    assembly.enter(root, config)
    os.close(root)
    means = becoming.Means(console, chosen, order.filter, order.preserved, order.new_keyring)
    program = becoming.prepare(config.process, means, lambda text: channel.send(dialogue.WARNING, text))
    channel.ask(dialogue.CREATED)
    channel.close()
    _wait_for_start(order.fifo)
    hooks.run(
        "startContainer",
        config.hooks.get("startContainer", ()),
        {**order.state, "status": "created", "pid": os.getpid()},
    )
    becoming.become(program)


def _settle(order: Order) -> None:
    """What the namespaces are called and set to, while /proc still is the host's."""
    config = order.config
    if config.hostname:
        tasks.set_hostname(config.hostname)
    if config.domainname:
        tasks.set_domainname(config.domainname)
    network = config.linux.namespace("network")
    if network is not None and network.path is None:
        sysctls.bring_loopback_up()
    sysctls.write(config.linux.sysctls)
    if config.linux.personality is not None:
        tasks.set_personality(config.linux.personality)


def _hierarchies(order: Order) -> Host:
    """Where this process sees the hierarchies of cgroups mounted: where the runtime did, but in another's namespace."""
    namespace = order.config.linux.namespace("mount")
    return order.cgroup.host if namespace is None or namespace.path is None else hierarchies.detect()


def _open_console(order: Order, root: int) -> Terminal | None:
    if order.console is None:
        return None
    console = terminal.create(root)
    if order.config.process.console_size is not None:
        console.resize(order.config.process.console_size)
    console.bind_console(root)
    console.hand_over(order.console)
    return console


def _wait_for_start(fifo: int) -> None:
    # It stays open until the program is executed: that is how others tell the two states apart.
    os.read(fifo, 1)
