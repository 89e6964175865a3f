"""What a refresh of the batch status costs, against the bare query with the same keys.

    bin/as-user .venv/bin/python tests/bench/bench_status.py [--quick]

Ours is all that happens between two cycles: the question through the child process, the rows turned into
counts per queue, and set against the book of pilots, which knows each of them; then the endings since the
last time. What endings cost, a look into queue and history, does not grow with the pilots that are there; one
column leaves them out. The last one is against a query for queue and states alone, without which there are no
numbers per queue: ours have one attribute for queue, book, CE and kind. Each line has a schedd of its own.
"""

import common
from common import Bare, Box

from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.accounting.ledger import Ledger
from autopyfactory.model.clock import SystemClock
from autopyfactory.plugins.batchstatus.condor import BY_GROUP, Condor
from autopyfactory.sources.place import PlaceWatch

GOAL = 1.25
FULL = [(jobs, queues) for jobs in (10_000, 100_000) for queues in (10, 100, 1000)]
QUICK = [(300, 10), (300, 100)]


def measure(jobs: int, queues: int, times: int) -> list[str]:
    names = [f"queue{i}" for i in range(queues)]
    with common.access_point("ap") as (folder, [pool]):
        box = Box(folder / "f", pool, "bench")
        box.factory_options["batchstatus.condor.timeout"] = "60"
        box.queue(names[0], **common.PILOTS)
        bare = Bare(pool)
        common.fill(bare, box, names, jobs)
        plugin = common.plugin_of(box, "batchstatus")
        assert isinstance(plugin, Condor)
        book = Bookkeeper(Ledger(folder / "ledger.db"), SystemClock())
        watch = PlaceWatch(plugin, book)
        watch.fetch()  # the first time all pilots are taken into the book, by their tags
        watch.after()
        (standing,) = book.standings()
        assert (standing.balance.open, standing.balance.even) == (jobs, True)

        def refresh() -> None:
            status = watch.fetch()
            watch.after()
            assert (status.active, len(status.queues)) == (jobs, queues)

        pairs = common.compare(refresh, lambda: bare.counts("bench", BY_GROUP), times)
        counted = common.compare(watch.fetch, lambda: bare.counts("bench", BY_GROUP), times)
        fewer = common.compare(refresh, lambda: bare.counts("bench"), times)
        watch.after()
        rows = len(bare.counts("bench", BY_GROUP))
    cells = [
        *pairs.cells(), common.verdict(pairs.ratio, GOAL), f"{counted.ratio:.2f}", f"{fewer.ratio:.2f}"
    ]  # fmt: skip
    return [f"{jobs:,}", f"{queues:,}", f"{rows:,}", *cells]


def main() -> None:
    quick = common.arguments(__doc__).quick
    lines = [measure(jobs, queues, 3 if quick else 41) for jobs, queues in (QUICK if quick else FULL)]
    columns = [
        "pilots", "queues", "rows", "refresh ms", "bare query ms", "ratio", f"goal {GOAL}", "without endings",
        "three keys",
    ]  # fmt: skip
    common.show("Batch status refresh", columns, lines)


if __name__ == "__main__":
    main()
