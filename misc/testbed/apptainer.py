"""Apptainer, without privileges: Debian has it in its development suite only."""

from pathlib import Path

from testbed.folder import Add, folder

SUITE = "sid"
SESSION = "var/lib/apptainer/mnt/session/.keep"
# It looks for its configuration and its session beside itself, by two ways of telling where that is.
ADDITIONS = [
    Add("usr/etc", link="../etc"),
    Add("usr/lib/etc", link="../../etc"),
    Add("etc/apptainer/capability.json", "{}\n"),
    Add(f"usr/{SESSION}"),
    Add(f"usr/lib/{SESSION}"),
]


def find() -> Path:
    """The program; a first call may take a minute to build its folder. Raises Unavailable."""
    return folder("apptainer", ["apptainer"], additions=ADDITIONS, suite=SUITE) / "usr/bin/apptainer"
