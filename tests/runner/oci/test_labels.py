import os

import pytest

from runner.oci.errors import CallFailed
from runner.oci.program import labels
from runner.oci.spec.values import Process
from tests.runner.oci.spec.test_config_parsing import parse, process


def labelled() -> Process:
    """The program of a container that asks for a profile and a label."""
    return parse(process=process(apparmorProfile="box", selinuxLabel="a:b:c")).process


def test_labels_are_opened_by_the_process_that_they_are_for() -> None:
    proc = labels.open_proc()
    pid = os.fork()
    if pid == 0:
        try:
            opened = labels.open_all(labelled(), proc)
            os._exit(0 if len(opened) == 2 else 1)
        finally:
            os._exit(2)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(proc)


def test_proc_is_closed_when_the_labels_are_open() -> None:
    proc = labels.open_proc()

    labels.open_all(parse().process, proc)

    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(proc)


def test_a_label_that_nobody_knows_is_told() -> None:
    with pytest.raises(CallFailed, match="label"):
        labels.open_all(labelled(), labels.open_proc())[0].apply()
