"""A process that gives up its rights and unpacks a layer: from its standard input, beneath an open directory.

`python -m tests.runner.layers.unpacking_by_nobody DESCRIPTOR`; it tells what came of it as three numbers.
"""

import io
import os
import sys

from runner.layers.extraction import unpack
from runner.layers.whiteouts import for_this_process

NOBODY = 65534


def main() -> None:
    layer = io.BytesIO(sys.stdin.buffer.read())
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    done = unpack(layer, int(sys.argv[1]), for_this_process())
    sys.stdout.write(f"{done.entries} {done.size} {done.skipped_devices}")


if __name__ == "__main__":
    main()
