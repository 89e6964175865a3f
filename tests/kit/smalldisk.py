"""Run a command with a small file system in one of its folders, which lines on standard input fill and empty.

`smalldisk.py FOLDER MOUNT-OPTIONS COMMAND...` belongs into namespaces of its own (`NAMESPACES`): nobody else
sees the file system. The lines: `fill`: until it takes no byte more; `files`: until it takes no file more;
`leave N`: until N bytes are left; `empty`: away with all that.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

NAMESPACES = ("unshare", "--user", "--map-root-user", "--mount")
PIECE = 16 * 1024  # bytes


def _fill(folder: Path, leave: int = 0) -> None:
    with contextlib.suppress(OSError), (folder / "ballast").open("ab", buffering=0) as file:
        while True:
            room = os.statvfs(folder)
            if leave and room.f_bavail * room.f_frsize <= leave:
                return
            file.write(b"x" * PIECE)


def _files(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for n in range(10**6):
            (folder / f"ballast{n}").touch()


def _empty(folder: Path) -> None:
    for file in folder.glob("ballast*"):
        file.unlink()


def main() -> int:
    folder, options = Path(sys.argv[1]), sys.argv[2]
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], check=True)
    ordinary = ("unshare", "--user", "--map-user=1000", "--map-group=1000")  # no longer root, even here
    child = subprocess.Popen([*ordinary, *sys.argv[3:]], stdin=subprocess.DEVNULL)
    try:
        for line in sys.stdin:
            word, _, number = line.strip().partition(" ")
            if word == "files":
                _files(folder)
            elif word == "empty":
                _empty(folder)
            else:
                _fill(folder, int(number or 0))
        return child.wait()
    finally:
        child.kill()


if __name__ == "__main__":
    sys.exit(main())
