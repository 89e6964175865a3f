"""What sending pilots costs, against the bare submission of the same description.

    bin/as-user .venv/bin/python tests/bench/bench_submit.py [--quick]

The plugin writes the description anew each time, sends it through the child process in chunks of a hundred
and keeps it as a file. The last columns add what a cycle does around that: the intent, durable on disk, and
the confirmation.
"""

import common
from common import Bare, Box

from autopyfactory.accounting.book import bits
from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.accounting.ledger import Ledger
from autopyfactory.accounting.protocol.sending import Ask
from autopyfactory.accounting.requests import Submitted
from autopyfactory.model.clock import SystemClock
from autopyfactory.plugins.base import BatchStatusPlugin, BatchSubmitPlugin
from autopyfactory.sources.place import PlaceWatch

GOAL = 1.15
CHUNK = 100  # what the bare submission is divided into as well: more would stall the schedd's other clients
FULL = {1: 201, 10: 101, 100: 31, 1000: 9}
QUICK = {1: 5, 10: 3, 150: 1}


def chunks(n: int) -> list[int]:
    return [min(CHUNK, n - i) for i in range(0, n, CHUNK)]


class Sender:
    """The ways to send `n` pilots."""

    def __init__(self, submit: BatchSubmitPlugin, bare: Bare, book: Bookkeeper):
        assert submit.chunk == CHUNK
        self.plugin_, self.bare, self.book = submit, bare, book

    def plain(self, n: int) -> None:
        description = self.plugin_.describe("bare")
        for part in chunks(n):
            self.bare.submit(description, part)

    def plugin(self, n: int) -> None:
        for part in chunks(n):
            assert self.plugin_.submit(part, "plugin", 60).count == part

    def cycle(self, n: int) -> None:
        done = self.book.send(Ask("queue", self.plugin_.target, self.plugin_.ce, n), self, lambda: False)
        assert sum(one.count for one in done.sent) == n, done

    def submit(self, batch, identity) -> Submitted:
        sent = self.plugin_.submit_to(identity, batch.n, batch.tag, 60)
        return Submitted(sent.cluster, bits(range(sent.count)))


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
        status = common.plugin_of(box, "batchstatus")
        assert isinstance(status, BatchStatusPlugin)
        book = Bookkeeper(Ledger(folder / "ledger.db"), SystemClock())
        watch = PlaceWatch(status, book)
        watch.fetch()
        watch.after()
        lines = [measure(Sender(submit, Bare(pool), book), n, times) for n, times in sizes.items()]
    columns = ["pilots", "plugin ms", "bare ms", "ratio", f"goal {GOAL}", "with ledger ms", "ratio"]
    common.show("Submission", columns, lines)


if __name__ == "__main__":
    main()
