"""`python -m autopyfactory.web`: how the daemon starts its web process."""

from __future__ import annotations

import argparse
import sys

from autopyfactory.web.server import serve


def main() -> int:
    """Serve the pages of a factory until standard input ends."""
    parser = argparse.ArgumentParser(prog="autopyfactory.web")
    parser.add_argument("--conf", required=True)
    parser.add_argument("--child", action="store_true")
    given = parser.parse_args()
    return serve(tuple(given.conf.split(",")), child=given.child)


if __name__ == "__main__":
    sys.exit(main())
