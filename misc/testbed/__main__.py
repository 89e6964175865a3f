"""``python misc/testbed COMMAND`` and ``python -m testbed COMMAND``."""

import sys
from pathlib import Path

if not __package__:  # run as a directory: only the directory itself is on the path then
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from testbed.cli import main

if __name__ == "__main__":
    sys.exit(main())
