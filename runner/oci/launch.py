"""What an interpreter without site packages is given (`python -I -S launch.py …`), or imports, to be the command."""

import gc
import sys

# It does not live long enough for what a collection finds.
gc.disable()
sys.path.insert(0, __file__.rpartition("/runner/oci/")[0])

from runner import launching  # noqa: E402 - only now can it be found

launching.open_standard_streams()
launching.import_quickly()

from runner.oci.protection import ensure_early  # noqa: E402 - quickly

ensure_early(sys.argv)

from runner.oci.main import main  # noqa: E402 - an interpreter that begins anew need not have loaded it

launching.end(main())
