"""Endings of pilots, and what pilots write."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from autopyfactory.accounting.lately import Lately, Memory
from autopyfactory.accounting.tally import TallyStore
from autopyfactory.external.clocks import Clocks
from autopyfactory.external.setahead import SetAhead
from autopyfactory.model.ending import Ending, Outcome

T = 1_795_300_000.0  # some moment


def ended(n: int, outcome: Outcome = "well", queue: str = "A", **given: Any) -> Ending:
    """Pilot 17.n, that ended n seconds before T after 3 s; `failed` with exit code 1."""
    code = {"failed": 1, "well": 0, "empty": 0}.get(outcome)
    base: dict[str, Any] = {
        "at": T - n, "wall": 3.0, "started": T - n - 3, "queued": T - n - 10, "exit_code": code,
        "output": f"/logs/17.{n}.out", "tag": "tag", "job": f"17.{n}",
    }  # fmt: skip
    return Ending("s@h", queue=queue, outcome=outcome, **{**base, **given})


def remembered(*endings: Ending, queue: str = "A") -> Lately:
    memory = Memory()
    memory.ended(endings)
    return memory.of(queue)


class Uptime:
    """Seconds since this host started, which nobody can set; and a judge of its clock whom nobody tells."""

    def __init__(self) -> None:
        self.at = 0.0

    def judge(self) -> SetAhead:
        return SetAhead(None, Clocks(), lambda: self.at)


def wrote(folder: Path, n: int, **said: Any) -> str:
    """Let pilot 17.n have written a summary; return its output's name."""
    path = folder / f"17.{n}.out"
    line = json.dumps({"schema": 1, "exit": 0, "payload": {"name": "panda", "total": 1}, **said})
    path.write_text(f"noise\nAPF-SUMMARY {line}\n")
    return str(path)


def tallied(folder: Path) -> None:
    """Let three queues have had pilots, as a factory with this state folder counts them: good, bad, worse."""
    now = time.time()
    store = TallyStore(folder / "tally.db")
    for queue, failed, well in (("good", 0, 5), ("bad", 1, 4), ("worse", 4, 1)):
        at: dict[str, Any] = {"at": now - 60, "wall": 3600.0, "started": now - 3660}
        store.note([ended(n, "failed", queue, job=f"{queue}.{n}", **at) for n in range(failed)])
        store.note([ended(n, "well", queue, job=f"{queue}.9{n}", **at) for n in range(well)])
    store.close()
