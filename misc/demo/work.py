"""The users' jobs and the pilots of the demo, as HTCondor sees them, and what came of them."""

import argparse
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.view import Tally
from testbed.pool import Pool

_SUMMARY = re.compile(r"^APF-WRAPPER: (.*)$", re.MULTILINE)


class Jobs:
    """Jobs of several kinds in the users' pool."""

    def __init__(self, pool: Pool, folder: Path, labels: Sequence[str], arguments: argparse.Namespace):
        self._pool = pool
        self._folder = folder
        self._labels = labels
        self._arguments = arguments
        self.submitted_at = 0.0

    def __len__(self) -> int:
        return int(self._arguments.jobs)

    def submit(self) -> None:
        """Put the jobs into the users' queue, evenly over the kinds."""
        for i, label in enumerate(self._labels):
            count = (len(self) + i) // len(self._labels)
            file = self._folder / f"{label}.sub"
            file.write_text(
                "executable = /bin/sleep\n"
                f"arguments = {self._arguments.seconds}\n"
                "transfer_executable = False\n"
                f'+MATCH_APF_QUEUE = "{label}"\n'
                "should_transfer_files = YES\nwhen_to_transfer_output = ON_EXIT\n"
                "request_memory = 100\nrequest_disk = 1024\nrequirements = True\n"
                f"queue {count}\n"
            )
            self._pool.run_client("condor_submit", str(file))
        self.submitted_at = time.time()

    def tally(self) -> Tally:
        """Return how they stand, from one answer of the users' pool; done ones leave its queue."""
        states = self._pool.run("condor_q", "-all", "-af", "JobStatus").stdout.split()
        running, ended = states.count("2"), states.count("4")
        waiting = len(states) - running - ended
        return Tally(waiting, running, len(self) - waiting - running)

    def first_done_at(self) -> float | None:
        """Return when the first job ended well, as seconds since the epoch."""
        ended = self._pool.run("condor_history", "-af", "CompletionDate", "ExitCode").stdout.splitlines()
        good = [float(when) for when, code in (line.split() for line in ended) if code == "0" and when != "0"]
        return min(good, default=None)

    def ended_well(self) -> int:
        """Return how many jobs ended with exit code 0."""
        return self._pool.run("condor_history", "-af", "ExitCode").stdout.split().count("0")


class Pilots:
    """The pilots in the factory's schedd."""

    def __init__(self, pool: Pool):
        self._pool = pool

    def left(self) -> int:
        """Return how many are in the queue."""
        return len(self._pool.run("condor_q", "-all", "-af", "JobStatus").stdout.split())


@dataclass(frozen=True)
class Summary:
    """What came of it all."""

    jobs: int
    pilots: int  # that the factory sent, as it says itself
    empty: int
    failed: int
    first_payload: float | None  # seconds from the submission of the jobs

    @classmethod
    def of(cls, jobs: Jobs, logs: Path, sent: int) -> "Summary":
        """Return the sum of what pool and pilots say in their last lines; `sent`: by the factory."""
        said = [_SUMMARY.findall(file.read_text(errors="replace")) for file in logs.glob("*/*/*.out")]
        ends = [
            dict(word.split("=", 1) for word in lines[-1].split() if "=" in word) for lines in said if lines
        ]
        first = jobs.first_done_at()
        return cls(
            jobs=jobs.ended_well(),
            pilots=sent,
            empty=sum(end.get("payloads") == "0" for end in ends),
            failed=sent - len(ends) + sum(end.get("exit") != "0" for end in ends),
            first_payload=None if first is None else first - jobs.submitted_at,
        )

    def all_well(self, expected: int) -> bool:
        """Return whether all jobs are done and no pilot failed."""
        return self.jobs == expected and self.failed == 0

    def text(self, *, complete: bool, exit_code: int) -> str:
        """Return the summary for people."""
        first = "none" if self.first_payload is None else f"{self.first_payload:.0f} s after the jobs came"
        outcome = "done" if complete else "NOT DONE IN TIME"
        return (
            f"\n{outcome}: {self.jobs} jobs ended well; {self.pilots} pilots sent, "
            f"{self.empty} of them ran nothing, {self.failed} failed;\n"
            f"first payload finished: {first}; the factory ended with code {exit_code}"
        )
