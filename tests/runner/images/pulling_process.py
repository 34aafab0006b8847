"""A process that pulls, again and again, each time in a child that may be killed: its imports are paid for once.

For each line on its standard input, a store and the name of an image, it forks a child that pulls, tells its process
id, and then, when it has ended, its status.
"""

import asyncio
import os
import sys
import traceback
from typing import NoReturn

from oci_spec.image_name import ImageName
from runner.images.progress import Nobody
from runner.images.pulling import Pull, pull
from runner.store.folders import Store
from tests.runner.images.making import connect, endpoint_of


def main() -> None:
    for line in sys.stdin:
        root, name = line.split()
        child = os.fork()
        if child == 0:
            _pull(Store(root), ImageName.parse(name))
        _tell(child)
        _tell(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _pull(store: Store, name: ImageName) -> NoReturn:
    try:
        asyncio.run(pull(Pull(store, connect, Nobody()), name, [endpoint_of(name)]))
        os._exit(0)
    except BaseException:  # noqa: BLE001 - whatever it is, the test is to see it
        traceback.print_exc()
        os._exit(1)


def _tell(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
