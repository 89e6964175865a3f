"""What sending pilots costs, against the bare submission of the same description.

    bin/as-user .venv/bin/python tests/bench/bench_submit.py [--quick]

The plugin writes the description anew each time, sends it through the child process in chunks of a hundred
and keeps it as a file. The last columns add what a cycle does around that: the intent, durable on disk, and
the confirmation.
"""

import common
from common import Bare, Box

from autopyfactory.accounting.ledger import Ledger
from autopyfactory.accounting.reservations import Reservations
from autopyfactory.plugins.base import BatchSubmitPlugin

GOAL = 1.15
CHUNK = 100  # what the bare submission is divided into as well: more would stall the schedd's other clients
FULL = {1: 201, 10: 101, 100: 31, 1000: 9}
QUICK = {1: 5, 10: 3, 150: 1}


def chunks(n: int) -> list[int]:
    return [min(CHUNK, n - i) for i in range(0, n, CHUNK)]


class Sender:
    """The ways to send `n` pilots."""

    def __init__(self, submit: BatchSubmitPlugin, bare: Bare, ledger: Ledger):
        assert submit.chunk == CHUNK
        self.submit, self.bare, self.ledger = submit, bare, ledger
        self.reservations = Reservations(ledger, lambda scope: 0)

    def plain(self, n: int) -> None:
        description = self.submit.describe("bare")
        for part in chunks(n):
            self.bare.submit(description, part)

    def plugin(self, n: int) -> None:
        for part in chunks(n):
            assert self.submit.submit(part, "plugin", 60).count == part

    def cycle(self, n: int) -> None:
        for part in chunks(n):
            intent = self.reservations.reserve("queue", self.submit.target, part, ()).intent
            assert intent is not None
            sent = self.submit.submit(part, intent.tag, 60)
            self.ledger.confirm(intent, sent.cluster, sent.count)


def measure(sender: Sender, n: int, times: int) -> list[str]:
    plugin = common.compare(lambda: sender.plugin(n), lambda: sender.plain(n), times)
    sender.bare.remove("true")
    cycle = common.compare(lambda: sender.cycle(n), lambda: sender.plain(n), times)
    sender.bare.remove("true")
    return [f"{n:,}", *plugin.cells(), common.verdict(plugin.ratio, GOAL), cycle.cells()[0], cycle.cells()[2]]


def main() -> None:
    sizes = QUICK if common.arguments(__doc__).quick else FULL
    with common.access_point("ap") as (folder, [pool]):
        box = Box(folder / "f", pool, "bench")
        box.queue("queue", **common.PILOTS)
        submit = common.plugin_of(box, "batchsubmit")
        assert isinstance(submit, BatchSubmitPlugin)
        ledger = Ledger(folder / "ledger.db")
        lines = [measure(Sender(submit, Bare(pool), ledger), n, times) for n, times in sizes.items()]
    columns = ["pilots", "plugin ms", "bare ms", "ratio", f"goal {GOAL}", "with ledger ms", "ratio"]
    common.show("Submission", columns, lines)


if __name__ == "__main__":
    main()
