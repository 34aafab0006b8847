"""The file that an interpreter without site packages is given (`python -I -S launch.py …`)."""

import sys

sys.path.insert(0, __file__.rpartition("/runner/oci/")[0])

from runner.oci.main import main

sys.exit(main())
