"""The child process: reads requests from its standard input, calls HTCondor, writes replies.

Run as `python -m autopyfactory.condor.worker PARENT_PID SCHEDD COLLECTOR AGE` ("" for a name that is not
given; AGE: seconds after which it asks anew where the schedd is). It holds nothing that matters and may be
killed at any time.

A request is {"operation", "arguments"}. A reply is {"result"} or {"error": [type, text]}, with "rss" in kB.
"""

from __future__ import annotations

import gc
import os
import select
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from autopyfactory.condor.diagnosis import NOT_BEGUN
from autopyfactory.condor.errand import Errand
from autopyfactory.condor.frames import Assembler, pack
from autopyfactory.condor.lifeline import tie_to_parent

if TYPE_CHECKING:
    from autopyfactory.condor.operations import Operations

# Exit status that says: ended for lack of work, having read no request.
IDLE = 76
IDLE_SECONDS = 300.0
# Without a request for so long there is time to tidy up, which takes as long as a third of a submission; who
# sends for many queues in a row does not wait for that, but once in so many requests.
QUIET = 0.02
UNTIDY = 50
# A call that failed later than this met a daemon that hangs: asking again would only cost the caller's time.
RETRY_WITHIN = 2.0
# After a restart of both, one attempt fails on the old session with the schedd and one on that with the
# collector.
ATTEMPTS = 3
_WRITES = ("submit",)


def own_output() -> int:
    """The descriptor for replies. Standard output itself becomes standard error: libraries may print."""
    replies = os.dup(1)
    os.dup2(2, 1)
    return replies


def requests(tidy: Callable[[], None]) -> Iterator[dict[str, Any]]:
    """The requests of the parent, until it closes the pipe or has had no work for us for a while.

    Calls `tidy` when there is time for it between two.
    """
    pipe = Assembler()
    answered = 0  # since it was tidy
    while True:
        if pipe.empty and (answered >= UNTIDY or not _comes(QUIET)):
            tidy()
            answered = 0
            if not _comes(IDLE_SECONDS):
                sys.exit(IDLE)
        piece = os.read(0, 1 << 20)
        if not piece:
            return
        pipe.feed(piece)
        while (request := pipe.take()) is not None:
            yield request
            answered += 1


def _comes(seconds: float) -> bool:
    return bool(select.select([0], [], [], seconds)[0])


def resident_kb() -> int:
    """Our resident memory."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * (os.sysconf("SC_PAGE_SIZE") // 1024)


def worth_repeating(operation: str, text: str, seconds: float) -> bool:
    """True if a call that failed may be repeated on a fresh location without doing anything twice."""
    if seconds > RETRY_WITHIN or "DENIED" in text:
        return False
    # A submission only if it failed before its transaction began.
    return operation not in _WRITES or text.startswith(NOT_BEGUN)


def answer(operations: Operations, name: str, arguments: list[Any]) -> dict[str, Any]:
    """Do what one request asks; a failed call that may be repeated is repeated on a fresh location."""
    for attempt in range(1, ATTEMPTS + 1):
        start = time.monotonic()
        try:
            return {"result": getattr(operations, name)(*arguments)}
        except Exception as error:  # noqa: BLE001  whatever the bindings raise is the parent's to judge
            operations.forget()
            failure = {"error": [type(error).__name__, str(error)]}
            # Only the bindings' own errors can be due to a stale location.
            transient = type(error).__name__ == "HTCondorException" and attempt < ATTEMPTS
            if not transient or not worth_repeating(name, str(error), time.monotonic() - start):
                break
    return failure


def main() -> NoReturn:
    """Serve until told to stop."""
    parent, schedd, collector, age = sys.argv[1:5]
    tie_to_parent(int(parent))
    replies = own_output()
    # Imported here: not before the child is tied to its parent.
    import htcondor2

    from autopyfactory.condor.operations import Operations

    htcondor2.enable_debug()  # standard error then says why, where the exceptions only say that
    operations = Operations(schedd or None, collector or None)
    errand = Errand(operations.where, (replies,))
    gc.freeze()
    gc.disable()  # garbage is collected between requests
    for request in requests(operations.tidy):
        operations.settle(errand.answer(), errand.age)
        reply = answer(operations, request["operation"], request["arguments"])
        data = memoryview(pack(reply | {"rss": resident_kb()}))
        while data:
            data = data[os.write(replies, data) :]
        if min(operations.age, errand.age) > float(age):
            errand.begin()
    sys.exit(0)


if __name__ == "__main__":
    main()
