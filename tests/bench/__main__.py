"""Run the benchmarks one after the other, each as a process of its own, and print their tables.

    bin/as-user .venv/bin/python tests/bench [--quick] [NAME ...]

NAME is status, cycle, submit, endings, isolation, memory, month or web; without one all of these run, which
takes the better part of an hour. Nothing else should run meanwhile.
"""

import argparse
import subprocess
import sys
from pathlib import Path

NAMES = ("submit", "isolation", "status", "endings", "cycle", "memory", "month", "web")
HERE = Path(__file__).resolve().parent


def main() -> int:
    parser = argparse.ArgumentParser(description="Run benchmarks.")
    parser.add_argument("--quick", action="store_true", help="small numbers: shows that they run")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    given = parser.parse_args()
    if unknown := set(given.names) - set(NAMES):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    failed = []
    for name in given.names or NAMES:
        command = [sys.executable, str(HERE / f"bench_{name}.py"), *(["--quick"] if given.quick else [])]
        print(f"\n=== {name}", flush=True)
        if subprocess.run(command).returncode:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
