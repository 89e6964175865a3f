"""The factory at work on a small real grid, from the first job to the last pilot, in one command."""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from demo import local, real
from testbed.errors import TestbedError


def main() -> int:
    """Run the demo; return its exit code."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument(
        "--jobs", type=int, default=40, help="how many jobs the users have (default: %(default)s)"
    )
    parser.add_argument("--seconds", type=int, default=3, help="how long a job takes (default: %(default)s)")
    parser.add_argument(
        "--limit", type=int, default=400, help="give up after so many seconds (default: %(default)s)"
    )
    parser.add_argument("--local", action="store_true", help="pilots as local processes, without HTCondor")
    parser.add_argument("--keep", action="store_true", help="leave all of it up until interrupted")
    parser.add_argument("--picture", type=Path, help="keep one look at the table in this file, as SVG")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="autopyfactory-demo-") as place:
        folder = Path(place)
        folder.chmod(0o755)
        if not arguments.local:
            try:
                return real.run(folder, arguments)
            except TestbedError as error:
                print(f"no HTCondor can be had here: {error}", file=sys.stderr)
                print("the same loop follows with pilots as local processes", file=sys.stderr)
        return local.run(folder, arguments)


if __name__ == "__main__":
    sys.exit(main())
