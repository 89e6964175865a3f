"""All fuzzers, one after the other: `python tests/fuzz [RUNS]`. The last line has the count.

Inputs are divided by what they cost: a knock at a door takes half a millisecond, a configuration that is
read, merged and rewritten, and now and then checked, shown and compared, some ten. So of a
hundred inputs 94 are for the dozen doors, and six for the configuration: each part takes about as long.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
PERCENT = {"fuzz_doors": 94, "fuzz_config": 6}


def main() -> None:
    """Give each fuzzer its part of the runs; the first crash ends it all, with libFuzzer's own words."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    done: dict[str, int] = {}
    began = time.monotonic()
    for name, percent in PERCENT.items():
        share = -(-runs * percent // 100)
        command = [sys.executable, str(HERE / f"{name}.py"), f"-runs={share}", "-print_final_stats=1"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as process:
            assert process.stderr is not None
            for line in process.stderr:
                found = re.match(r"Done (\d+) runs", line)
                done |= {name: int(found[1])} if found else {}
                if not line.startswith('"'):  # not its recommended dictionary
                    print(line, end="", flush=True)
        if process.returncode != 0 or name not in done:
            sys.exit(f"fuzz: {name} failed after {sum(done.values())} inputs of the others")
    seconds = time.monotonic() - began
    each = ", ".join(f"{name} {number}" for name, number in done.items())
    print(f"fuzz: {sum(done.values())} inputs in {seconds:.0f} s, no failure ({each})")


if __name__ == "__main__":
    main()
